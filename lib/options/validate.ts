import type { CacheOptions } from '../../types/options.ts'
import { errors } from '../errors.ts'
import { cacheRules, checkType } from './cache-rules.ts'
import type { Backend, ResolvedCache } from './cache-rules.ts'
import { CacheOptionsSchema } from './cache-schema.ts'
import { REMOTE_TYPES, SASL_TYPES } from './cache-type.ts'
import { copyData, define, freezeData } from './copy.ts'
import { collect, kind } from './fault.ts'
import { judge } from './judge.ts'
import { checkPolicies, checkRouteOptions, overPolicy } from './policies.ts'
import { notes } from './schema-kit.ts'
import type { PluginSettings } from './settings.ts'

type OptionName = keyof CacheOptions & string

/** What Fastify itself reads from a plugin's options. */
const FASTIFYS = new Set(['prefix', 'logLevel', 'logSerializers'])

/** Objects with an identity: used, never copied or frozen. */
const BY_REFERENCE = new Set(['CACHE_TYPE', 'CACHE_SERIALIZER', 'CACHE_REDIS_HOST'])

const defaults: ReadonlyMap<string, unknown> = new Map(
  Object.entries(CacheOptionsSchema.properties).flatMap(([name, schema]) => schema.default === undefined ? [] : [[name, schema.default]])
)

/**
 * Checks the plugin's options and completes them. An option that another backend reads is checked by its name only.
 *
 * @throws {errors.FST_CACHE_ERR_OPTIONS} with all that is wrong; no message holds a password or any part of a URL
 */
export function resolveOptions (input: unknown): PluginSettings {
  const faults: string[] = []
  const copy = copyOptions(input, faults)
  const backend = collect(faults, 'CACHE_TYPE', () => checkType(copy.CACHE_TYPE ?? 'SimpleCache'))
  const given = judge(copy, 'option', '', cacheRules, faults, name => name === 'CACHE_TYPE' || !isRead(name, backend))
  const resolved = Object.fromEntries([...defaultsResolved, ...given]) as ResolvedCache
  if (backend !== undefined) requireOptions(backend, resolved, faults)
  const policies = checkPolicies(resolved.CACHE_POLICIES ?? {}, faults)
  const routeDefaults = overPolicy(
    checkRouteOptions(resolved.CACHE_ROUTE_DEFAULTS ?? {}, 'CACHE_ROUTE_DEFAULTS', faults),
    policies, 'CACHE_ROUTE_DEFAULTS.policy', faults
  )
  if (faults.length > 0 || backend === undefined) throw new errors.FST_CACHE_ERR_OPTIONS(faults.join('; '))
  return Object.freeze({
    ...settings(resolved as Required<ResolvedCache>, backend),
    options: complete(copy),
    routeDefaults: Object.freeze(routeDefaults),
    policies
  })
}

function copyOptions (input: unknown, faults: string[]): Record<string, unknown> {
  const copy: Record<string, unknown> = Object.create(null)
  if (input === undefined || input === null) return copy
  if (typeof input !== 'object' || kind(input) === 'a list') {
    faults.push(`the options are an object such as { CACHE_TYPE: 'SimpleCache' }; got ${kind(input)}`)
    return copy
  }
  for (const name of collect(faults, 'the options object', () => Object.keys(input)) ?? []) {
    if (FASTIFYS.has(name)) continue
    const read = () => {
      const value = (input as Record<string, unknown>)[name]
      return BY_REFERENCE.has(name) ? value : copyData(value)
    }
    copy[name] = collect(faults, name, read)
  }
  return copy
}

function isRead (name: string, backend: Backend | undefined): boolean {
  const only = notes(CacheOptionsSchema.properties[name as OptionName]).only
  return only === undefined || (backend !== undefined && only.includes(backend.type))
}

const defaultsResolved = judge(Object.fromEntries(defaults), 'option', '', cacheRules, [])

function requireOptions (backend: Backend, options: ResolvedCache, faults: string[]): void {
  const ownClient = typeof options.CACHE_REDIS_HOST === 'object'
  const needed: OptionName[] = []
  if (backend.type === 'FileSystemCache') needed.push('CACHE_DIR')
  if (backend.type === 'RedisSentinelCache' && !ownClient) needed.push('CACHE_REDIS_SENTINELS')
  if (backend.type === 'RedisClusterCache' && !ownClient) needed.push('CACHE_REDIS_CLUSTER')
  if (isOneOf(SASL_TYPES, backend.type)) needed.push('CACHE_MEMCACHED_USERNAME', 'CACHE_MEMCACHED_PASSWORD')
  for (const name of needed) {
    // one that was given and is wrong has its fault already
    if (options[name] === undefined && !faults.some(fault => fault.startsWith(`${name} `))) {
      faults.push(`CACHE_TYPE ${backend.type} needs ${name}: ${notes(CacheOptionsSchema.properties[name]).takes}`)
    }
  }
}

function isOneOf (types: readonly string[], type: string): boolean {
  return types.includes(type)
}

/** The frozen copy that a custom store sees. Its client options belong to a client library, which may write into them. */
function complete (copy: Record<string, unknown>): Readonly<CacheOptions> {
  const options: Record<string, unknown> = {}
  for (const [name, value] of defaults) define(options, name, copyData(value))
  for (const [name, value] of Object.entries(copy)) {
    if (value !== undefined && value !== null) define(options, name, value)
  }
  for (const [name, value] of Object.entries(options)) {
    if (!BY_REFERENCE.has(name)) freezeData(value, name === 'CACHE_OPTIONS' ? 0 : undefined)
  }
  return Object.freeze(options) as Readonly<CacheOptions>
}

/** Absent options are `undefined` here whatever the type says: each of them ends in a setting that may be. */
function settings (o: Required<ResolvedCache>, backend: Backend): Omit<PluginSettings, 'options' | 'routeDefaults' | 'policies'> {
  return {
    ...backend,
    defaultTimeout: o.CACHE_DEFAULT_TIMEOUT,
    keyPrefix: o.CACHE_KEY_PREFIX,
    threshold: o.CACHE_THRESHOLD,
    maxBytes: o.CACHE_MAX_BYTES,
    maxEntryBytes: o.CACHE_MAX_ENTRY_BYTES,
    ignoreErrors: o.CACHE_IGNORE_ERRORS,
    operationTimeout: o.CACHE_OPERATION_TIMEOUT,
    credentialHeaders: Object.freeze([...new Set(['authorization', ...o.CACHE_CREDENTIAL_HEADERS])]),
    noNullWarning: o.CACHE_NO_NULL_WARNING,
    clientOptions: Object.freeze({ ...o.CACHE_OPTIONS }),
    dir: o.CACHE_DIR,
    fileHashMethod: o.CACHE_FILE_HASH_METHOD,
    hashMethod: o.CACHE_HASH_METHOD,
    serializer: o.CACHE_SERIALIZER,
    sourceCheck: o.CACHE_SOURCE_CHECK,
    redis: Object.freeze({
      host: o.CACHE_REDIS_HOST,
      port: o.CACHE_REDIS_PORT,
      username: filled(o.CACHE_REDIS_USERNAME),
      password: filled(o.CACHE_REDIS_PASSWORD),
      db: o.CACHE_REDIS_DB,
      url: o.CACHE_REDIS_URL,
      sentinels: o.CACHE_REDIS_SENTINELS,
      sentinelMaster: o.CACHE_REDIS_SENTINEL_MASTER,
      sentinelPassword: filled(o.CACHE_REDIS_SENTINEL_PASSWORD),
      cluster: o.CACHE_REDIS_CLUSTER
    }),
    memcached: Object.freeze({
      servers: Object.freeze(o.CACHE_MEMCACHED_SERVERS),
      username: o.CACHE_MEMCACHED_USERNAME,
      password: o.CACHE_MEMCACHED_PASSWORD
    }),
    local: isOneOf(REMOTE_TYPES, backend.type) && o.CACHE_LOCAL !== undefined ? Object.freeze(o.CACHE_LOCAL) : undefined,
    statusHeader: o.CACHE_STATUS_HEADER,
    decorator: o.CACHE_DECORATOR
  }
}

/** An empty user name or password is none. */
function filled (text: string | undefined): string | undefined {
  return text === '' ? undefined : text
}
