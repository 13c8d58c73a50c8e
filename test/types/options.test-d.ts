import { expectTypeOf } from 'expect-type'
import type { FastifyRequest } from 'fastify'
import type { RedisOptions } from 'ioredis'
import type { CacheOptions, RouteCacheConfig, RouteCacheOptions, Store, StoredReply } from '../../types/index.ts'

declare const store: Store
declare const redisOptions: RedisOptions

const accepted: CacheOptions[] = [
  {},
  { CACHE_TYPE: 'RedisCache', CACHE_REDIS_PORT: 6379, CACHE_REDIS_PASSWORD: process.env.REDIS_PASSWORD },
  { CACHE_TYPE: store },
  { CACHE_TYPE: (config) => { expectTypeOf(config).toEqualTypeOf<Readonly<CacheOptions>>(); return store } },
  { CACHE_TYPE: async () => store },
  { CACHE_TYPE: null, CACHE_MEMCACHED_SERVERS: ['a:1'] as const },
  { CACHE_REDIS_SENTINELS: [['a', 1], ['b', 2]], CACHE_REDIS_CLUSTER: 'a:1,b:2' },
  { CACHE_SERIALIZER: { serialize: () => Buffer.from(''), deserialize: () => 1 } },
  { CACHE_POLICIES: { slow: { timeout: 60 } }, CACHE_ROUTE_DEFAULTS: { vary: ['accept-language'] } },
  { CACHE_LOCAL: { timeout: 5 } },
  { CACHE_OPTIONS: redisOptions }
]

// @ts-expect-error a misspelt option of another backend
const typo: CacheOptions = { CACHE_TYPE: 'RedisCache', CACHE_MEMCACHED_SERVRS: ['a:1'] }
// @ts-expect-error a port is a number
const port: CacheOptions = { CACHE_TYPE: 'RedisCache', CACHE_REDIS_PORT: 'x' }
// @ts-expect-error no such backend
const type: CacheOptions = { CACHE_TYPE: 'RedisCach' }
// @ts-expect-error a store has more methods
const half: CacheOptions = { CACHE_TYPE: { get: () => undefined } }
// @ts-expect-error a misspelt route option in a policy
const policy: CacheOptions = { CACHE_POLICIES: { slow: { timout: 60 } } }
// @ts-expect-error a misspelt route option in the defaults
const defaults: CacheOptions = { CACHE_ROUTE_DEFAULTS: { timout: 60 } }

const routes: RouteCacheConfig[] = [
  true, false, 'slow', {},
  { policy: 'slow', timeout: 'headers', statuses: { 404: 10, 302: true } },
  { timeout: (request, reply) => { expectTypeOf(request).toEqualTypeOf<FastifyRequest>(); return reply.statusCode } },
  { unless: async (request: FastifyRequest<{ Querystring: { preview?: string } }>) => request.query.preview !== undefined },
  { isStale: (stored) => { expectTypeOf(stored).toEqualTypeOf<StoredReply>(); return false } },
  { cookies: ['lang'], compress: ['br', 'gzip'], lock: { timeout: 2 }, isolate: 'strict', cacheControl: true }
]

// @ts-expect-error seconds are a number
const seconds: RouteCacheOptions = { timeout: '60' }
// @ts-expect-error no such choice
const cookies: RouteCacheOptions = { cookies: 'all' }
// @ts-expect-error a predicate answers yes or no
const unless: RouteCacheOptions = { unless: () => 'yes' }

export default [accepted, typo, port, type, half, policy, defaults, routes, seconds, cookies, unless]
