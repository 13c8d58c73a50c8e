import t from 'tap'
import Fastify from 'fastify'
import { Cluster } from 'ioredis'
import cached from '../../index.ts'
import { until } from '../helpers/process.ts'
import { startCluster } from '../helpers/redis.ts'
import { cache, everyCase, goesEverywhere, reads, three, untilLocal, value } from './cases.ts'

t.test('RedisClusterCache', async (t) => {
  const cluster = await startCluster(3)
  t.teardown(() => cluster.stop())
  const group = await three(t, { CACHE_TYPE: 'RedisClusterCache', CACHE_REDIS_CLUSTER: cluster.addresses })
  const { peers: [a, b, c] } = group
  await everyCase(t, group, cluster.nodes)

  await t.test('the connections that tell are cut as the change comes', async (t) => {
    await cache(a, 'set', 'cut', 'old', 60)
    await untilLocal([b, c], value('cut'), cluster.nodes)
    await goesEverywhere(t, [b, c], value('cut'), async () => {
      await Promise.all(cluster.nodes.map((node) => node.cli('client', 'kill', 'type', 'pubsub')))
      await cache(a, 'set', 'cut', 'new', 60)
    })
    await untilLocal([b], value('cut'), cluster.nodes)
    t.equal(await cache(b, 'get', 'cut'), 'new')
  })

  await t.test("an application's own Cluster", async (t) => {
    const client = new Cluster(cluster.addresses.map(([host, port]) => ({ host, port })))
    const app = Fastify()
    t.teardown(async () => {
      await app.close()
      client.disconnect()
    })
    await app.register(cached, { CACHE_TYPE: 'RedisClusterCache', CACHE_REDIS_HOST: client, CACHE_KEY_PREFIX: 'tiers:', CACHE_LOCAL: { timeout: 60 } })
    await cache(a, 'set', 'own', 'old', 60)
    await until('reads stay in memory', async () => {
      const before = await reads(cluster.nodes)
      for (let i = 0; i < 3; i++) await app.cache.get('own')
      return await reads(cluster.nodes) === before
    })
    await cache(a, 'set', 'own', 'new', 60)
    await until('it has heard', async () => await app.cache.get('own') === 'new')
  })
})
