import t from 'tap'
import { until } from '../helpers/process.ts'
import { startCluster } from '../helpers/redis.ts'
import type { RedisServer } from '../helpers/redis.ts'
import { FULL, close, judge, pause, printTable, subject, underLoad } from './load.ts'

t.teardown(printTable)

t.test('all nodes of the cluster are down, and back', async (t) => {
  const cluster = await startCluster(3)
  t.teardown(() => cluster.stop())
  const cache = await subject({ kind: 'cluster', cluster: cluster.addresses })
  judge(t, t.name, await underLoad(cache, async () => {
    await pause(100)
    await Promise.all(cluster.nodes.map((node) => node.kill()))
    await pause(500)
    await Promise.all(cluster.nodes.map((node) => node.restart()))
    await until('the cluster is whole', async () => /cluster_state:ok/.test(await (cluster.nodes[0] as RedisServer).cli('cluster', 'info')))
  }))
  await Promise.all(cluster.nodes.map((node) => node.kill()))
  await close(t, cache)
})

t.test('every node that the options name is gone for good', async (t) => {
  const cluster = await startCluster(6)
  t.teardown(() => cluster.stop())
  const masters = cluster.nodes.slice(0, 3)
  const replicas = cluster.nodes.slice(3)
  const cache = await subject({ kind: 'cluster', cluster: masters.map(({ host, port }) => [host, port] as const) })
  judge(t, t.name, await underLoad(cache, async () => {
    for (const replica of replicas) {
      await replica.cli('cluster', 'failover')
      await until('it is a master', async () => /role:master/.test(await replica.cli('info', 'replication')))
    }
    await Promise.all(masters.map((node) => node.kill()))
    await pause(FULL ? 4000 : 2500)
    await Promise.all(replicas.map((node) => node.kill()))
    await Promise.all(replicas.map((node) => node.restart()))
    await until('the cluster is whole', async () => /cluster_state:ok/.test(await (replicas[0] as RedisServer).cli('cluster', 'info')))
  }))
  await close(t, cache)
})
