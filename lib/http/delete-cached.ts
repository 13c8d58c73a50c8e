import type { FastifyRequest } from 'fastify'
import { errors } from '../errors.ts'
import { emit } from '../events.ts'
import { addressOf, purgeNames, schemeOf, type Place, type Scheme } from './address.ts'
import type { Engine } from './engine.ts'
import { nearest } from '../options/nearest.ts'
import { normalHost } from './key.ts'
import { fillPattern, hasParameters, matchesPattern, plainPattern } from './pattern.ts'
import type { CachedRoute } from './route.ts'

type QueryValue = string | number | boolean

/** Which entry of a cached route `deleteCached` means. */
export interface DeleteCachedOptions {
  /** The host that it was stored for, with the port where that is not the scheme's own; both schemes are meant. */
  host?: string | undefined
  /** Takes scheme and host from this request. */
  request?: FastifyRequest | undefined
  /** As text, with or without `?`, or names and values. */
  query?: string | Readonly<Record<string, QueryValue | readonly QueryValue[]>> | undefined
  /** The values of the pattern's parameters; `*` is the wildcard's. */
  params?: Readonly<Record<string, string | number>> | undefined
  /** `true`: stale instead of gone. */
  soft?: boolean | undefined
}

/**
 * Removes what is stored for a path of a cached route: all variants, encodings and key prefixes.
 *
 * @param path a path as a client asks for it, or the pattern of a cached route, with `params`
 * @returns was something stored under it?
 */
export async function deleteCached (engine: Engine, routes: readonly CachedRoute[], path: string, options: DeleteCachedOptions = {}): Promise<boolean> {
  if (typeof path !== 'string' || !path.startsWith('/')) throw refused(String(path), "it takes a path that starts with '/'")
  checkOptions(path, options)
  const mark = path.search(/\?(?=[^/]*$)/)
  const asked = plainPattern(path)
  const byPattern = routes.filter((route) => plainPattern(route.pattern) === asked)
  const literal = mark < 0 || byPattern.length > 0 ? path : path.slice(0, mark)
  const matching = byPattern.length > 0
    ? byPattern
    : routes.filter((route) => matchesPattern(route.pattern, literal, engine.router.caseSensitive))
  if (matching.length === 0 || (byPattern.length === 0 && options.params !== undefined)) throw refused(path, 'no route with this path or pattern is cached here')
  const target = byPattern.length > 0 && hasParameters(path) ? filled(path, options.params ?? {}) : literal
  const query = queryText(options.query) ?? (literal === path ? '' : path.slice(mark + 1))
  const { schemes, host } = whereOf(options)
  if (host === undefined && !matching.every(hostFree)) throw refused(path, 'the host is part of its key; say which with { host } or { request }')
  if (engine.none) return false
  const whole = query === '' ? target : `${target}?${query}`
  const names = purgeNames(schemes, host, [whole], engine.router)
  const there = await stands(engine, matching, schemes, host, whole, names)
  engine.uncacheable.clear()
  if (options.soft === true) await engine.versioned.soften(names)
  else await engine.versioned.purge(names)
  emit('invalidate', engine.name, 'route', whole, matching[0]!.pattern, 'deleteCached')
  return there
}

/** Looked up where the key can be told from the path alone, else by what depends on the names. A backend that is down says no. */
async function stands (engine: Engine, routes: readonly CachedRoute[], schemes: readonly Scheme[], host: string | undefined, target: string, names: readonly string[]): Promise<boolean> {
  const { versioned } = engine
  try {
    if (versioned.immediate || !routes.every(derivable)) return await versioned.anyDependent(names)
    for (const route of routes) {
      for (const scheme of schemes) {
        const place: Place = { scheme, host: host === undefined ? '' : normalHost(host, scheme), target, rewritten: target }
        const query = Object.fromEntries(new URLSearchParams(target.split('?')[1] ?? ''))
        const address = addressOf(route, { method: 'GET', headers: {}, query } as unknown as FastifyRequest, place, undefined)
        if (address !== undefined && (await versioned.lookup(address.key, address.names)).entry !== undefined) return true
      }
    }
    return false
  } catch {
    return false
  }
}

function derivable ({ settings }: CachedRoute): boolean {
  return settings.makeCacheKey === undefined && settings.keyPrefix === undefined && settings.vary.length === 0 &&
    settings.authorization !== 'vary' && settings.cookies !== 'vary' && typeof settings.cookies === 'string'
}

function hostFree ({ settings }: CachedRoute): boolean {
  return settings.host === false || settings.makeCacheKey !== undefined
}

function filled (pattern: string, params: Readonly<Record<string, string | number>>): string {
  const path = fillPattern(pattern, params)
  if (typeof path === 'string') return path
  throw refused(pattern, `params lack '${path.missing}'`)
}

function whereOf ({ host, request }: DeleteCachedOptions): { schemes: Scheme[], host: string | undefined } {
  if (request !== undefined) return { schemes: [schemeOf(request)], host: request.host }
  if (host !== undefined && (typeof host !== 'string' || host === '')) throw refused('…', 'host must be a non-empty string')
  return { schemes: ['http', 'https'], host }
}

function queryText (query: DeleteCachedOptions['query']): string | undefined {
  if (query === undefined) return undefined
  if (typeof query === 'string') return query.replace(/^\?/, '')
  // Not URLSearchParams: its plus signs are another spelling than the %20 of most clients, and so another key.
  return Object.entries(query)
    .flatMap(([name, value]) => [value].flat().map((one) => `${encodeURIComponent(name)}=${encodeURIComponent(String(one))}`))
    .join('&')
}

const OPTIONS = ['host', 'request', 'query', 'params', 'soft']

function checkOptions (path: string, options: DeleteCachedOptions): void {
  for (const name of Object.keys(options)) {
    const near = nearest(name, OPTIONS)
    if (!OPTIONS.includes(name)) throw refused(path, `'${name}' is no option of it${near === undefined ? '' : `; did you mean '${near}'?`}`)
  }
  const { query } = options
  if (query !== undefined && query !== null && typeof query !== 'string' && typeof query !== 'object') throw refused(path, `query must be a string or an object; got ${typeof query}`)
}

function refused (path: string, why: string): Error {
  return new errors.FST_CACHE_ERR_DELETE_CACHED(`'${path}'`, why)
}
