import t from 'tap'
import type { Test } from 'tap'
import { freePort } from '../helpers/ports.ts'
import { until } from '../helpers/process.ts'
import { startProxy } from '../helpers/proxy.ts'
import { startCluster, startRedis, startReplica, startSentinels } from '../helpers/redis.ts'
import type { RedisServer } from '../helpers/redis.ts'
import { DEADLINE, FULL, pause, subject, underLoad } from './load.ts'
import type { Outcome, Subject } from './load.ts'

const table: Array<{ case: string } & Omit<Outcome, 'lines'>> = []

t.teardown(() => {
  if (!FULL) return
  console.table(table.map(({ slowest, recovered, ...row }) => ({ ...row, 'slowest ms': Math.round(slowest), 'recovered ms': Math.round(recovered) })))
})

/** What holds in every outage: nothing fails, nothing hangs, nobody gets another key's bytes, and it ends. */
function judge (t: Test, name: string, outcome: Outcome): Outcome {
  const { lines, ...figures } = outcome
  table.push({ case: name, ...figures })
  t.equal(outcome.failed, 0, 'no request fails')
  t.equal(outcome.wrong, 0, "no reply is another key's")
  t.ok(outcome.hits > 0)
  t.ok(outcome.slowest < DEADLINE + 1000, `nothing hangs: slowest ${Math.round(outcome.slowest)} ms`)
  t.ok(outcome.recovered < 8000, `it is back: ${Math.round(outcome.recovered)} ms`)
  const begun = lines.filter((line) => /is down, the cache is gone round/.test(line)).length
  t.ok(begun <= 1 + lines.filter((line) => /is back after/.test(line)).length, 'one line for an outage')
  return outcome
}

async function close (t: Test, { guard }: Subject): Promise<void> {
  const started = performance.now()
  await guard.close()
  t.ok(performance.now() - started < 1000, 'closes within a second')
}

t.test('down at the start', async (t) => {
  const port = await freePort()
  const cache = await subject({ port })
  let server: RedisServer | undefined
  judge(t, t.name, await underLoad(cache, async () => {
    await pause(400)
    server = await startRedis({ port })
  }))
  await close(t, cache)
  await server?.stop()
})

t.test('killed under load', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const cache = await subject({ port: server.port })
  judge(t, t.name, await underLoad(cache, async () => {
    await pause(100)
    await server.kill()
    await pause(400)
    await server.restart()
  }))
  t.equal(cache.lines.filter((line) => /is down/.test(line)).length, 1)
  t.match(cache.lines.at(-1), /is back after/)
  await close(t, cache)
})

t.test('frozen and continued', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const cache = await subject({ port: server.port })
  judge(t, t.name, await underLoad(cache, async () => {
    await pause(100)
    server.freeze()
    await pause(FULL ? 5000 : 1500)
    server.thaw()
  }))
  server.freeze()
  await close(t, cache)
})

t.test('cut in the middle of replies', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const proxy = await startProxy(server.port)
  t.teardown(() => proxy.stop())
  const cache = await subject({ port: proxy.port })
  judge(t, t.name, await underLoad(cache, async () => {
    await pause(100)
    for (let round = 0; round < (FULL ? 60 : 8); round++) {
      proxy.cutAfter(5000 + round * 977)
      await pause(100)
    }
    proxy.cutAfter(undefined)
    proxy.cut()
  }))
  t.ok(proxy.connections > 3)
  await close(t, cache)
})

t.test('every third reply is late', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const proxy = await startProxy(server.port)
  t.teardown(() => proxy.stop())
  const cache = await subject({ port: proxy.port })
  judge(t, t.name, await underLoad(cache, async () => {
    await pause(100)
    proxy.delay((chunk) => chunk % 3 === 0 ? 600 : 0)
    await pause(FULL ? 5000 : 1500)
    proxy.delay(undefined)
  }))
  await close(t, cache)
})

t.test('a network that swallows everything', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const proxy = await startProxy(server.port)
  t.teardown(() => proxy.stop())
  const cache = await subject({ port: proxy.port })
  judge(t, t.name, await underLoad(cache, async () => {
    await pause(100)
    proxy.blackhole(true)
    await pause(FULL ? 5000 : 1500)
    proxy.blackhole(false)
  }))
  await close(t, cache)
})

t.test('a script that keeps the server busy', async (t) => {
  const server = await startRedis({ conf: ['lua-time-limit 100'] })
  t.teardown(() => server.stop())
  const cache = await subject({ port: server.port })
  judge(t, t.name, await underLoad(cache, async () => {
    await pause(100)
    const busy = server.cli('eval', 'while true do end', '0').catch(() => {})
    await pause(FULL ? 5000 : 1500)
    await server.cli('script', 'kill')
    await busy
  }))
  await close(t, cache)
})

t.test('no memory left', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const cache = await subject({ port: server.port })
  let hits = 0
  const outcome = judge(t, t.name, await underLoad(cache, async () => {
    await pause(200)
    await server.cli('config', 'set', 'maxmemory', '1')
    await pause(500)
    hits = (await server.cli('info', 'stats')).length
    await server.cli('config', 'set', 'maxmemory', '0')
  }))
  t.ok(hits > 0 && outcome.lines.every((line) => !/is down/.test(line)), 'no outage: it answers')
  await close(t, cache)
})

t.test('a primary that becomes a replica', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const other = await startReplica(server)
  t.teardown(() => other.stop())
  const cache = await subject({ port: server.port })
  const outcome = judge(t, t.name, await underLoad(cache, async () => {
    await pause(200)
    await other.cli('replicaof', 'no', 'one')
    await server.cli('replicaof', '127.0.0.1', String(other.port))
    await pause(500)
    await server.cli('replicaof', 'no', 'one')
  }))
  t.ok(outcome.lines.every((line) => !/is down/.test(line)), 'reads go on')
  await close(t, cache)
})

for (const how of ['ordered', 'primary killed', 'primary frozen', 'one sentinel dead, primary killed'] as const) {
  t.test(`Sentinel failover: ${how}`, async (t) => {
    const set = await startSentinels()
    t.teardown(() => set.stop())
    const cache = await subject({ kind: 'sentinel', sentinels: set.sentinels.map(({ host, port }) => [host, port] as const) })
    judge(t, t.name, await underLoad(cache, async () => {
      await pause(100)
      if (how === 'one sentinel dead, primary killed') await set.sentinels[0]?.kill()
      if (how === 'ordered') await set.failover()
      else if (how === 'primary frozen') set.primary.freeze()
      else await set.primary.kill()
      await until('the replica has been promoted', async () => /role:master/.test(await set.replica.cli('info', 'replication')))
    }))
    t.equal(await set.replica.cli('exists', 'load:back'), '1', 'writes go to the new primary')
    await close(t, cache)
  })
}

t.test('a master of the cluster is killed', async (t) => {
  const cluster = await startCluster(6)
  t.teardown(() => cluster.stop())
  const cache = await subject({ kind: 'cluster', cluster: cluster.addresses })
  const victim = await cluster.masterOf('load:back')
  judge(t, t.name, await underLoad(cache, async () => {
    await pause(100)
    await victim.kill()
    await until('its replica has taken over', async () => {
      const node = cluster.nodes.find((node) => node !== victim) as RedisServer
      const state = await node.cli('cluster', 'nodes')
      return state.split('\n').filter((line) => /master/.test(line) && !/fail/.test(line) && /connected \d/.test(line)).length === 3
    })
  }))
  await t.resolves(async () => { await cache.guard.clear('load:') })
  for (const node of cluster.nodes) if (node !== victim) t.equal(await node.cli('dbsize'), '0')
  await close(t, cache)
})

t.test('a slot moves to another master', async (t) => {
  const cluster = await startCluster(3)
  t.teardown(() => cluster.stop())
  const cache = await subject({ kind: 'cluster', cluster: cluster.addresses })
  const from = await cluster.masterOf('load:1')
  const to = cluster.nodes.find((node) => node !== from) as RedisServer
  const slot = await from.cli('cluster', 'keyslot', 'load:1')
  const id = async (node: RedisServer) => node.cli('cluster', 'myid')
  const outcome = judge(t, t.name, await underLoad(cache, async () => {
    await pause(100)
    await to.cli('cluster', 'setslot', slot, 'importing', await id(from))
    await from.cli('cluster', 'setslot', slot, 'migrating', await id(to))
    await from.cli('migrate', '127.0.0.1', String(to.port), 'load:1', '0', '1000')
    await pause(200)
    t.ok(await cache.guard.set('load:1', Buffer.from('load:1=while it moves')), 'ASK is followed')
    t.equal(String(await cache.guard.get('load:1')), 'load:1=while it moves')
    for (const node of [to, from]) await node.cli('cluster', 'setslot', slot, 'node', await id(to))
    t.ok(await cache.guard.set('load:1', Buffer.from('load:1=moved')), 'MOVED is followed')
    t.equal(String(await cache.guard.get('load:1')), 'load:1=moved')
  }))
  t.ok(outcome.lines.every((line) => !/is down/.test(line)), 'no outage')
  await close(t, cache)
})

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
