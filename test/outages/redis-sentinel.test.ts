import t from 'tap'
import { until } from '../helpers/process.ts'
import { startSentinels } from '../helpers/redis.ts'
import { FULL, close, judge, pause, printTable, subject, underLoad } from './load.ts'

t.teardown(printTable)

const WAYS = ['ordered', 'primary killed', 'primary frozen', 'one sentinel dead, primary killed'] as const

for (const how of FULL ? WAYS : WAYS.slice(0, 3)) {
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
    await until('writes go to the new primary', async () => {
      await Promise.resolve(cache.guard.set('load:after', Buffer.from('1'))).catch(() => {})
      return await set.replica.cli('exists', 'load:after') === '1'
    })
    await close(t, cache)
  })
}
