import t from 'tap'
import Fastify from 'fastify'
import cached from '../index.ts'

t.test('a slow handler runs once', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(cached, { CACHE_TYPE: 'SimpleCache' })
  let runs = 0
  app.get('/', { config: { cache: { timeout: 60 } } }, async () => ({ runs: ++runs }))
  const url = await app.listen({ port: 0 })
  for (let i = 0; i < 3; i++) {
    const r = await fetch(url)
    t.comment(r.status, Object.fromEntries(r.headers), await r.text())
  }
  const h = await fetch(url, { method: 'HEAD' })
  t.comment(h.status, Object.fromEntries(h.headers))
  t.equal(runs, 1)
})
