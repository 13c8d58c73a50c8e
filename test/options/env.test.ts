import t from 'tap'
import { errors } from '../../lib/errors.ts'
import { fromEnv } from '../../lib/options/env.ts'
import { resolveOptions } from '../../lib/options/validate.ts'

async function warningsOf (run: () => void): Promise<Error[]> {
  const warnings: Error[] = []
  const listen = (warning: Error) => { if (warning.name === 'FastifyCachedWarning') warnings.push(warning) }
  process.on('warning', listen)
  run()
  await new Promise(resolve => setImmediate(resolve)) // warnings are emitted in the next tick
  process.off('warning', listen)
  return warnings
}

t.test('converted by the schema', async t => {
  const options = fromEnv({
    CACHE_TYPE: 'RedisSentinelCache',
    CACHE_DEFAULT_TIMEOUT: ' 1.5 ',
    CACHE_THRESHOLD: '1e3',
    CACHE_KEY_PREFIX: '',
    CACHE_IGNORE_ERRORS: 'true',
    CACHE_SOURCE_CHECK: 'False',
    CACHE_OPTIONS: '{"tls": {"servername": "x"}, "__proto__": 1}',
    CACHE_LOCAL: '{"timeout": 5}',
    CACHE_POLICIES: '{"slow": {"timeout": 60}}',
    CACHE_CREDENTIAL_HEADERS: 'x-me, x-you',
    CACHE_REDIS_PORT: '6379',
    CACHE_REDIS_PASSWORD: '12345',
    CACHE_REDIS_DB: '',
    CACHE_REDIS_SENTINELS: 'a:1, b:2',
    CACHE_REDIS_CLUSTER: '[["a", 1], ["b", 2]]',
    CACHE_MEMCACHED_SERVERS: '[::1]:11211,/tmp/m.sock',
    CACHE_STATUS_HEADER: 'false',
    PATH: '/bin',
    HOME: undefined
  })
  t.strictSame(options, {
    CACHE_TYPE: 'RedisSentinelCache',
    CACHE_DEFAULT_TIMEOUT: 1.5,
    CACHE_THRESHOLD: 1000,
    CACHE_KEY_PREFIX: '',
    CACHE_IGNORE_ERRORS: true,
    CACHE_SOURCE_CHECK: false,
    CACHE_OPTIONS: JSON.parse('{"tls": {"servername": "x"}, "__proto__": 1}'),
    CACHE_LOCAL: { timeout: 5 },
    CACHE_POLICIES: { slow: { timeout: 60 } },
    CACHE_CREDENTIAL_HEADERS: ['x-me', 'x-you'],
    CACHE_REDIS_PORT: 6379,
    CACHE_REDIS_PASSWORD: '12345',
    CACHE_REDIS_SENTINELS: ['a:1', 'b:2'],
    CACHE_REDIS_CLUSTER: [['a', 1], ['b', 2]],
    CACHE_MEMCACHED_SERVERS: ['[::1]:11211', '/tmp/m.sock'],
    CACHE_STATUS_HEADER: false
  })
  t.match(resolveOptions(options), { type: 'RedisSentinelCache', redis: { sentinels: [['a', 1], ['b', 2]], password: '12345' } })
  t.equal(fromEnv({ CACHE_STATUS_HEADER: 'edge' }).CACHE_STATUS_HEADER, 'edge')
  t.equal(fromEnv({ CACHE_REDIS_HOST: 'true' }).CACHE_REDIS_HOST, 'true')
})

t.test('the process has an environment of its own', async t => {
  process.env.CACHE_DEFAULT_TIMEOUT = '77'
  t.teardown(() => { delete process.env.CACHE_DEFAULT_TIMEOUT })
  t.equal(fromEnv().CACHE_DEFAULT_TIMEOUT, 77)
})

t.test('what cannot be converted is refused, all of it at once, by the name of the variable', async t => {
  const bad: Array<[string, string]> = [
    ['CACHE_REDIS_PORT', '6379.7'], ['CACHE_REDIS_PORT', '0x10'], ['CACHE_REDIS_PORT', '70000'], ['CACHE_REDIS_PORT', 'tcp://1.2.3.4:6379'], ['CACHE_REDIS_PORT', ' '],
    ['CACHE_DEFAULT_TIMEOUT', 'Infinity'], ['CACHE_DEFAULT_TIMEOUT', 'NaN'], ['CACHE_DEFAULT_TIMEOUT', '5s'], ['CACHE_DEFAULT_TIMEOUT', '-1'], ['CACHE_DEFAULT_TIMEOUT', '1e999'],
    ['CACHE_THRESHOLD', '1.5'], ['CACHE_IGNORE_ERRORS', 'yes'], ['CACHE_IGNORE_ERRORS', '1'],
    ['CACHE_OPTIONS', 'secret'], ['CACHE_OPTIONS', '["secret"]'], ['CACHE_OPTIONS', '"secret"'], ['CACHE_OPTIONS', '{"password": "secret"'], ['CACHE_LOCAL', '5']
  ]
  for (const [name, value] of bad) {
    t.throws(() => fromEnv({ [name]: value }), { code: 'FST_CACHE_ERR_OPTIONS', message: new RegExp(`environment: ${name} `) }, `${name}=${value}`)
    try { fromEnv({ [name]: value }) } catch (error) { t.notMatch((error as Error).message, 'secret') }
  }
  t.throws(() => fromEnv(Object.fromEntries(bad.slice(-2))), { message: /CACHE_OPTIONS.*CACHE_LOCAL/ })
  t.throws(() => fromEnv({ CACHE_REDIS_DB: 3 } as unknown as NodeJS.ProcessEnv), errors.FST_CACHE_ERR_OPTIONS)
})

t.test('names that it does not know: one warning for all', async t => {
  const warnings = await warningsOf(() => {
    t.strictSame(fromEnv({ CACHE_REDIS_PROT: 'hunter2', CACHE_BUST: 'x', cache_type: 'x', XCACHE_TYPE: 'x', CACHE_THRESHOLD: '1' }), { CACHE_THRESHOLD: 1 })
  })
  t.equal(warnings.length, 1)
  t.match(warnings[0]?.message, /CACHE_REDIS_PROT \(did you mean CACHE_REDIS_PORT\?\), CACHE_BUST$/)
  t.notMatch(warnings[0]?.message, 'hunter2')
  t.strictSame(await warningsOf(() => fromEnv({ CACHE_TYPE: 'NullCache', OTHER: 'x' })), [])
})
