import t from 'tap'
import vm from 'node:vm'
import { errors } from '../../lib/errors.ts'
import { resolveOptions } from '../../lib/options/validate.ts'
import { CacheOptionsSchema } from '../../lib/options/schema.ts'
import { Value } from '@sinclair/typebox/value'

const store = { get () { return undefined }, set: () => true, add: () => true, delete: () => true, increment: () => 1, clear: () => true }
const client = { getBuffer () {}, set () {} }
const sasl = { CACHE_TYPE: 'SASLMemcachedCache', CACHE_MEMCACHED_USERNAME: 'u', CACHE_MEMCACHED_PASSWORD: 'p' }

function refusal (options: unknown): string {
  try {
    resolveOptions(options)
  } catch (error) {
    if (error instanceof errors.FST_CACHE_ERR_OPTIONS) return error.message
    throw error
  }
  return 'not refused'
}

t.test('nothing given: every default', async t => {
  for (const input of [undefined, null, {}, { CACHE_TYPE: undefined, CACHE_THRESHOLD: null, CACHE_OPTIONS: null, CACHE_POLICIES: undefined }]) {
    const s = resolveOptions(input)
    t.match(s, {
      type: 'SimpleCache',
      custom: undefined,
      defaultTimeout: 300,
      keyPrefix: 'fastify_cache_',
      threshold: 10000,
      maxBytes: 104857600,
      maxEntryBytes: 1048576,
      ignoreErrors: false,
      operationTimeout: 0.5,
      noNullWarning: false,
      dir: undefined,
      fileHashMethod: 'sha256',
      hashMethod: 'sha256',
      serializer: 'msgpack',
      sourceCheck: false,
      local: undefined,
      statusHeader: 'fastify-cached',
      decorator: 'cache'
    })
    t.strictSame(s.credentialHeaders, ['authorization', 'proxy-authorization', 'x-api-key', 'x-auth-token', 'x-forwarded-user',
      'x-remote-user', 'cf-access-jwt-assertion', 'x-amzn-oidc-data', 'x-goog-iap-jwt-assertion'])
    t.match(s.redis, { host: 'localhost', port: 6379, username: undefined, password: undefined, db: 0, url: undefined, sentinelMaster: 'mymaster' })
    t.strictSame(s.memcached.servers, ['127.0.0.1:11211'])
    t.equal(s.options.CACHE_DEFAULT_TIMEOUT, 300)
    t.ok(Object.isFrozen(s) && Object.isFrozen(s.options))
  }
})

t.test('values as they are resolved', async t => {
  const of = (options: unknown) => resolveOptions(options)
  t.strictSame(of({ CACHE_TYPE: 'RedisSentinelCache', CACHE_REDIS_SENTINELS: 'a:1, b,[::1]:3' }).redis.sentinels, [['a', 1], ['b', 26379], ['::1', 3]])
  t.strictSame(of({ CACHE_TYPE: 'RedisSentinelCache', CACHE_REDIS_SENTINELS: [['a', 1], ['b', 2]] }).redis.sentinels, [['a', 1], ['b', 2]])
  t.strictSame(of({ CACHE_TYPE: 'RedisClusterCache', CACHE_REDIS_CLUSTER: ['a:1', { host: 'b' }] }).redis.cluster, [['a', 1], ['b', 6379]])
  t.equal(of({ CACHE_TYPE: 'RedisClusterCache', CACHE_REDIS_HOST: client }).redis.host, client)
  t.strictSame(of({ CACHE_TYPE: 'MemcachedCache', CACHE_MEMCACHED_SERVERS: 'a, b:2,[::1],/tmp/m.sock' }).memcached.servers, ['a:11211', 'b:2', '[::1]:11211', '/tmp/m.sock'])
  t.strictSame(of({ ...sasl, CACHE_LOCAL: { timeout: 5, threshold: null } }).local, { timeout: 5, threshold: 10000, maxBytes: 104857600 })
  t.equal(of({ CACHE_LOCAL: { timeout: 5 } }).local, undefined)
  t.match(of({ CACHE_TYPE: store, CACHE_LOCAL: { timeout: 1 } }), { type: 'custom', custom: store, local: { timeout: 1 } })
  t.equal(of({ CACHE_TYPE: store }).custom, store, 'a store is used, not copied')
  t.equal(of({ CACHE_REDIS_PASSWORD: '', CACHE_TYPE: 'RedisCache' }).redis.password, undefined)
  t.equal(of({ CACHE_KEY_PREFIX: '' }).keyPrefix, '')
  t.equal(of({ CACHE_HASH_METHOD: 'md5' }).hashMethod, 'md5')
  t.equal(of({ CACHE_STATUS_HEADER: 'Edge' }).statusHeader, 'Edge')
  t.equal(of({ CACHE_STATUS_HEADER: 'my "cache"' }).statusHeader, '"my \\"cache\\""')
  t.equal(of({ CACHE_STATUS_HEADER: false }).statusHeader, false)
  t.strictSame(of({ CACHE_CREDENTIAL_HEADERS: ['X-Me', 'Authorization'] }).credentialHeaders, ['authorization', 'x-me'])
  t.equal(of({ prefix: '/v1', logLevel: 'warn', logSerializers: {} }).type, 'SimpleCache')
  t.equal(of(vm.runInNewContext('({ CACHE_OPTIONS: { copy: false } })')).clientOptions.copy, false, 'an object of another realm')
})

t.test('an option of another backend is checked by its name only', async t => {
  const wrong = {
    CACHE_DIR: 5, CACHE_REDIS_PORT: 'x', CACHE_REDIS_URL: 'nonsense', CACHE_REDIS_SENTINELS: {}, CACHE_MEMCACHED_SERVERS: 7, CACHE_LOCAL: 'no', CACHE_FILE_HASH_METHOD: 'x'
  }
  const s = resolveOptions({ CACHE_TYPE: 'SimpleCache', ...wrong })
  t.equal(s.redis.port, 6379)
  t.equal(s.dir, undefined)
  for (const name of Object.keys(wrong)) {
    t.match(refusal({ CACHE_TYPE: 'SimpleCache', [`${name}S_`]: 1 }), `did you mean ${name}?`)
  }
})

t.test('refusals say the option, what it got and what it takes', async t => {
  const cases: Array<[Record<string, unknown>, ...Array<string | RegExp>]> = [
    [{ CACHE_TYP: 'SimpleCache' }, 'CACHE_TYP', 'did you mean CACHE_TYPE?'],
    [{ cache_type: 'SimpleCache' }, 'did you mean CACHE_TYPE?'],
    [{ CACHE_DEFUALT_TIMEOUT: 3 }, 'did you mean CACHE_DEFAULT_TIMEOUT?'],
    [{ CACHE_MEMCACHED_SERVRS: 3 }, 'did you mean CACHE_MEMCACHED_SERVERS?'],
    [{ zzzzzzzz: 1 }, 'known are CACHE_TYPE'],
    [JSON.parse('{"__proto__": {"CACHE_TYPE": "NullCache"}}'), '__proto__'],
    [{ constructor: 1 }, 'unknown option constructor'],
    [{ toString: 1 }, 'unknown option toString'],
    [{ CACHE_TYPE: 'RedisCach' }, "did you mean 'RedisCache'?"],
    [{ CACHE_TYPE: 'constructor' }, 'takes NullCache'],
    [{ CACHE_TYPE: 'my.own.Backend' }, 'a path is not imported'],
    [{ CACHE_TYPE: 5 }, 'CACHE_TYPE', 'got 5'],
    [{ CACHE_TYPE: '' }, 'CACHE_TYPE', 'got ""'],
    [{ CACHE_TYPE: { get () {} } }, 'set, add, delete, increment, clear'],
    [{ CACHE_TYPE: class Mine {} }, 'is a class'],
    [{ CACHE_DEFAULT_TIMEOUT: -1 }, 'CACHE_DEFAULT_TIMEOUT', 'got -1', 'seconds'],
    [{ CACHE_DEFAULT_TIMEOUT: NaN }, 'got NaN'],
    [{ CACHE_DEFAULT_TIMEOUT: Infinity }, 'got Infinity'],
    [{ CACHE_DEFAULT_TIMEOUT: '300' }, 'got "300"'],
    [{ CACHE_DEFAULT_TIMEOUT: 300n }, 'got 300n'],
    [{ CACHE_THRESHOLD: 1.5 }, 'CACHE_THRESHOLD', 'got 1.5'],
    [{ CACHE_MAX_BYTES: -1 }, 'CACHE_MAX_BYTES'],
    [{ CACHE_MAX_ENTRY_BYTES: '1MB' }, 'CACHE_MAX_ENTRY_BYTES', 'got "1MB"'],
    [{ CACHE_IGNORE_ERRORS: 'yes' }, 'true or false'],
    [{ CACHE_OPERATION_TIMEOUT: -0.1 }, 'CACHE_OPERATION_TIMEOUT'],
    [{ CACHE_KEY_PREFIX: 5 }, 'CACHE_KEY_PREFIX'],
    [{ CACHE_NO_NULL_WARNING: 1 }, 'CACHE_NO_NULL_WARNING'],
    [{ CACHE_CREDENTIAL_HEADERS: 'x-me' }, 'CACHE_CREDENTIAL_HEADERS'],
    [{ CACHE_CREDENTIAL_HEADERS: ['ok', 'not ok'] }, 'item 2', 'got "not ok"'],
    [{ CACHE_OPTIONS: [] }, 'CACHE_OPTIONS', 'got a list'],
    [{ CACHE_OPTIONS: 'password=hunter2' }, 'got a string'],
    [{ CACHE_TYPE: 'FileSystemCache' }, 'needs CACHE_DIR'],
    [{ CACHE_TYPE: 'FileSystemCache', CACHE_DIR: '' }, 'CACHE_DIR'],
    [{ CACHE_TYPE: 'FileSystemCache', CACHE_DIR: 'a\0b' }, 'NUL'],
    [{ CACHE_TYPE: 'FileSystemCache', CACHE_DIR: '/tmp/x', CACHE_FILE_HASH_METHOD: 'crc32' }, 'CACHE_FILE_HASH_METHOD'],
    [{ CACHE_HASH_METHOD: 'sha265' }, 'did you mean'],
    [{ CACHE_HASH_METHOD: 5 }, 'crypto.getHashes()'],
    [{ CACHE_SERIALIZER: 'xml' }, 'CACHE_SERIALIZER', 'got "xml"'],
    [{ CACHE_SERIALIZER: { serialize () {} } }, 'deserialize'],
    [{ CACHE_SOURCE_CHECK: 0 }, 'CACHE_SOURCE_CHECK'],
    [{ CACHE_TYPE: 'RedisCache', CACHE_REDIS_PORT: 0 }, 'CACHE_REDIS_PORT', '1 to 65535'],
    [{ CACHE_TYPE: 'RedisCache', CACHE_REDIS_PORT: 65536 }, 'got 65536'],
    [{ CACHE_TYPE: 'RedisCache', CACHE_REDIS_PORT: '6379' }, 'got "6379"'],
    [{ CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: {} }, 'no ioredis client'],
    [{ CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: 'h:1' }, 'CACHE_REDIS_PORT'],
    [{ CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: '/run/redis.sock' }, 'CACHE_REDIS_URL'],
    [{ CACHE_TYPE: 'RedisCache', CACHE_REDIS_DB: -1 }, 'CACHE_REDIS_DB'],
    [{ CACHE_TYPE: 'RedisCache', CACHE_REDIS_USERNAME: 5 }, 'CACHE_REDIS_USERNAME'],
    [{ CACHE_TYPE: 'RedisSentinelCache' }, 'needs CACHE_REDIS_SENTINELS'],
    [{ CACHE_TYPE: 'RedisSentinelCache', CACHE_REDIS_SENTINELS: [] }, 'empty list'],
    [{ CACHE_TYPE: 'RedisSentinelCache', CACHE_REDIS_SENTINELS: [['h', 'x']] }, 'server 1'],
    [{ CACHE_TYPE: 'RedisSentinelCache', CACHE_REDIS_SENTINELS: 'h:1', CACHE_REDIS_SENTINEL_MASTER: '' }, 'CACHE_REDIS_SENTINEL_MASTER'],
    [{ CACHE_TYPE: 'RedisClusterCache' }, 'needs CACHE_REDIS_CLUSTER'],
    [{ CACHE_TYPE: 'RedisClusterCache', CACHE_REDIS_CLUSTER: 'a:1,b:99999' }, 'server 2', '65535'],
    [{ CACHE_TYPE: 'RedisClusterCache', CACHE_REDIS_CLUSTER: '::1' }, 'server 1'],
    [{ CACHE_TYPE: 'MemcachedCache', CACHE_MEMCACHED_SERVERS: ' , ' }, 'empty string'],
    [{ CACHE_TYPE: 'MemcachedCache', CACHE_MEMCACHED_SERVERS: [5] }, 'server 1'],
    [{ CACHE_TYPE: 'MemcachedCache', CACHE_MEMCACHED_SERVERS: ['a:x'] }, 'not a number'],
    [{ CACHE_TYPE: 'SASLMemcachedCache' }, 'needs CACHE_MEMCACHED_USERNAME', 'needs CACHE_MEMCACHED_PASSWORD'],
    [{ ...sasl, CACHE_MEMCACHED_PASSWORD: '' }, 'CACHE_MEMCACHED_PASSWORD takes'],
    [{ ...sasl, CACHE_LOCAL: { timeout: 0 } }, 'CACHE_LOCAL', 'more than 0'],
    [{ ...sasl, CACHE_LOCAL: {} }, 'timeout is needed'],
    [{ ...sasl, CACHE_LOCAL: { timeout: 1, treshold: 5 } }, 'did you mean threshold?'],
    [{ CACHE_ROUTE_DEFAULTS: { timout: 5 } }, 'CACHE_ROUTE_DEFAULTS', 'did you mean timeout?'],
    [{ CACHE_ROUTE_DEFAULTS: true }, 'CACHE_ROUTE_DEFAULTS'],
    [{ CACHE_POLICIES: { slow: { jitter: 2 } } }, 'CACHE_POLICIES.slow.jitter', '0 to 0.5', 'got 2'],
    [{ CACHE_POLICIES: { slow: 5 } }, 'CACHE_POLICIES.slow'],
    [{ CACHE_POLICIES: { slow: { policy: 'slwo' } } }, 'unknown policy'],
    [{ CACHE_POLICIES: { a: { policy: 'b' }, b: { policy: 'a' } } }, 'leads back to itself'],
    [{ CACHE_STATUS_HEADER: '' }, 'CACHE_STATUS_HEADER'],
    [{ CACHE_STATUS_HEADER: 'a\r\nb: c' }, 'printable ASCII'],
    [{ CACHE_STATUS_HEADER: 5 }, 'CACHE_STATUS_HEADER'],
    [{ CACHE_DECORATOR: '' }, 'CACHE_DECORATOR'],
    [{ CACHE_DECORATOR: '__proto__' }, 'CACHE_DECORATOR'],
    [{ CACHE_DECORATOR: 'constructor' }, 'CACHE_DECORATOR'],
    [{ CACHE_DECORATOR: 'url' }, 'CACHE_DECORATOR']
  ]
  for (const [options, ...texts] of cases) {
    const message = refusal(options)
    for (const text of texts) t.match(message, text, message)
  }
  for (const input of ['SimpleCache', 5, [], true]) t.match(refusal(input), 'the options are an object')
})

t.test('retired names are refused with the name of today', async t => {
  const retired: Array<[string, string]> = [
    ['null', 'NullCache'], ['simple', 'SimpleCache'], ['filesystem', 'FileSystemCache'], ['redis', 'RedisCache'],
    ['redissentinel', 'RedisSentinelCache'], ['rediscluster', 'RedisClusterCache'], ['memcached', 'MemcachedCache'],
    ['saslmemcached', 'SASLMemcachedCache'], ['spreadsaslmemcached', 'SpreadSASLMemcachedCache'],
    ['flask_caching.backends.SimpleCache', 'SimpleCache'], ['flask_caching.backends.rediscache.RedisCache', 'RedisCache'],
    ['flask_caching.backends.filesystem', 'FileSystemCache']
  ]
  for (const [name, today] of retired) t.match(refusal({ CACHE_TYPE: name }), new RegExp(`${name.replaceAll('.', '\\.')}.*'${today}'`))
})

t.test('several faults are reported together', async t => {
  const message = refusal({ CACHE_TIPE: 1, CACHE_DEFAULT_TIMEOUT: -1, CACHE_POLICIES: { a: { jitter: 1, hook: 'x' } } })
  for (const part of ['CACHE_TIPE', 'CACHE_DEFAULT_TIMEOUT', 'CACHE_POLICIES.a.jitter', 'CACHE_POLICIES.a.hook']) t.match(message, part)
})

t.test('no message holds a secret', async t => {
  const secrets = ['hunter2', 'hunter%232']
  const wrong: Array<Record<string, unknown>> = [
    { CACHE_TYPE: 'RedisCache', CACHE_REDIS_PASSWORD: ['hunter2'] },
    { CACHE_TYPE: 'RedisCache', CACHE_REDIS_URL: 'redis://:hunter2#x@h' },
    { CACHE_TYPE: 'RedisCache', CACHE_REDIS_URL: 'http://:hunter2@h' },
    { CACHE_TYPE: 'RedisCache', CACHE_REDIS_URL: 'redis://u:hunter2/x@h' },
    { CACHE_TYPE: 'RedisCache', CACHE_REDIS_URL: 'redis://u:1/hunter2@h' },
    { CACHE_TYPE: 'RedisCache', CACHE_REDIS_URL: 'redis://h?hunter2=1' },
    { CACHE_TYPE: 'RedisCache', CACHE_REDIS_URL: 'redis://h/hunter2' },
    { CACHE_TYPE: 'RedisCache', CACHE_REDIS_URL: 'redis://:hunter%232%zz@h' },
    { CACHE_TYPE: 'RedisCache', CACHE_REDIS_URL: { password: 'hunter2' } },
    { CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: 'redis://:hunter2@h' },
    { CACHE_TYPE: 'RedisCache', CACHE_REDIS_PORT: 'redis://:hunter2@h' },
    { CACHE_TYPE: 'RedisClusterCache', CACHE_REDIS_CLUSTER: 'redis://:hunter2@h:1' },
    { CACHE_TYPE: 'RedisSentinelCache', CACHE_REDIS_SENTINELS: [[':hunter2@h', 1]] },
    { CACHE_TYPE: 'RedisSentinelCache', CACHE_REDIS_SENTINELS: { password: 'hunter2' } },
    { CACHE_TYPE: 'MemcachedCache', CACHE_MEMCACHED_SERVERS: 'user:hunter2@h:1' },
    { ...sasl, CACHE_MEMCACHED_PASSWORD: { hunter2: 1 } },
    { CACHE_OPTIONS: 'hunter2' },
    { CACHE_OPTIONS: new Map([['hunter2', 'hunter2']]) },
    { CACHE_TYPE: { password: 'hunter2' } },
    { CACHE_TYPE: 'redis://:hunter2@h' },
    { get CACHE_OPTIONS () { throw new Error('hunter2') } }
  ]
  for (const options of wrong) {
    let error: unknown
    try { resolveOptions(options) } catch (thrown) { error = thrown }
    t.type(error, errors.FST_CACHE_ERR_OPTIONS)
    const e = error as Error
    t.equal(e.cause, undefined)
    for (const secret of secrets) t.notMatch(`${e.message}${e.stack}${JSON.stringify(e)}`, secret)
  }
})

t.test('hostile objects are read once, and never by their prototype', async t => {
  let reads = 0
  const s = resolveOptions({ get CACHE_THRESHOLD () { return ++reads } })
  t.equal(reads, 1)
  t.equal(s.threshold, 1)
  t.match(refusal({ get CACHE_THRESHOLD () { throw new Error('boom') } }), 'CACHE_THRESHOLD cannot be read')
  const revoked = Proxy.revocable({}, {})
  revoked.revoke()
  t.match(refusal(revoked.proxy), 'cannot be read')
  t.match(refusal({ CACHE_OPTIONS: revoked.proxy }), 'CACHE_OPTIONS cannot be read')
  t.equal(resolveOptions(Object.create({ CACHE_TYPE: 'nonsense' })).type, 'SimpleCache')
  const cyclic: Record<string, unknown> = {}
  cyclic.self = cyclic
  t.ok(resolveOptions({ CACHE_OPTIONS: cyclic }))
  let deep: Record<string, unknown> = {}
  for (let i = 0; i < 20000; i++) deep = { deep }
  t.ok(resolveOptions({ CACHE_OPTIONS: deep }))
})

t.test('what the caller does later changes nothing; what has an identity keeps it', async t => {
  const bytes = Buffer.from('ca')
  const retryStrategy = () => 1
  const options = {
    CACHE_TYPE: 'MemcachedCache',
    CACHE_MEMCACHED_SERVERS: ['a:1'],
    CACHE_OPTIONS: { tls: { ca: bytes }, retryStrategy },
    CACHE_POLICIES: { p: { tags: ['a'], vary: ['x-a'] } },
    CACHE_SERIALIZER: { serialize: () => bytes, deserialize: () => 1 }
  }
  const s = resolveOptions(options)
  options.CACHE_MEMCACHED_SERVERS.push('b:1')
  options.CACHE_OPTIONS.tls.ca = Buffer.from('x')
  options.CACHE_POLICIES.p.tags.push('b')
  options.CACHE_TYPE = 'NullCache'
  t.equal(s.type, 'MemcachedCache')
  t.strictSame(s.memcached.servers, ['a:1'])
  t.equal((s.clientOptions.tls as { ca: Buffer }).ca, bytes)
  t.equal(s.clientOptions.retryStrategy, retryStrategy)
  t.equal(s.serializer, options.CACHE_SERIALIZER)
  t.notOk(Object.isFrozen(options.CACHE_SERIALIZER))
  t.strictSame(s.policies.p?.tags, ['a'])
  t.strictSame(s.options.CACHE_MEMCACHED_SERVERS, ['a:1'])
  t.ok(Object.isFrozen(s.options.CACHE_MEMCACHED_SERVERS))
  t.throws(() => { (s.options as { CACHE_TYPE: string }).CACHE_TYPE = 'x' }, TypeError)
})

t.test('policies: any name, one on another', async t => {
  const { policies, routeDefaults } = resolveOptions({
    CACHE_POLICIES: JSON.parse('{"__proto__": {"timeout": 1}, "base": {"timeout": 2, "jitter": 0.1}, "top": {"policy": "base", "timeout": 3}, "none": null}'),
    CACHE_ROUTE_DEFAULTS: { policy: 'top', minUses: 2 }
  })
  t.equal(Object.getPrototypeOf(policies), null)
  t.strictSame(Object.keys(policies), ['__proto__', 'base', 'top'])
  t.strictSame(policies.top, { timeout: 3, jitter: 0.1 })
  t.strictSame(routeDefaults, { timeout: 3, jitter: 0.1, minUses: 2 })
})

t.test('the published schema takes what is taken', async t => {
  for (const options of [{}, sasl, { CACHE_TYPE: store }, { CACHE_TYPE: () => store }, { CACHE_REDIS_HOST: client, CACHE_POLICIES: { a: {} } }, { CACHE_LOCAL: { timeout: 5 } }]) {
    t.ok(Value.Check(CacheOptionsSchema, options))
  }
  for (const options of [{ CACHE_TYP: 1 }, { CACHE_TYPE: 'Nope' }, { CACHE_REDIS_PORT: 'x' }, { CACHE_ROUTE_DEFAULTS: { timout: 1 } }]) {
    t.notOk(Value.Check(CacheOptionsSchema, options))
  }
})
