import { Type } from '@sinclair/typebox'
import type { TLiteral, TUnsafe } from '@sinclair/typebox'
import type { RouteCacheOptions, ServerAddress, StoreFactory } from '../../types/options.ts'
import type { Serializer } from '../../types/serializer.ts'
import type { Store } from '../stores/store.ts'
import { CACHE_TYPES, MEMCACHED_TYPES, REDIS_TYPES, REMOTE_TYPES, SASL_TYPES } from './cache-type.ts'
import type { CacheType } from './cache-type.ts'
import { about, fn, list, object, record, seconds, whole } from './schema-kit.ts'
import { RouteCacheOptionsSchema } from './route-schema.ts'

const MIB = 1024 * 1024

/** Request headers that name a user, besides `Authorization`. */
const CREDENTIAL_HEADERS = [
  'proxy-authorization', 'x-api-key', 'x-auth-token', 'x-forwarded-user', 'x-remote-user',
  'cf-access-jwt-assertion', 'x-amzn-oidc-data', 'x-goog-iap-jwt-assertion'
]

/**
 * The options of the plugin. `only` names the backends that read an option (elsewhere its value is not looked at);
 * `takes` is what a message says of a wrong value. `undefined` and `null` mean the default and are dropped before.
 */
export const CacheOptionsSchema = Type.Partial(Type.Object({
  /** The backend: a built-in one by its name, a `Store`, or a function that makes one from the options (sync or async). Default `SimpleCache`. */
  CACHE_TYPE: about('The backend: a built-in one by its name, a `Store`, or a function that makes one from the options (sync or async). Default `SimpleCache`.', Type.Union([...CACHE_TYPES.map(type => Type.Literal(type)), fn<StoreFactory>(), object<Store>()] as unknown as [TLiteral<CacheType>, TUnsafe<StoreFactory>, TUnsafe<Store>], { default: 'SimpleCache' })),
  /** Lifetime where none is given, in seconds; 0 = never expires. Default 300. */
  CACHE_DEFAULT_TIMEOUT: about('Lifetime where none is given, in seconds; 0 = never expires. Default 300.', seconds({ default: 300, takes: 'seconds, 0 (never expires) or more' })),
  /** Stands before every key, in every backend. Applications that share a server need one each. Default `fastify_cache_`. */
  CACHE_KEY_PREFIX: about('Stands before every key, in every backend. Applications that share a server need one each. Default `fastify_cache_`.', Type.String({ default: 'fastify_cache_', takes: 'a string' })),
  /** Most entries (replies and values together) in SimpleCache and FileSystemCache; 0 = no bound. Default 10000. */
  CACHE_THRESHOLD: about('Most entries (replies and values together) in SimpleCache and FileSystemCache; 0 = no bound. Default 10000.', whole(0, { default: 10_000, takes: 'a whole number, 0 (no bound) or more', only: ['SimpleCache', 'FileSystemCache'] })),
  /** Most bytes in SimpleCache; 0 = no bound. Default 100 MiB. */
  CACHE_MAX_BYTES: about('Most bytes in SimpleCache; 0 = no bound. Default 100 MiB.', whole(0, { default: 100 * MIB, takes: 'a whole number of bytes, 0 (no bound) or more', only: ['SimpleCache'] })),
  /** A reply with a larger body is served but not stored. Default 1 MiB. */
  CACHE_MAX_ENTRY_BYTES: about('A reply with a larger body is served but not stored. Default 1 MiB.', whole(0, { default: MIB, takes: 'a whole number of bytes, 0 or more' })),
  /** A failed delete, clear or invalidation resolves `false` instead of rejecting, and is retried in the background. Default `false`. */
  CACHE_IGNORE_ERRORS: about('A failed delete, clear or invalidation resolves `false` instead of rejecting, and is retried in the background. Default `false`.', Type.Boolean({ default: false, takes: 'true or false' })),
  /** Longest wait for one operation of the backend (a look-up with all its reads is one), in seconds; 0 = no bound. Default 0.5. */
  CACHE_OPERATION_TIMEOUT: about('Longest wait for one operation of the backend (a look-up with all its reads is one), in seconds; 0 = no bound. Default 0.5.', seconds({ default: 0.5, takes: 'seconds, 0 (no bound) or more' })),
  /** Request headers besides `Authorization` that name a user. Default: the usual API keys and identity headers of proxies. */
  CACHE_CREDENTIAL_HEADERS: about('Request headers besides `Authorization` that name a user. Default: the usual API keys and identity headers of proxies.', list<string>(Type.String(), { default: [...CREDENTIAL_HEADERS], takes: 'a list of header names' })),
  /** No start-up warning for NullCache. Default `false`. */
  CACHE_NO_NULL_WARNING: about('No start-up warning for NullCache. Default `false`.', Type.Boolean({ default: false, takes: 'true or false' })),
  /** Handed to the client library or the backend: ioredis options, file mode, chunk size … Default `{}`. */
  CACHE_OPTIONS: about('Handed to the client library or the backend: ioredis options, file mode, chunk size … Default `{}`.', object<object>({ default: {}, takes: 'a plain object', secret: true })),
  /** Directory of FileSystemCache, which needs it; made where it is missing. */
  CACHE_DIR: about('Directory of FileSystemCache, which needs it; made where it is missing.', Type.String({ minLength: 1, takes: 'the path of a directory', only: ['FileSystemCache'] })),
  /** Hash that names the files of FileSystemCache: any of `crypto.getHashes()` of 128 bits or more. Default `sha256`. */
  CACHE_FILE_HASH_METHOD: about('Hash that names the files of FileSystemCache: any of `crypto.getHashes()` of 128 bits or more. Default `sha256`.', Type.String({ default: 'sha256', takes: 'one of crypto.getHashes() of 128 bits or more', only: ['FileSystemCache'] })),
  /** Hash inside keys: any of `crypto.getHashes()` of 128 bits or more. Default `sha256`. */
  CACHE_HASH_METHOD: about('Hash inside keys: any of `crypto.getHashes()` of 128 bits or more. Default `sha256`.', Type.String({ default: 'sha256', takes: 'one of crypto.getHashes() of 128 bits or more' })),
  /** How values become bytes: `msgpack`, `json`, or an own pair of functions. Default `msgpack`. */
  CACHE_SERIALIZER: about('How values become bytes: `msgpack`, `json`, or an own pair of functions. Default `msgpack`.', Type.Union([Type.Literal('msgpack'), Type.Literal('json'), object<Serializer>()], { default: 'msgpack', takes: "'msgpack', 'json' or { serialize (value), deserialize (bytes) }" })),
  /** The source text of the function or handler is part of the key, so that changed code starts afresh. Default `false`. */
  CACHE_SOURCE_CHECK: about('The source text of the function or handler is part of the key, so that changed code starts afresh. Default `false`.', Type.Boolean({ default: false, takes: 'true or false' })),
  /** Redis host, or an ioredis client that the application owns (used, never closed). Default `localhost`. */
  CACHE_REDIS_HOST: about('Redis host, or an ioredis client that the application owns (used, never closed). Default `localhost`.', Type.Union([Type.String(), object<object>()], { default: 'localhost', takes: 'a host name or an ioredis client', only: REDIS_TYPES })),
  /** Redis port. Default 6379. */
  CACHE_REDIS_PORT: about('Redis port. Default 6379.', Type.Integer({ minimum: 1, maximum: 65535, default: 6379, takes: 'a whole number from 1 to 65535', only: ['RedisCache'] })),
  /** User of a Redis server with access lists. */
  CACHE_REDIS_USERNAME: about('User of a Redis server with access lists.', Type.String({ takes: 'a string', secret: true, only: REDIS_TYPES })),
  /** Password of the Redis server. */
  CACHE_REDIS_PASSWORD: about('Password of the Redis server.', Type.String({ takes: 'a string', secret: true, only: REDIS_TYPES })),
  /** Number of the Redis database. Default 0. */
  CACHE_REDIS_DB: about('Number of the Redis database. Default 0.', whole(0, { default: 0, takes: 'a whole number, 0 or more', only: ['RedisCache', 'RedisSentinelCache'] })),
  /** Redis server as `redis://`, `rediss://` (TLS) or `unix://`, user name and password percent-encoded; wins over the parts. */
  CACHE_REDIS_URL: about('Redis server as `redis://`, `rediss://` (TLS) or `unix://`, user name and password percent-encoded; wins over the parts.', Type.String({ takes: 'a URL', secret: true, only: ['RedisCache'] })),
  /** Sentinels that RedisSentinelCache asks, which needs it: `[[host, port], …]` or `h1:p1,h2:p2`. */
  CACHE_REDIS_SENTINELS: about('Sentinels that RedisSentinelCache asks, which needs it: `[[host, port], …]` or `h1:p1,h2:p2`.', Type.Union([Type.String(), list<ServerAddress>(Type.Unknown())], { takes: "[['host', 26379], …] or 'h1:p1,h2:p2'", only: ['RedisSentinelCache'] })),
  /** Name under which the sentinels know the primary. Default `mymaster`. */
  CACHE_REDIS_SENTINEL_MASTER: about('Name under which the sentinels know the primary. Default `mymaster`.', Type.String({ minLength: 1, default: 'mymaster', takes: 'a name', only: ['RedisSentinelCache'] })),
  /** Password of the sentinels. */
  CACHE_REDIS_SENTINEL_PASSWORD: about('Password of the sentinels.', Type.String({ takes: 'a string', secret: true, only: ['RedisSentinelCache'] })),
  /** Some nodes of the cluster, which RedisClusterCache needs: `h1:p1,h2:p2` or a list. */
  CACHE_REDIS_CLUSTER: about('Some nodes of the cluster, which RedisClusterCache needs: `h1:p1,h2:p2` or a list.', Type.Union([Type.String(), list<ServerAddress>(Type.Unknown())], { takes: "'h1:p1,h2:p2' or a list of them", only: ['RedisClusterCache'] })),
  /** Memcached servers: `host:port`, `[v6]:port` or the path of a socket; a list or a comma-separated string. Default `127.0.0.1:11211`. */
  CACHE_MEMCACHED_SERVERS: about('Memcached servers: `host:port`, `[v6]:port` or the path of a socket; a list or a comma-separated string. Default `127.0.0.1:11211`.', Type.Union([Type.String(), list<string>(Type.String())], { default: ['127.0.0.1:11211'], takes: "a list of 'host:port', '[v6]:port' or socket paths, or a comma-separated string", only: MEMCACHED_TYPES })),
  /** User name for SASL PLAIN; the SASL types need it. */
  CACHE_MEMCACHED_USERNAME: about('User name for SASL PLAIN; the SASL types need it.', Type.String({ minLength: 1, takes: 'a string that is not empty', secret: true, only: SASL_TYPES })),
  /** Password for SASL PLAIN; the SASL types need it. */
  CACHE_MEMCACHED_PASSWORD: about('Password for SASL PLAIN; the SASL types need it.', Type.String({ minLength: 1, takes: 'a string that is not empty', secret: true, only: SASL_TYPES })),
  /** A SimpleCache in front of a remote backend: its longest `timeout` in seconds (needed, above 0), `threshold` (entries, default 10000) and `maxBytes` (default 100 MiB). */
  CACHE_LOCAL: about('A SimpleCache in front of a remote backend: its longest `timeout` in seconds (needed, above 0), `threshold` (entries, default 10000) and `maxBytes` (default 100 MiB).', Type.Object({ timeout: Type.Number({ exclusiveMinimum: 0, takes: 'seconds, more than 0' }), threshold: Type.Optional(whole(0, { default: 10_000, takes: 'a whole number, 0 (no bound) or more' })), maxBytes: Type.Optional(whole(0, { default: 100 * MIB, takes: 'a whole number of bytes, 0 (no bound) or more' })) }, { additionalProperties: false, takes: 'an object with timeout, threshold and maxBytes', only: REMOTE_TYPES })),
  /** Defaults for any option of a cached route; opts no route in. Default `{}`. */
  CACHE_ROUTE_DEFAULTS: about('Defaults for any option of a cached route; opts no route in. Default `{}`.', Type.Unsafe<RouteCacheOptions>({ ...RouteCacheOptionsSchema, default: {}, takes: 'an object of route options' })),
  /** Named policies, `{ name: route options }`; a route says `cache: name`, or `cache: { policy: name, … }` to override parts. Default `{}`. */
  CACHE_POLICIES: about('Named policies, `{ name: route options }`; a route says `cache: name`, or `cache: { policy: name, … }` to override parts. Default `{}`.', record<RouteCacheOptions>({ default: {}, takes: 'an object { name: route options }' })),
  /** The `Cache-Status` response header (RFC 9211); a string is the name of the cache in it. Default `true`: `fastify-cached`. */
  CACHE_STATUS_HEADER: about('The `Cache-Status` response header (RFC 9211); a string is the name of the cache in it. Default `true`: `fastify-cached`.', Type.Union([Type.Boolean(), Type.String()], { default: true, takes: 'true, false or a name in printable ASCII' })),
  /** Name of the decorator and of the key in a route's config, so that two caches can serve one application. Default `cache`. */
  CACHE_DECORATOR: about('Name of the decorator and of the key in a route\'s config, so that two caches can serve one application. Default `cache`.', Type.String({ minLength: 1, default: 'cache', takes: 'a name' }))
}), { additionalProperties: false, title: 'Options of fastify-cached' })
