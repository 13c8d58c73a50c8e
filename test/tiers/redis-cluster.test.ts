import t from 'tap'
import { startCluster } from '../helpers/redis.ts'
import { cache, everyCase, goesEverywhere, three, untilLocal, value } from './cases.ts'

t.test('RedisClusterCache', async (t) => {
  const cluster = await startCluster(3)
  t.teardown(() => cluster.stop())
  const group = await three(t, { CACHE_TYPE: 'RedisClusterCache', CACHE_REDIS_CLUSTER: cluster.addresses })
  const { peers: [a, b, c] } = group
  await everyCase(t, group, cluster.nodes)

  await t.test('the connections that tell are cut as the change comes', async (t) => {
    await cache(a, 'set', 'cut', 'old', 60)
    for (const peer of [b, c]) await untilLocal(peer, value('cut'), cluster.nodes)
    await goesEverywhere(t, [b, c], value('cut'), async () => {
      await Promise.all(cluster.nodes.map((node) => node.cli('client', 'kill', 'type', 'pubsub')))
      await cache(a, 'set', 'cut', 'new', 60)
    }, 5000)
    await untilLocal(b, value('cut'), cluster.nodes)
    t.equal(await cache(b, 'get', 'cut'), 'new')
  })
})
