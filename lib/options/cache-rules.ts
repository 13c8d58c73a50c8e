import type { Static } from '@sinclair/typebox'
import type { StoreFactory } from '../../types/options.ts'
import type { Serializer } from '../../types/serializer.ts'
import type { Store } from '../stores/store.ts'
import { CacheOptionsSchema } from './cache-schema.ts'
import { checkTypeName } from './cache-type.ts'
import type { CacheType } from './cache-type.ts'
import { Fault, show } from './fault.ts'
import { checkHash } from './hash.ts'
import { cacheName, fieldName } from './http-names.ts'
import { bySchema, each, judge, plainObject, rulesOf, wrong } from './judge.ts'
import { parseRedisUrl } from './redis-url.ts'
import { hostPort, items, splitHostPort } from './servers.ts'
import type { HostPort } from './servers.ts'

type Schema = Static<typeof CacheOptionsSchema>
type Name = keyof Schema

const schemas = CacheOptionsSchema.properties

export interface Backend { readonly type: CacheType | 'custom', readonly custom: Store | StoreFactory | undefined }
export interface Local { readonly timeout: number, readonly threshold: number, readonly maxBytes: number }

const STORE_METHODS = ['get', 'set', 'add', 'delete', 'increment', 'clear']

export function checkType (value: unknown): Backend {
  if (typeof value === 'string') return { type: checkTypeName(value), custom: undefined }
  if (typeof value === 'function') {
    // Called without `new`, a class would throw in the middle of the start.
    if (/^class\b/.test(Function.prototype.toString.call(value))) throw new Fault('is a class: pass an instance of it, or (config) => new …')
    return { type: 'custom', custom: value as StoreFactory }
  }
  if (typeof value !== 'object' || value === null) throw new Fault(`takes the name of a backend, a Store, or a function that makes one; got ${show(value)}`)
  const missing = lacking(value, STORE_METHODS)
  if (missing.length > 0) throw new Fault(`is an object without the method${missing.length > 1 ? 's' : ''} ${missing.join(', ')}, which a Store needs`)
  return { type: 'custom', custom: value as Store }
}

function lacking (object: object, methods: readonly string[]): string[] {
  return methods.filter(name => typeof (object as Record<string, unknown>)[name] !== 'function')
}

function serializer (value: unknown): 'msgpack' | 'json' | Serializer {
  if (value === 'msgpack' || value === 'json') return value
  if (typeof value !== 'object' || value === null) throw wrong(schemas.CACHE_SERIALIZER, value)
  const missing = lacking(value, ['serialize', 'deserialize'])
  if (missing.length > 0) throw new Fault(`is an object without the function${missing.length > 1 ? 's' : ''} ${missing.join(' and ')}`)
  return value as Serializer
}

function redisHost (value: unknown): string | object {
  if (typeof value === 'object' && value !== null) {
    if (lacking(value, ['getBuffer', 'set']).length > 0) throw new Fault('is an object that is no ioredis client (it has no getBuffer and set)')
    return value
  }
  if (typeof value !== 'string' || value === '') throw wrong(schemas.CACHE_REDIS_HOST, value)
  // What else it may be holds a user and a password more often than not, and is not repeated.
  if (/[\s/@?#]/.test(value)) throw new Fault('takes a host name alone (what it got is not shown): a URL or a socket goes into CACHE_REDIS_URL')
  if (/^[^:]+:\d+$/.test(value)) throw new Fault('takes a host name alone: the port goes into CACHE_REDIS_PORT')
  return value.replace(/^\[(.*)\]$/, '$1')
}

function redisUrl (value: unknown): string {
  if (typeof value !== 'string' || value === '') throw wrong(schemas.CACHE_REDIS_URL, value)
  parseRedisUrl(value)
  return value
}

function servers (name: 'CACHE_REDIS_SENTINELS' | 'CACHE_REDIS_CLUSTER', defaultPort: number) {
  return (value: unknown): HostPort[] =>
    items(value, String(schemas[name].takes)).map((item, index) => hostPort(item, defaultPort, index))
}

function memcachedServers (value: unknown): readonly string[] {
  return items(value, String(schemas.CACHE_MEMCACHED_SERVERS.takes)).map((item, index) => {
    if (typeof item !== 'string') throw new Fault(`is wrong: server ${index + 1} of the list is not a string`)
    const text = item.trim()
    if (text.includes('/') && !text.includes('//') && !text.includes('@')) return text
    const [host, port] = splitHostPort(text, 11211, index)
    return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
  })
}

const localRules = rulesOf(schemas.CACHE_LOCAL.properties, {})

function local (value: unknown): Local {
  const faults: string[] = []
  const given = judge(plainObject(value, String(schemas.CACHE_LOCAL.takes)), 'name', '', localRules, faults)
  if (faults.length === 0 && !given.has('timeout')) faults.push('timeout is needed: the longest time, in seconds, that a lost message of another process may go unnoticed')
  if (faults.length > 0) throw new Fault(`is wrong: ${faults.join('; ')}`)
  const { threshold, maxBytes } = schemas.CACHE_LOCAL.properties
  return { timeout: 0, threshold: threshold.default as number, maxBytes: maxBytes.default as number, ...Object.fromEntries(given) }
}

function statusHeader (value: unknown): string | false {
  if (value === false) return false
  if (value === true) return 'fastify-cached'
  if (typeof value !== 'string') throw wrong(schemas.CACHE_STATUS_HEADER, value)
  return cacheName(value)
}

/** Names that every object has, and those that Fastify itself puts into a route's config. */
const TAKEN = [...Object.getOwnPropertyNames(Object.prototype), 'url', 'method', 'prototype']

function decorator (value: unknown): string {
  const name = bySchema<string>(schemas.CACHE_DECORATOR)(value)
  if (TAKEN.includes(name)) throw new Fault(`takes a name of its own; ${show(name)} already means something else`)
  return name
}

function credentialHeaders (value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw wrong(schemas.CACHE_CREDENTIAL_HEADERS, value)
  return each(value, fieldName)
}

const own = {
  CACHE_TYPE: checkType,
  CACHE_CREDENTIAL_HEADERS: credentialHeaders,
  CACHE_OPTIONS: (value: unknown) => plainObject(value, 'a plain object', true),
  CACHE_DIR: (value: unknown): string => {
    const dir = bySchema<string>(schemas.CACHE_DIR)(value)
    if (dir.includes('\0')) throw new Fault('is a path with a NUL character in it')
    return dir
  },
  CACHE_HASH_METHOD: checkHash,
  CACHE_FILE_HASH_METHOD: checkHash,
  CACHE_SERIALIZER: serializer,
  CACHE_REDIS_HOST: redisHost,
  CACHE_REDIS_URL: redisUrl,
  CACHE_REDIS_SENTINELS: servers('CACHE_REDIS_SENTINELS', 26379),
  CACHE_REDIS_CLUSTER: servers('CACHE_REDIS_CLUSTER', 6379),
  CACHE_MEMCACHED_SERVERS: memcachedServers,
  CACHE_LOCAL: local,
  CACHE_ROUTE_DEFAULTS: (value: unknown) => plainObject(value, 'a plain object of route options'),
  CACHE_POLICIES: (value: unknown) => plainObject(value, 'a plain object { name: route options }'),
  CACHE_STATUS_HEADER: statusHeader,
  CACHE_DECORATOR: decorator
}

type Own = typeof own

/** The options as the plugin works with them; what was not given, or is not looked at, is absent. */
export type ResolvedCache = {
  readonly [K in Name]?: K extends keyof Own ? ReturnType<Own[K]> : Exclude<Schema[K], undefined>
}

export const cacheRules = rulesOf(schemas, own)
