import zlib from 'node:zlib'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Static } from '@sinclair/typebox'
import type { TimeoutFunction } from '../../types/options.ts'
import { Fault, show } from './fault.ts'
import { cookieName, fieldName, hostName, isFieldValue } from './http-names.ts'
import { bySchema, each, plainObject, rulesOf, wrong } from './judge.ts'
import { RouteCacheOptionsSchema } from './route-schema.ts'
import { checkStatuses } from './statuses.ts'

export type Encoding = 'br' | 'gzip' | 'zstd'

type Schema = Static<typeof RouteCacheOptionsSchema>
type Name = keyof Schema

/** The wait of a follower or of another process that asked for a bound without naming one, in seconds. */
const WAIT = 5

const schemas = RouteCacheOptionsSchema.properties

const NOT_CACHED: ReadonlyMap<string, string> = new Map([
  ['PUT', 'it replaces what is there'], ['PATCH', 'it changes what is there'], ['DELETE', 'it removes what is there']
])
const CACHED = ['GET', 'HEAD', 'POST', 'QUERY']

function method (value: unknown): string {
  const name = typeof value === 'string' ? value.toUpperCase() : ''
  if (CACHED.includes(name)) return name
  const why = NOT_CACHED.get(name)
  throw new Fault(why === undefined ? `takes ${CACHED.join(', ')}; got ${show(value)}` : `is ${name}, which is never answered from a cache: ${why}`)
}

function oneOrMore (name: Name, value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw wrong(schemas[name], value)
  if (value.length === 0) throw new Fault('is an empty list, with which nothing would ever be cached')
  return value
}

function text (value: unknown): string {
  if (typeof value === 'string') return value
  throw new Fault(`takes a string; got ${show(value)}`)
}

function tag (value: unknown): string {
  if (typeof value === 'string' && value !== '') return value
  throw new Fault(`takes a string that is not empty; got ${show(value)}`)
}

function varyField (value: unknown): string {
  const name = fieldName(value)
  if (name === '*') throw new Fault("is '*', with which no stored reply could ever be used")
  return name
}

function unique<T> (list: readonly T[]): readonly T[] {
  return [...new Set(list)]
}

function waitOption (name: 'coalesce' | 'lock') {
  return (value: unknown): false | { readonly timeout: number } => {
    if (value === false) return false
    if (value === true) return { timeout: WAIT }
    const { timeout, ...rest } = plainObject(value, String(schemas[name].takes))
    const other = Object.keys(rest)[0]
    if (other !== undefined) throw new Fault(`knows only timeout; got ${show(other)}`)
    return { timeout: timeout === undefined || timeout === null ? WAIT : seconds(timeout) }
  }
}

function seconds (value: unknown): number {
  if (typeof value === 'number' && Number.isFinite(value) && value >= 0) return value
  throw new Fault(`takes a timeout in seconds, 0 or more; got ${show(value)}`)
}

/** What this Node can compress with. `zstd` came with 22.15 and 23.8. */
const ENCODINGS: readonly Encoding[] = typeof zlib.zstdCompress === 'function' ? ['br', 'gzip', 'zstd'] : ['br', 'gzip']

function encoding (value: unknown): Encoding {
  const known = ENCODINGS.find(name => name === value)
  if (known !== undefined) return known
  throw new Fault(value === 'zstd' ? `is 'zstd', which this Node (${process.version}) does not have` : `takes 'br', 'gzip' or 'zstd'; got ${show(value)}`)
}

/** Where a schema cannot say it all, or not in words that help. */
const own = {
  timeout: (value: unknown): number | 'headers' | ((request: FastifyRequest, reply: FastifyReply) => number) =>
    bySchema<number | 'headers' | TimeoutFunction>(schemas.timeout)(value),
  queryString: (value: unknown): boolean | readonly string[] => {
    if (!Array.isArray(value)) return bySchema<boolean>(schemas.queryString)(value)
    return value.length > 0 && unique(each(value, text))
  },
  vary: (value: unknown): readonly string[] => {
    if (!Array.isArray(value)) throw wrong(schemas.vary, value)
    return unique(each(value, varyField)).toSorted()
  },
  methods: (value: unknown): ReadonlySet<string> => new Set(each(oneOrMore('methods', value), method)),
  host: (value: unknown): boolean | readonly string[] =>
    typeof value === 'boolean' ? value : unique(each(oneOrMore('host', value), hostName)),
  cookies: (value: unknown): 'bypass' | 'vary' | 'ignore' | readonly string[] => {
    if (!Array.isArray(value)) return bySchema<'bypass' | 'vary' | 'ignore'>(schemas.cookies)(value)
    return value.length === 0 ? 'ignore' : unique(each(value, cookieName))
  },
  statuses: checkStatuses,
  tags: (value: unknown): readonly string[] | ((request: FastifyRequest, reply: FastifyReply) => readonly string[]) => {
    if (Array.isArray(value)) return unique(each(value, tag))
    if (typeof value === 'function') return value as (request: FastifyRequest, reply: FastifyReply) => readonly string[]
    throw wrong(schemas.tags, value)
  },
  coalesce: waitOption('coalesce'),
  lock: waitOption('lock'),
  compress: (value: unknown): false | readonly Encoding[] => {
    if (typeof value === 'boolean') return value && ENCODINGS
    if (!Array.isArray(value)) throw wrong(schemas.compress, value)
    return value.length > 0 && unique(each(value, encoding))
  },
  cacheControl: (value: unknown): string | boolean => {
    if (typeof value === 'boolean' || isFieldValue(value)) return value
    throw wrong(schemas.cacheControl, value)
  }
}

type Own = typeof own

/** The options of a route as the plugin works with them; what was not given is absent. */
export type ResolvedRoute = {
  readonly [K in Name]?: K extends keyof Own ? ReturnType<Own[K]> : Exclude<Schema[K], undefined>
}

export const routeRules = rulesOf(schemas, own)
