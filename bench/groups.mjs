// What is compared with what. The first contender of a group is its reference: every ratio is against it.
//
// `load`: 'hot' asks for one URL, 'keys:1000' for a thousand in turn, 'unique' for a new one each time.
// `cached`: the handler must not run while it is measured; `runs: 'every'`: it must run for every request.
// A contender is a file of contenders/ and what it is given.
import { contenderFile as file } from './lib/paths.mjs'

const simple = { plugin: { CACHE_TYPE: 'SimpleCache' } }

export const groups = [
  {
    name: 'memory',
    title: 'A hit in memory, 2 KB of JSON',
    load: 'hot',
    contenders: [
      { name: 'ceiling', title: 'Fastify, a ready Buffer with the same headers', file: file('ceiling') },
      { name: 'control', title: 'the same again (A/A control)', file: file('ceiling') },
      { name: 'simple', title: 'fastify-cached, SimpleCache', file: file('cached'), options: simple, cached: true },
      { name: 'lcache', title: 'fastify-lcache', file: file('lcache'), cached: true },
      { name: 'nest', title: 'NestJS CacheInterceptor on Fastify', file: file('nest'), cached: true },
      { name: 'ocache', title: 'h3 with ocache', file: file('ocache'), cached: true },
      { name: 'apicache', title: 'Express with apicache', file: file('apicache'), cached: true },
      { name: 'uncached-2ms', title: 'Fastify without a cache, 2 ms handler', file: file('fastify'), options: { delay: 2 }, runs: 'every' }
    ]
  },
  {
    name: 'bystander',
    title: 'A route without config.cache',
    load: 'hot',
    contenders: [
      { name: 'plain', title: 'Fastify without the plugin', file: file('fastify'), runs: 'every' },
      { name: 'plain-control', title: 'the same again (A/A control)', file: file('fastify'), runs: 'every' },
      { name: 'registered', title: 'the plugin is registered', file: file('cached'), options: { ...simple, route: false }, runs: 'every' }
    ]
  },
  {
    name: 'miss',
    title: 'A miss that is stored in memory, trivial handler',
    load: 'unique',
    contenders: [
      { name: 'no-cache', title: 'Fastify without the plugin', file: file('fastify'), runs: 'every' },
      { name: 'no-cache-control', title: 'the same again (A/A control)', file: file('fastify'), runs: 'every' },
      { name: 'miss', title: 'stored, etag: false', file: file('cached'), options: { ...simple, route: { timeout: 600, etag: false } }, runs: 'every' },
      { name: 'miss-etag', title: 'stored, with an ETag', file: file('cached'), options: simple, runs: 'every' }
    ]
  },
  {
    name: 'redis-hot',
    title: 'Redis, one hot key',
    load: 'hot',
    redis: true,
    contenders: redisContenders('hot-key')
  },
  {
    name: 'redis-1000',
    title: 'Redis, 1,000 keys in turn',
    load: 'keys:1000',
    redis: true,
    contenders: redisContenders('1000-keys')
  },
  {
    name: 'local-tier',
    title: 'A hit in memory, in front of Redis',
    load: 'hot',
    redis: true,
    contenders: [
      { name: 'local-reference', title: 'fastify-cached, SimpleCache', file: file('cached'), options: simple, cached: true },
      { name: 'local-control', title: 'the same again (A/A control)', file: file('cached'), options: simple, cached: true },
      { name: 'local', title: 'fastify-cached, RedisCache and CACHE_LOCAL', file: file('cached'), options: { plugin: { CACHE_TYPE: 'RedisCache', CACHE_KEY_PREFIX: 'bench_tier_', CACHE_LOCAL: { timeout: 600 } } }, cached: true }
    ]
  },
  {
    name: 'observed',
    title: 'A hit in memory, and who listens',
    load: 'hot',
    contenders: [
      { name: 'unpublished', title: 'fastify-cached, built without events', file: file('cached'), options: { ...simple, observers: 'none-built-in' }, cached: true },
      { name: 'unpublished-control', title: 'the same again (A/A control)', file: file('cached'), options: { ...simple, observers: 'none-built-in' }, cached: true },
      { name: 'unheard', title: 'fastify-cached, nobody listens', file: file('cached'), options: simple, cached: true },
      { name: 'subscribers', title: 'fastify-cached, a subscriber on each channel', file: file('cached'), options: { ...simple, observers: 'subscribers' }, cached: true },
      { name: 'prometheus', title: 'fastify-cached/prometheus is registered', file: file('cached'), options: { ...simple, observers: 'prometheus' }, cached: true },
      { name: 'inspector', title: 'fastify-cached/inspector is registered', file: file('cached'), options: { ...simple, observers: 'inspector' }, cached: true }
    ]
  }
]

function redisContenders (suffix) {
  return [
    { name: `getbuffer-${suffix}`, title: 'a hand-written getBuffer in onRequest', file: file('get-buffer'), cached: true },
    { name: `getbuffer-control-${suffix}`, title: 'the same again (A/A control)', file: file('get-buffer'), cached: true },
    { name: `redis-${suffix}`, title: 'fastify-cached, RedisCache', file: file('cached'), options: { plugin: { CACHE_TYPE: 'RedisCache', CACHE_KEY_PREFIX: `bench_${suffix}_` } }, cached: true },
    { name: `redis-local-${suffix}`, title: 'fastify-cached, RedisCache and CACHE_LOCAL', file: file('cached'), options: { plugin: { CACHE_TYPE: 'RedisCache', CACHE_KEY_PREFIX: `bench_local_${suffix}_`, CACHE_LOCAL: { timeout: 600 } } }, cached: true },
    { name: `nest-redis-${suffix}`, title: 'NestJS CacheInterceptor with @keyv/redis', file: file('nest'), options: { redis: true }, cached: true }
  ]
}
