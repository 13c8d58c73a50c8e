import t from 'tap'
import { startRedis } from '../helpers/redis.ts'
import { cache, everyCase, goesEverywhere, reads, three, untilLocal, value } from './cases.ts'
import type { Reading } from './subject.ts'

t.test('RedisCache', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const group = await three(t, { CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: server.host, CACHE_REDIS_PORT: server.port })
  const { peers: [a, b] } = group
  await everyCase(t, group, [server])

  for (const change of ['del', 'flushdb'] as const) {
    await t.test(`${change} by somebody else`, async (t) => {
      await cache(a, 'set', 'k', 'old', 60)
      await untilLocal([b], value('k'), [server])
      const key = await server.cli('--scan', '--pattern', 'tiers:*v:k')
      await goesEverywhere(t, [b], value('k'), () => change === 'del' ? server.cli('del', key) : server.cli('flushdb'))
    })
  }

  await t.test('fills elsewhere do not drive out what is kept here', async (t) => {
    const page: Reading = { by: 'page', url: '/page' }
    await untilLocal([b], page, [server])
    const before = await reads([server])
    for (let i = 0; i < 20; i++) {
      await a.run({ do: 'memo', args: [`user ${i}`] })
      await b.run({ do: 'warm', read: page, times: 5 })
    }
    const made = await reads([server]) - before
    t.ok(made <= 20 + 6, `20 fills there, each with a look-up, and 100 reads here: ${made} reads of the server`)
  })

  await t.test('a count is never older than the server', async (t) => {
    for (let i = 1; i <= 10; i++) {
      t.equal(await cache(a, 'inc', 'n'), i)
      t.equal(await cache(b, 'get', 'n'), i)
    }
  })
})
