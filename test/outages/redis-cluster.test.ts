import t from 'tap'
import { until } from '../helpers/process.ts'
import { startCluster } from '../helpers/redis.ts'
import type { RedisServer } from '../helpers/redis.ts'
import { AMPLE, close, judge, pause, printTable, subject, underLoad } from './load.ts'

t.teardown(printTable)

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
  t.equal(await cache.guard.clear('load:'), true)
  for (const node of cluster.nodes) if (node !== victim) t.equal(await node.cli('dbsize'), '0')
  await close(t, cache)
})

t.test('a master without a replica is gone: the keys of the others are served', async (t) => {
  const cluster = await startCluster(3)
  t.teardown(() => cluster.stop())
  for (const node of cluster.nodes) await node.cli('config', 'set', 'cluster-require-full-coverage', 'no')
  const cache = await subject({ kind: 'cluster', cluster: cluster.addresses }, AMPLE)
  const victim = await cluster.masterOf('load:1')
  let theirs = 'load:0'
  for (let i = 0; await cluster.masterOf(theirs) === victim; i++) theirs = `load:${i}`
  judge(t, t.name, await underLoad(cache, async () => {
    await pause(100)
    await victim.kill()
    await until('its keys are refused at once', () => cache.lines.some((line) => line.includes(`:${victim.port} is down`)))
    await cache.guard.set(theirs, Buffer.from(`${theirs}=there`))
    for (let i = 0; i < 20; i++) {
      t.equal(String(await cache.guard.get(theirs)), `${theirs}=there`)
      await Promise.resolve(cache.guard.get('load:1')).catch(() => {})
    }
    t.equal(cache.guard.up, true)
    await victim.restart()
  }))
  t.ok(cache.lines.every((line) => !/Redis is down/.test(line)))
  await close(t, cache)
})

t.test('a slot moves to another master', async (t) => {
  const cluster = await startCluster(3)
  t.teardown(() => cluster.stop())
  const cache = await subject({ kind: 'cluster', cluster: cluster.addresses }, AMPLE)
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
