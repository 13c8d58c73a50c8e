import type { FastifyInstance } from 'fastify'
import type { RouteSettings } from '../options/settings.ts'
import type { Tally } from '../tally.ts'
import type { Engine } from './engine.ts'

/** Where the look-up of a route runs: after it, no hook that could refuse the request is left. */
export type Place = 'onRequest' | 'preParsing' | 'handler'

/** A route that opted in, with all that is known before the first request. */
export interface CachedRoute {
  readonly engine: Engine
  readonly settings: RouteSettings
  /** `GET /user/:name`: for logs. */
  readonly where: string
  readonly pattern: string
  /** Pattern and constraints, as a part of every key. */
  readonly id: string
  /** The instance that declared it. */
  readonly instance: FastifyInstance
  /** Request fields that the key covers, or that no request which gets here carries: a `Vary` on them makes no variants. */
  readonly keyedFields: ReadonlySet<string>
  /** What the reply's `Vary` names because the key depends on it. */
  readonly varyNames: readonly string[]
  /** Settled before the first request. */
  place: Place
  /** Other `onSend` hooks follow the capture: they get the body's own type, and a copy. */
  hooked: boolean
  /**
   * Replies bring tags of their own (`tags` as a function, `reply.cache({ tags })`): look-ups read the fence, and fills watch
   * for purges of any tag. `undefined`: the first reply will tell.
   */
  lateTags: boolean | undefined
  /** What has become of its requests. */
  readonly tally: Tally
  /** Why the first hundred replies were not served or stored; `undefined` once one was. */
  reasons: Map<string, number> | undefined
}

/** The keys under which a cached route stands in the plugin's tables. */
export function keyedFieldsOf (settings: RouteSettings, credentials: readonly string[], versioned: boolean): Set<string> {
  const fields = new Set<string>([...settings.vary, 'host'])
  if (settings.cookies !== 'ignore') fields.add('cookie')
  if (settings.authorization !== 'ignore') for (const name of credentials) fields.add(name)
  if (versioned) fields.add('accept-version')
  return fields
}

export function varyNamesOf (settings: RouteSettings, credentials: readonly string[], versioned: boolean): string[] {
  const names = new Set<string>(settings.vary)
  if (settings.cookies !== 'ignore' && settings.cookies !== 'bypass') names.add('cookie')
  if (settings.authorization === 'vary') for (const name of credentials) names.add(name)
  if (versioned) names.add('accept-version')
  if (settings.compress !== false) names.add('accept-encoding')
  return [...names]
}
