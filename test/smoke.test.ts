import t from 'tap'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import Fastify from 'fastify'
import cached, { type CacheOptions } from '../index.ts'
import * as R from './helpers/redis.ts'

t.test('each backend', async (t) => {
  const redis = await R.startRedis()
  t.teardown(() => redis.stop())
  const types: CacheOptions[] = [
    { CACHE_TYPE: 'SimpleCache' },
    { CACHE_TYPE: 'FileSystemCache', CACHE_DIR: mkdtempSync(join(tmpdir(), 'fs-')) },
    { CACHE_TYPE: 'RedisCache', CACHE_REDIS_PORT: redis.port }
  ]
  for (const options of types) {
    await t.test(String(options.CACHE_TYPE), async (t) => {
      const app = Fastify()
      t.teardown(() => app.close())
      await app.register(cached, options)
      let runs = 0
      app.get('/', { config: { cache: { timeout: 60, tags: ['x'] } } }, async () => ({ runs: ++runs }))
      app.get('/swr', { config: { cache: { timeout: 0.05, staleWhileRevalidate: 10 } } }, async () => ({ runs: ++runs }))
      app.post('/', async () => 'ok')
      const url = await app.listen({ port: 0 })
      const get = async (path = '/') => { const r = await fetch(url + path); return `${await r.text()} ${r.headers.get('cache-status')}` }
      t.comment(await get(), await get(), await get())
      await fetch(url, { method: 'POST' })
      t.comment('after post', await get(), await get())
      await app.cache.invalidateTags('x')
      t.comment('after tag', await get(), await get())
      t.comment(await app.cache.deleteCached('/', { host: url.slice(7) }), await get(), await get())
      await app.cache.clear()
      t.comment('after clear', await get(), await get())
      await app.cache.set('a', { b: [1, 2n, new Date(0)] })
      t.comment(await app.cache.get('a'), await app.cache.inc('n', 5), await app.cache.inc('n', -7), await app.cache.get('n'), await app.cache.add('n', 1), await app.cache.delete('n'), await app.cache.add('n', 1))
      const f = app.cache.memoize(async function f (x: number) { return { x, runs: ++runs } })
      t.comment(await f(1), await f(1), await f(2))
      await app.cache.deleteMemoized(f)
      t.comment(await f(1))
      t.comment(await get('/swr'))
      await new Promise((resolve) => setTimeout(resolve, 80))
      t.comment(await get('/swr'))
      await new Promise((resolve) => setTimeout(resolve, 30))
      t.comment(await get('/swr'))
      t.comment(app.cache.stats())
    })
  }
})
