import t from 'tap'
import type { Test } from 'tap'
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import cached from '../../index.ts'
import type { CacheOptions, Store } from '../../index.ts'
import { startMemcached } from '../helpers/memcached.ts'
import { until } from '../helpers/process.ts'
import { startRedis } from '../helpers/redis.ts'

async function application (t: Test, options: CacheOptions) {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(cached, options)
  let runs = 0
  app.get('/page', { config: { cache: { timeout: 60 } } }, async () => `run ${++runs}`)
  await app.ready()
  return app
}

/** An application's store on a Map that two caches share, and that counts its reads. */
function sharedStore () {
  const data = new Map<string, Buffer>()
  const state = { reads: 0 }
  const make = (): Store => ({
    async get (key) { state.reads++; return data.get(key) },
    async set (key, value) { data.set(key, Buffer.from(value)); return true },
    async add (key, value) { return !data.has(key) && data.set(key, Buffer.from(value)).size > 0 },
    async delete (key) { return data.delete(key) },
    async increment (key, delta) {
      const sum = Number(data.get(key) ?? 0) + delta
      data.set(key, Buffer.from(String(sum)))
      return sum
    },
    async clear (prefix) {
      for (const key of data.keys()) if (key.startsWith(prefix)) data.delete(key)
      return true
    }
  } as Store)
  return { state, make }
}

t.test('in front of a store that tells nothing: the local timeout bounds it, this process hears of its own changes', async (t) => {
  const shared = sharedStore()
  const options = (timeout: number): CacheOptions => ({ CACHE_TYPE: shared.make() as never, CACHE_LOCAL: { timeout } })
  const here = await application(t, options(60))
  const there = await application(t, options(60))
  const briefly = await application(t, options(0.3))

  await here.cache.set('k', { list: [1] }, { tags: ['blue'] })
  t.strictSame(await there.cache.get('k'), { list: [1] })
  const reads = shared.state.reads
  const got = await there.cache.get<{ list: number[] }>('k')
  got!.list.push(2)
  t.strictSame(await there.cache.get('k'), { list: [1] }, 'what a caller does to its value stays with it')
  t.equal(await there.cache.has('k'), true)
  t.strictSame(await there.cache.getMany(['k', 'k']), [{ list: [1] }, { list: [1] }])
  t.equal(shared.state.reads, reads, 'all from memory')

  await there.cache.set('k', 'own')
  t.equal(await there.cache.get('k'), 'own')
  await briefly.cache.get('k')
  await here.cache.set('k', 'new')
  await until('the copy has ended', async () => await briefly.cache.get('k') === 'new')
  t.equal(await there.cache.get('k'), 'own', 'which is as long as its time')

  for (const purge of [() => there.cache.delete('k'), () => there.cache.invalidateTags('blue'), () => there.cache.clear()]) {
    await there.cache.set('k', 'old', { tags: ['blue'] })
    await there.cache.get('k')
    await purge()
    t.equal(await there.cache.get('k'), undefined)
  }
  t.equal(await there.cache.inc('n'), 1)
  t.equal(await here.cache.inc('n'), 2)
  t.equal(await there.cache.get('n'), 2, 'counts are always read from the backend')
  t.equal(await there.cache.add('n', 5), false)
})

t.test('a route is served from memory, and so is a memoized function', async (t) => {
  const shared = sharedStore()
  const app = await application(t, { CACHE_TYPE: shared.make() as never, CACHE_LOCAL: { timeout: 60 } })
  let runs = 0
  const load = app.cache.memoize(async function load (id: number) { return { id, runs: ++runs } }, { timeout: 60 })
  for (let i = 0; i < 3; i++) {
    await app.inject('/page')
    await load(1)
  }
  const reads = shared.state.reads
  const { body, headers } = await app.inject('/page')
  t.equal(body, 'run 1')
  t.match(headers['cache-status'], /hit/)
  t.strictSame(await load(1), { id: 1, runs: 1 })
  t.equal(shared.state.reads, reads)
  await app.inject({ method: 'POST', url: '/page' })
  await app.cache.deleteCached('/page', { host: 'localhost:80' })
  t.equal((await app.inject('/page')).body, 'run 2')
  await load.deleteMemoized(1)
  t.strictSame(await load(1), { id: 1, runs: 2 })
})

t.test('memcached: the local timeout alone', async (t) => {
  const server = await startMemcached()
  t.teardown(() => server.stop())
  const options: CacheOptions = { CACHE_TYPE: 'MemcachedCache', CACHE_MEMCACHED_SERVERS: [`127.0.0.1:${server.port}`], CACHE_LOCAL: { timeout: 0.3 } }
  const here = await application(t, options)
  const there = await application(t, options)
  await here.cache.set('k', 'old')
  t.equal(await there.cache.get('k'), 'old')
  await here.cache.set('k', 'new')
  await until('the copy has ended', async () => await there.cache.get('k') === 'new')
})

for (const settings of [{}, { keyPrefix: 'app {1}:' }, { protocol: 2 as const, db: 3 }]) {
  t.test(`an application's own client ${JSON.stringify(settings)}`, async (t) => {
    const server = await startRedis()
    const clients = [1, 2].map(() => new Redis({ host: server.host, port: server.port, ...settings } as object))
    t.teardown(async () => {
      for (const client of clients) client.disconnect()
      await server.stop()
    })
    const [here, there] = await Promise.all(clients.map((client) => application(t, { CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: client, CACHE_LOCAL: { timeout: 60 } })))
    const calls = async (): Promise<number> => Number(/cmdstat_mget:calls=(\d+)/.exec(await server.cli('info', 'commandstats'))?.[1])
    await here!.cache.set('k', 'old')
    await until('reads stay in memory', async () => {
      const before = await calls()
      for (let i = 0; i < 3; i++) await there!.cache.get('k')
      return await calls() === before
    })
    await here!.cache.set('k', 'new')
    await until('the other has heard', async () => await there!.cache.get('k') === 'new')
    await here!.close()
    await there!.close()
    t.equal(await clients[0]!.ping(), 'PONG', 'the client itself stays as it was')
    await until('no connection of ours is left', async () => !(await server.cli('client', 'list')).includes('fastify-cached'))
  })
}
