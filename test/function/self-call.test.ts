import t from 'tap'
import Fastify from 'fastify'
import cached from '../../index.ts'

// The cache's own timers keep no process alive.
const alive = setInterval(() => {}, 1000)
t.teardown(() => { clearInterval(alive) })

t.test('a function that calls itself with the same key ends with the wait, in an error that says so', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(cached, {})
  let runs = 0
  const again: (x: number) => Promise<number> = app.cache.memoize(async (x: number): Promise<number> => {
    runs++
    return await again(x)
  }, { name: 'again', coalesce: { timeout: 0.05 } })
  await t.rejects(again(1), { code: 'FST_CACHE_ERR_FUNCTION', message: /again.*calls itself with the same key/ })
  t.ok(runs <= 3, `${runs} runs`)
  await t.rejects(app.cache.getOrSet('k', async function make (): Promise<unknown> { return await app.cache.getOrSet('k', make, { coalesce: { timeout: 0.05 } }) }, { coalesce: { timeout: 0.05 } }), { code: 'FST_CACHE_ERR_FUNCTION' })
})

t.test('a function that calls itself once, and a slow one with many callers, bring their results', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(cached, {})
  let depth = 0
  const nested = (): Promise<string> => app.cache.getOrSet('nested', async () => depth++ === 0 ? await nested() : 'inner', { coalesce: { timeout: 0.05 } })
  t.equal(await nested(), 'inner')
  const slow = app.cache.memoize(async function slow (x: number) { await new Promise((resolve) => setTimeout(resolve, 150)); return x }, { coalesce: { timeout: 0.05 } })
  t.strictSame(await Promise.all([slow(1), slow(1), slow(1)]), [1, 1, 1])
})
