import { createServer as createHttpServer } from 'node:http'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { Redis } from 'ioredis'
import t from 'tap'
import type { Test } from 'tap'
import { PASSWORD, USER, startMemcached } from '../helpers/memcached.ts'
import { ends } from '../helpers/patience.ts'
import { freePort } from '../helpers/ports.ts'
import { until } from '../helpers/process.ts'
import { startRedis, startReplica, startSentinels } from '../helpers/redis.ts'
import { build } from './rig.ts'
import type { Options, Server } from './rig.ts'

const SECRET = 'p@ss/w#rd%?:'

/** Every way in which a secret may show: as it is, encoded once and twice, in JSON, in base64, and its parts. */
function spellings (secret: string): string[] {
  const once = encodeURIComponent(secret)
  return [secret, once, encodeURIComponent(once), encodeURI(secret), JSON.stringify(secret).slice(1, -1), Buffer.from(secret).toString('base64'), Buffer.from(secret).toString('hex'), ...secret.split(/[@/#%?:]+/).filter((part) => part.length > 2)]
}

function tells (server: Server, error?: unknown): string {
  const { message, stack, cause } = (error ?? {}) as Error
  return [message, stack, JSON.stringify(error), String(error), String(cause), JSON.stringify(cause), ...server.log].join('\n')
}

function keepsSecret (t: Test, server: Server, secret: string, error?: unknown): void {
  const text = tells(server, error)
  for (const spelling of spellings(secret)) t.notOk(text.includes(spelling), `nothing of the password (${spelling})`)
}

async function refuses (t: Test, options: Options, words: RegExp, secret?: string): Promise<void> {
  const server = build(options)
  const error = await ends('ready()', server.app.ready().then(() => undefined, (fault: unknown) => fault))
  t.match(error, { code: 'FST_CACHE_ERR_BACKEND_REFUSED', message: words })
  await ends('close()', server.app.close())
  if (secret !== undefined) keepsSecret(t, server, secret, error)
}

async function serves (t: Test, options: Options, secret?: string): Promise<void> {
  const server = build(options)
  await server.app.ready()
  t.match(await server.get('/item/1'), { status: 200, body: '/item/1 1', cache: 'fastify-cached; fwd=uri-miss; stored' })
  await until('the entry is there', async () => /; hit/.test((await server.get('/item/1')).cache))
  t.equal(server.runs.get('/item/1'), 1)
  t.equal(await server.app.cache.set('k', { a: 1 }), true)
  t.same(await server.app.cache.get('k'), { a: 1 })
  t.equal(await server.app.cache.clear(), true)
  await server.app.close()
  if (secret !== undefined) keepsSecret(t, server, secret)
}

t.test('Redis: addresses and credentials', async (t) => {
  const conf = [`user alice on >${SECRET} ~app:* &* +@all -@dangerous`, `user us:er@x on >${SECRET} ~* &* +@all`]
  const server = await startRedis({ password: SECRET, conf })
  t.teardown(() => server.stop())
  const { port, socket } = server
  const encoded = encodeURIComponent(SECRET)
  t.match(encoded, /%40.*%2F.*%23.*%25/)
  const at = (url: string): Options => ({ CACHE_TYPE: 'RedisCache', CACHE_REDIS_URL: url })
  const parts = (more: object): Options => ({ CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: '127.0.0.1', CACHE_REDIS_PORT: port, ...more })

  await t.test('are understood', async (t) => {
    await serves(t, at(`redis://:${encoded}@127.0.0.1:${port}`), SECRET)
    await serves(t, at(`redis://us%3Aer%40x:${encoded}@localhost:${port}/3`), SECRET)
    await serves(t, at(`redis://alice:${encoded}@127.0.0.1:${port}`), SECRET)
    await serves(t, at(`unix://default:${encoded}@${socket}?db=2`), SECRET)
    await serves(t, parts({ CACHE_REDIS_PASSWORD: SECRET, CACHE_REDIS_DB: 4 }), SECRET)
    await serves(t, parts({ CACHE_REDIS_USERNAME: 'alice', CACHE_REDIS_PASSWORD: SECRET }), SECRET)
  })

  await t.test('are refused', async (t) => {
    const wrong = SECRET + 'wrong!'
    await refuses(t, at(`redis://:${encodeURIComponent(wrong)}@127.0.0.1:${port}`), /WRONGPASS/, wrong)
    await refuses(t, parts({ CACHE_REDIS_PASSWORD: wrong }), /WRONGPASS.*CACHE_REDIS_PASSWORD/, wrong)
    await refuses(t, parts({}), /NOAUTH/)
    await refuses(t, parts({ CACHE_REDIS_PASSWORD: SECRET, CACHE_REDIS_DB: 99 }), /database/, SECRET)
    await refuses(t, at(`redis://:${encoded}@127.0.0.1:${port}/99`), /database/, SECRET)
    await refuses(t, { ...parts({ CACHE_REDIS_USERNAME: 'alice', CACHE_REDIS_PASSWORD: SECRET }), CACHE_KEY_PREFIX: 'other:' }, /permission/, SECRET)
  })

  await t.test('a raw # in a URL is refused before anything connects', async (t) => {
    const app = build(at(`redis://:${SECRET}@127.0.0.1:${port}`))
    const error = await app.app.ready().then(() => undefined, (fault: unknown) => fault)
    t.match(error, { code: 'FST_CACHE_ERR_OPTIONS', message: /CACHE_REDIS_URL/ })
    keepsSecret(t, app, SECRET, error)
    await app.app.close()
  })
})

t.test('Redis: TLS', async (t) => {
  const server = await startRedis({ tls: true, password: SECRET })
  t.teardown(() => server.stop())
  const ca = readFileSync(server.certificates!.ca)
  const url = `rediss://:${encodeURIComponent(SECRET)}@localhost:${server.port}`
  await serves(t, { CACHE_TYPE: 'RedisCache', CACHE_REDIS_URL: url, CACHE_OPTIONS: { tls: { ca } } }, SECRET)
  await refuses(t, { CACHE_TYPE: 'RedisCache', CACHE_REDIS_URL: url }, /TLS/, SECRET)
  await refuses(t, { CACHE_TYPE: 'RedisCache', CACHE_REDIS_URL: url.replace('rediss', 'redis') }, /TLS/, SECRET)
})

t.test('what can never serve', async (t) => {
  const http = createHttpServer((_, reply) => reply.end('hello'))
  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve))
  t.teardown(() => http.close())
  const { port } = http.address() as AddressInfo
  await refuses(t, { CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: '127.0.0.1', CACHE_REDIS_PORT: port, CACHE_REDIS_PASSWORD: SECRET }, /does not speak Redis/, SECRET)
  await refuses(t, { CACHE_TYPE: 'MemcachedCache', CACHE_MEMCACHED_SERVERS: [`127.0.0.1:${port}`] }, /memcached/)

  const primary = await startRedis()
  const replica = await startReplica(primary)
  t.teardown(() => Promise.all([primary.stop(), replica.stop()]))
  await refuses(t, { CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: '127.0.0.1', CACHE_REDIS_PORT: replica.port }, /read-only replica/)
  await refuses(t, { CACHE_TYPE: 'RedisClusterCache', CACHE_REDIS_CLUSTER: `127.0.0.1:${primary.port}` }, /not part of a cluster/)
  await refuses(t, { CACHE_TYPE: 'RedisSentinelCache', CACHE_REDIS_SENTINELS: `127.0.0.1:${primary.port}` }, /no sentinel/)
})

t.test('Sentinel: the name of the master', async (t) => {
  const set = await startSentinels({ name: 'cache' })
  t.teardown(() => set.stop())
  const CACHE_REDIS_SENTINELS = set.sentinels.map(({ port }) => ['127.0.0.1', port])
  await refuses(t, { CACHE_TYPE: 'RedisSentinelCache', CACHE_REDIS_SENTINELS }, /no master of that name.*CACHE_REDIS_SENTINEL_MASTER/)
  await serves(t, { CACHE_TYPE: 'RedisSentinelCache', CACHE_REDIS_SENTINELS, CACHE_REDIS_SENTINEL_MASTER: 'cache' })
})

t.test('memcached: credentials', async (t) => {
  const plain = await startMemcached()
  const sasl = await startMemcached({ sasl: true })
  t.teardown(() => Promise.all([plain.stop(), sasl.stop()]))
  for (const CACHE_TYPE of ['SASLMemcachedCache', 'SpreadSASLMemcachedCache']) {
    const options = (server: string, password: string): Options => ({ CACHE_TYPE, CACHE_MEMCACHED_SERVERS: [server], CACHE_MEMCACHED_USERNAME: USER, CACHE_MEMCACHED_PASSWORD: password })
    await serves(t, options(sasl.server, PASSWORD), PASSWORD)
    await refuses(t, options(sasl.server, PASSWORD + 'x'), /credentials|password/i, PASSWORD)
    await refuses(t, options(plain.server, PASSWORD), /SASL/, PASSWORD)
  }
  await refuses(t, { CACHE_TYPE: 'MemcachedCache', CACHE_MEMCACHED_SERVERS: [sasl.server] }, /SASL|credentials/)
})

t.test('down at the start: it starts, serves, says so once, and recovers', async (t) => {
  const redisPort = await freePort()
  const memcached = await startMemcached()
  await memcached.kill()
  let redis: Awaited<ReturnType<typeof startRedis>> | undefined
  t.teardown(() => Promise.all([redis?.stop(), memcached.stop()]))
  const cases: Array<[Options, () => Promise<unknown>]> = [
    [{ CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: '127.0.0.1', CACHE_REDIS_PORT: redisPort }, async () => { redis = await startRedis({ port: redisPort }) }],
    [{ CACHE_TYPE: 'MemcachedCache', CACHE_MEMCACHED_SERVERS: [memcached.server] }, () => memcached.restart()]
  ]
  for (const [options, up] of cases) {
    await t.test(options.CACHE_TYPE, async (t) => {
      const server = build(options)
      t.teardown(() => server.app.close())
      await ends('ready()', server.app.ready())
      for (let run = 1; run <= 5; run++) t.match(await server.get('/item/1'), { status: 200, body: `/item/1 ${run}`, cache: 'fastify-cached; fwd=uri-miss' })
      await t.rejects(server.app.cache.delete('k'), { code: /FST_CACHE_ERR_BACKEND/ })
      t.equal(await server.app.cache.set('k', 1), false)
      t.equal(await server.app.cache.get('k'), undefined)
      await up()
      await until('it hits', async () => /; hit/.test((await server.get('/item/1')).cache))
      await until('it is said', () => server.said(/is back/).length > 0)
      t.equal(server.said(/is down|out of service/).length, 1, server.said(/is down|out of service/).join('\n'))
      t.equal(server.said(/is back/).length, 1, server.said(/is back/).join('\n'))
      t.ok(server.app.cache.stats().errors > 0)
    })
  }
})

t.test("the application's own client", async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  await t.test('in `wait` it is connected at the start, and never closed', async (t) => {
    const client = new Redis({ port: redis.port, lazyConnect: true })
    t.teardown(() => client.disconnect())
    t.equal(client.status, 'wait')
    await serves(t, { CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: client })
    t.equal(client.status, 'ready')
    t.equal(await client.ping(), 'PONG')
  })
  await t.test('with its default settings nothing of ours is queued in an outage', async (t) => {
    const client = new Redis({ port: redis.port })
    client.on('error', () => {})
    t.teardown(() => client.disconnect())
    // A request that were queued would wait for its deadline, which is longer than the patience of the test
    const server = build({ CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: client, CACHE_OPERATION_TIMEOUT: 60 })
    await server.app.ready()
    await until('nothing is under way any more', async () => /; hit/.test((await server.get('/item/1')).cache) && server.app.cache.stats().stores === 1)
    await redis.kill()
    await until('it is noticed', () => client.status !== 'ready')
    for (let i = 0; i < 20; i++) t.equal((await ends('a request', server.get(`/item/${i}`))).status, 200)
    await t.rejects(ends('a deletion', server.app.cache.delete('k')), { code: /FST_CACHE_ERR_BACKEND/ })
    const inner = client as unknown as { offlineQueue: { length: number }, commandQueue: { length: number } }
    t.equal(inner.offlineQueue.length + inner.commandQueue.length, 0)
    await redis.restart()
    await until('it hits', async () => /; hit/.test((await server.get('/item/1')).cache))
    await server.app.close()
    t.equal(client.status, 'ready')
  })
})
