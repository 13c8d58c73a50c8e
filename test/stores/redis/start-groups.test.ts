import t from 'tap'
import type { Test } from 'tap'
import { ends } from '../../helpers/patience.ts'
import { freePort } from '../../helpers/ports.ts'
import { until } from '../../helpers/process.ts'
import { startCluster, startRedis, startSentinels } from '../../helpers/redis.ts'
import { bytes, lines, open } from './helpers.ts'

async function refuses (t: Test, settings: Parameters<typeof open>[0], words: RegExp) {
  const log = lines()
  const error = await ends('the start', open({ log, ...settings }).then(async (store) => {
    await store.close()
    return new Error('it started')
  }, (error: Error) => error))
  t.match(error, { code: 'FST_CACHE_ERR_BACKEND_REFUSED', message: words })
  t.notOk([error.stack, ...log.lines].join('\n').includes('secret'))
}

t.test('RedisSentinelCache', async (t) => {
  const set = await startSentinels({ password: 'secret' })
  t.teardown(() => set.stop())
  const sentinels = set.sentinels.map(({ host, port }) => [host, port] as const)
  const right = { kind: 'sentinel', sentinels, password: 'secret' } as const

  await refuses(t, { ...right, sentinelMaster: 'nobody' }, /know no master of that name.*CACHE_REDIS_SENTINEL_MASTER/)
  await refuses(t, { ...right, password: 'secret-no' }, /WRONGPASS/)
  await refuses(t, { kind: 'sentinel', sentinels }, /NOAUTH/)
  await refuses(t, { ...right, db: 99 }, /no such database/)
  await refuses(t, { ...right, options: { role: 'slave' } }, /read-only replica/)
  const plain = await startRedis()
  t.teardown(() => plain.stop())
  await refuses(t, { ...right, sentinels: [['127.0.0.1', plain.port]] }, /no sentinel/)

  await t.test('sentinels that are dead or frozen are passed over', async (t) => {
    set.sentinels[1]?.freeze()
    const store = await open({ ...right, sentinels: [['127.0.0.1', await freePort()], sentinels[1] as [string, number], sentinels[2] as [string, number]], db: 2, operationTimeout: 500 })
    await until('it works', () => store.ping().then(() => true, () => false))
    t.equal(await store.set('k', bytes('v')), true)
    t.equal(await set.primary.cli('-n', '2', 'get', 'k'), 'v')
    set.sentinels[1]?.thaw()
    await store.close()
  })

  await t.test('sentinels that ask for a password', async (t) => {
    const locked = await startSentinels({ sentinelPassword: 'secret-2' })
    t.teardown(() => locked.stop())
    const right = { kind: 'sentinel', sentinels: locked.sentinels.map(({ host, port }) => [host, port] as const) } as const
    await refuses(t, { ...right, sentinelPassword: 'secret-3' }, /WRONGPASS/)
    await refuses(t, right, /NOAUTH/)
    const store = await open({ ...right, sentinelPassword: 'secret-2' })
    t.equal(await store.set('k', bytes('v')), true)
    await store.close()
  })

  await t.test('no sentinel at all: it starts and closes', async (t) => {
    const store = await ends('the start', open({ ...right, sentinels: [['127.0.0.1', await freePort()], ['127.0.0.1', await freePort()]] }))
    await t.rejects(store.get('k'), { code: 'FST_CACHE_ERR_BACKEND_DOWN' })
    await ends('close()', store.close())
  })
})

t.test('RedisClusterCache', async (t) => {
  const cluster = await startCluster(3, { password: 'secret' })
  t.teardown(() => cluster.stop())
  const right = { kind: 'cluster', cluster: cluster.addresses, password: 'secret' } as const

  await refuses(t, { ...right, password: 'secret-no' }, /WRONGPASS/)
  await refuses(t, { kind: 'cluster', cluster: cluster.addresses }, /NOAUTH/)
  await refuses(t, { ...right, db: 1 }, /only database 0/)
  const plain = await startRedis()
  t.teardown(() => plain.stop())
  await refuses(t, { kind: 'cluster', cluster: [['127.0.0.1', plain.port]] }, /not part of a cluster/)
  // A node says so where its probe's slot is another's: one of the three always does.
  const answers = await Promise.all(cluster.addresses.map(async ([, port]) => await open({ kind: 'plain', port, password: 'secret' }).then(async (store) => { await store.close() }, (error: Error) => error.message)))
  t.ok(answers.filter((answer) => answer !== undefined).every((answer) => /RedisClusterCache/.test(answer)))

  await t.test('one node of the list is enough', async (t) => {
    const store = await open({ ...right, cluster: [['127.0.0.1', await freePort()], cluster.addresses[2] as [string, number]] })
    const keys = Array.from({ length: 300 }, (_, i) => `app:{${i % 7}}${i}`)
    t.same(await store.setMany(keys.map((key) => [key, bytes(key)]), 60_000), keys.map(() => true))
    t.same((await store.getMany([...keys, 'app:absent'])).map(String), [...keys, 'undefined'])
    t.equal(await store.deleteByPrefix('app:{0}'), 43)
    t.same(await store.deleteMany(keys.slice(0, 2)), [false, true])
    t.equal(await store.clear('app:'), true)
    for (const node of cluster.nodes) t.equal(await node.cli('dbsize'), '0')
    await store.close()
  })

  await t.test('the first commands over a connection go to the node that is meant, in their order', async (t) => {
    for (const node of cluster.nodes) await node.cli('config', 'resetstat')
    const store = await open(right)
    const keys = Array.from({ length: 30 }, (_, i) => `app:${i}`)
    await Promise.all(keys.flatMap((key) => Array.from({ length: 20 }, (_, i) => store.set(key, bytes(`${i}`)))))
    t.same((await store.getMany(keys)).map(String), keys.map(() => '19'))
    const faults = await Promise.all(cluster.nodes.map((node) => node.cli('info', 'errorstats')))
    t.notMatch(faults.join('\n'), /MOVED/)
    await store.close()
  })

  await t.test('keys with one hash tag are read in one command', async (t) => {
    const store = await open(right)
    const keys = ['{app}a', '{app}b', '{app}c']
    await store.setMany(keys.map((key) => [key, bytes(key)]))
    for (const node of cluster.nodes) await node.cli('config', 'resetstat')
    await Promise.all(keys.map((key) => store.get(key)))
    const stats = await Promise.all(cluster.nodes.map((node) => node.cli('info', 'commandstats')))
    t.equal(stats.filter((text) => /cmdstat_mget:calls=1,/.test(text)).length, 1)
    await store.close()
  })

  await t.test('a prefix is not removed while a master is missing', async (t) => {
    const store = await open({ ...right, operationTimeout: 500 })
    const victim = cluster.nodes[1]
    await victim?.cli('config', 'set', 'cluster-require-full-coverage', 'no')
    await victim?.kill()
    await t.rejects(store.clear('app:'))
    await store.close()
  })
})
