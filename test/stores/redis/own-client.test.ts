import { Cluster, Redis } from 'ioredis'
import t from 'tap'
import { freePort } from '../../helpers/ports.ts'
import { until } from '../../helpers/process.ts'
import { startCluster, startRedis } from '../../helpers/redis.ts'
import { bytes, lines, open, pause } from './helpers.ts'

const quiet = <C extends { on (event: 'error', listener: () => void): unknown }>(client: C): C => {
  client.on('error', () => {})
  return client
}

t.test("an application's own client", async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const address = { host: '127.0.0.1', port: server.port }

  const settings: Record<string, object> = {
    'as it comes': {},
    'not connected yet': { lazyConnect: true },
    'with automatic pipelines': { enableAutoPipelining: true },
    'with numbers as strings': { stringNumbers: true },
    'with RESP2': { protocol: 2 },
    'with friendly stacks': { showFriendlyErrorStack: true },
    'with a key prefix': { keyPrefix: 'of:[the*app]:' }
  }
  for (const [name, options] of Object.entries(settings)) {
    await t.test(name, async (t) => {
      const client = new Redis({ ...address, ...options })
      t.teardown(() => client.disconnect())
      await server.cli('flushall')
      await server.cli('set', 'foreign', '1')
      await server.cli('set', 'cache:foreign', '1')
      if (name !== 'with a key prefix') await server.cli('del', 'cache:foreign')
      const before = client.listenerCount('error')
      const store = await open({ host: client })
      const value = Buffer.from([0xff, 0, 0x31])
      t.equal(await store.set('cache:a', value, 5000), true)
      t.same(await store.get('cache:a'), value)
      t.same(await store.getMany(['cache:a', 'b']), [value, undefined])
      t.equal(await store.add('cache:a', value), false)
      t.equal(await store.increment('cache:n', 41, 5000), 41)
      t.equal(await store.increment('cache:n', 1), 42)
      t.equal(await store.deleteIf('cache:a', value), true)
      t.same(await store.setMany([['cache:b', value], ['cache:c', value]]), [true, true])
      t.same(await store.deleteMany(['cache:b', 'cache:x']), [true, false])
      t.equal(await store.deleteByPrefix('cache:'), 2, 'its own, and only its own')
      t.equal(await server.cli('dbsize'), name === 'with a key prefix' ? '2' : '1')
      await store.close()
      t.equal(client.status, 'ready', 'it is not closed')
      t.equal(await client.ping(), 'PONG')
      t.equal(client.listenerCount('error'), before)
    })
  }

  await t.test('nothing of ours waits in its queue while it is away', async (t) => {
    const client = quiet(new Redis(address))
    t.teardown(() => client.disconnect())
    const store = await open({ host: client })
    await store.set('cache:k', bytes('v'))
    await server.kill()
    await until('it noticed', () => client.status !== 'ready')
    for (let i = 0; i < 20; i++) await t.rejects(store.set('cache:k', bytes('lost')), { code: 'FST_CACHE_ERR_BACKEND_DOWN' })
    t.equal((client as unknown as { offlineQueue: { length: number } }).offlineQueue.length, 0)
    await server.restart()
    await until('it is back', () => store.ping().then(() => true, () => false))
    t.equal(await store.get('cache:k'), undefined)
  })

  await t.test('one that has no server yet', async (t) => {
    const port = await freePort()
    const client = quiet(new Redis({ host: '127.0.0.1', port, retryStrategy: () => 50 }))
    t.teardown(() => client.disconnect())
    const store = await open({ host: client })
    await t.rejects(store.get('k'), { code: 'FST_CACHE_ERR_BACKEND_DOWN' })
    const late = await startRedis({ port })
    t.teardown(() => late.stop())
    await until('it works', () => store.ping().then(() => true, () => false))
    t.equal(await store.set('k', bytes('v')), true)
  })

  await t.test('what cannot be used is refused', async (t) => {
    await t.rejects(open({ host: {} }), { code: 'FST_CACHE_ERR_OPTIONS', message: /CACHE_REDIS_HOST/ })
    await t.rejects(open({ host: new Map() }), { code: 'FST_CACHE_ERR_OPTIONS' })
    const subscriber = new Redis({ ...address, protocol: 2 })
    t.teardown(() => subscriber.disconnect())
    await subscriber.subscribe('x')
    await t.rejects(open({ host: subscriber }), { code: 'FST_CACHE_ERR_BACKEND_REFUSED', message: /subscriber/ })
    const locked = await startRedis({ password: 'secret' })
    t.teardown(() => locked.stop())
    const wrong = quiet(new Redis({ host: '127.0.0.1', port: locked.port, password: 'wrong-one' }))
    t.teardown(() => wrong.disconnect())
    const error = await open({ host: wrong }).catch((error) => error)
    t.match(error, { code: 'FST_CACHE_ERR_BACKEND_REFUSED', message: /WRONGPASS/ })
    t.notOk(error.message.includes('wrong-one'))
  })
})

t.test("an application's own Cluster", async (t) => {
  const cluster = await startCluster(3)
  t.teardown(() => cluster.stop())
  for (const options of [{}, { keyPrefix: '{x' }, { enableAutoPipelining: true, scaleReads: 'all' as const }]) {
    const client = new Cluster(cluster.addresses.map(([host, port]) => ({ host, port })), options)
    const log = lines()
    const store = await open({ host: client, log })
    const keys = Array.from({ length: 50 }, (_, i) => `cache:}${i}`)
    t.same(await store.setMany(keys.map((key) => [key, bytes(key)])), keys.map(() => true))
    t.same((await store.getMany(keys)).map(String), keys)
    t.equal(await store.increment('cache:n', 3, 1000), 3)
    t.equal(await store.deleteByPrefix('cache:'), 51)
    await store.close()
    await pause(20)
    t.equal(client.status, 'ready')
    client.disconnect()
  }
})
