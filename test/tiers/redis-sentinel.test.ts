import t from 'tap'
import { until } from '../helpers/process.ts'
import { startSentinels } from '../helpers/redis.ts'
import { cache, goesEverywhere, three, untilLocal, value } from './cases.ts'

t.test('RedisSentinelCache', async (t) => {
  const set = await startSentinels()
  t.teardown(() => set.stop())
  const servers = [set.primary, set.replica]
  const { peers: [a, b, c] } = await three(t, { CACHE_TYPE: 'RedisSentinelCache', CACHE_REDIS_SENTINELS: set.sentinels.map(({ host, port }) => [host, port]) })

  async function roundtrip (t: Parameters<typeof goesEverywhere>[0], round: string): Promise<void> {
    await until('a write holds', async () => await cache(a, 'set', 'k', `old ${round}`, 60) === true)
    await untilLocal([b, c], value('k'), servers)
    await goesEverywhere(t, [b, c], value('k'), async () => { t.equal(await cache(a, 'set', 'k', `new ${round}`, 60), true, 'the change holds') })
  }

  await t.test('on the first primary', async (t) => { await roundtrip(t, 'before') })
  await t.test('on the one that took over', async (t) => {
    await set.failover()
    await until('the replica has been promoted', async () => /role:master/.test(await set.replica.cli('info', 'replication')))
    // Until then the sentinels are at work on it still, and connections come and go.
    await until('the old primary follows it', async () => {
      const seen = await set.primary.cli('info', 'replication')
      return /role:slave/.test(seen) && /master_link_status:up/.test(seen)
    })
    await until('every process has found it', async () => {
      await Promise.all([a, b, c].map((peer, i) => cache(peer, 'set', `probe ${i}`, 'here', 60)))
      return (await set.replica.cli('--scan', '--pattern', '*v:probe*')).split('\n').length === 3
    })
    await roundtrip(t, 'after')
  })
})
