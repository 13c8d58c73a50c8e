import t from 'tap'
import type { CacheOptions } from '../../index.ts'
import { openFlights, testRuns, waiting } from '../helpers/flights.ts'
import { gate } from '../helpers/functions.ts'
import { eventually } from '../helpers/origin.ts'
import type { Origin } from '../helpers/origin.ts'
import { startRedis } from '../helpers/redis.ts'

// What is purged while a run fills it is never served from that run, and who comes later does not join it. On a
// backend that two applications share, whichever of them purges.

const redis = await startRedis()
t.teardown(() => redis.stop())
let spaces = 0
const remote = (): CacheOptions => ({ CACHE_TYPE: 'RedisCache', CACHE_REDIS_PORT: redis.port, CACHE_REDIS_HOST: '127.0.0.1', CACHE_KEY_PREFIX: `s${++spaces}:`, CACHE_OPERATION_TIMEOUT: 10 })

const purges: Record<string, (origin: Origin) => Promise<unknown>> = {
  'an unsafe method': (origin) => origin.request({ method: 'POST', path: '/r', headers: { host: 'shop.example' } }),
  deleteCached: (origin) => origin.app.cache.deleteCached('/r', { host: 'shop.example' }),
  'deleteCached, soft': (origin) => origin.app.cache.deleteCached('/r', { host: 'shop.example', soft: true }),
  'invalidateTags, declared': (origin) => origin.app.cache.invalidateTags('fixed'),
  'invalidateTags, from the reply': (origin) => origin.app.cache.invalidateTags('late'),
  clear: (origin) => origin.app.cache.clear()
}

const shapes: Array<[string, () => CacheOptions, 'same' | 'other']> = [
  ['SimpleCache', () => ({}), 'same'], ['RedisCache, the same process', remote, 'same'], ['RedisCache, another process', remote, 'other']
]

for (const [shape, options, who] of shapes) {
  for (const [name, purge] of Object.entries(purges)) {
    testRuns(`${shape}: ${name}`, async (t, serve) => {
      const cache = options()
      let content = 'old'
      let runs = 0
      const doors = [gate<void>(), gate<void>()]
      const build = (app: any): void => {
        app.get('/r', { config: { cache: { timeout: 60, tags: ['fixed'] } } }, async (_request: unknown, reply: any) => {
          const read = content
          reply.cache({ tags: ['late'] })
          await doors[Math.min(runs++, 1)]!.promise
          return read
        })
        app.post('/r', async () => 'done')
      }
      const a = await serve(build, { cache })
      const b = who === 'other' ? await serve(build, { cache }) : a
      const get = (origin: Origin) => origin.get('/r', { host: 'shop.example' })
      // The route learns that its tags come late, and its marks come to be.
      doors[0]!.open()
      await get(a)
      await a.app.cache.clear()
      doors[0] = gate<void>()
      runs = 0

      const before = get(a)
      t.ok(await eventually(() => runs === 1), 'a fill is under way')
      const joined = get(a)
      t.ok(await eventually(() => waiting() === 1))
      content = 'new'
      await purge(b)
      const after = get(a)
      t.ok(await eventually(() => runs === 2), 'who comes after the purge does not join it')
      doors[1]!.open()
      t.equal((await after).text, 'new')
      doors[0]!.open()
      t.equal((await before).text, 'old')
      await joined
      for (const origin of new Set([a, b])) {
        for (let i = 0; i < 2; i++) t.equal((await get(origin)).text, 'new', 'never served from the run before it')
      }
    })
  }
}

testRuns('many processes\' worth of cold requests and purges: never an old answer', async (t, serve) => {
  const cache = remote()
  let version = 0
  const build = (app: any): void => {
    app.get('/r', { config: { cache: { timeout: 60 } } }, async () => {
      const read = version
      await new Promise((resolve) => setTimeout(resolve, 3))
      return String(read)
    })
  }
  const apps = [await serve(build, { cache }), await serve(build, { cache })]
  let wrong = 0
  for (let round = 0; round < 60; round++) {
    const running = apps.flatMap((origin) => [origin.get('/r', { host: 'x' }), origin.get('/r', { host: 'x' })])
    if (round % 2 === 0) await new Promise((resolve) => setTimeout(resolve, round % 6))
    version++
    const floor = version
    await apps[round % 2]!.app.cache.deleteCached('/r', { host: 'x' })
    const replies = await Promise.all(apps.flatMap((origin) => [origin.get('/r', { host: 'x' }), origin.get('/r', { host: 'x' })]))
    for (const reply of replies) if (Number(reply.text) < floor) wrong++
    await Promise.all(running)
  }
  t.equal(wrong, 0)
})

testRuns('concurrent cold requests through a remote backend: one run', async (t, serve) => {
  for (let round = 0; round < 15; round++) {
    const origin = await serve((app, self) => { app.get('/r', { config: { cache: { timeout: 60 } } }, async () => { self.ran(); return 'fine' }) }, { cache: remote() })
    const replies = await Promise.all(Array.from({ length: 40 }, () => origin.get('/r')))
    t.equal(origin.runs(), 1, replies.map((reply) => String(reply.headers['cache-status']).slice(16)).join(' '))
    t.equal(openFlights(), 0)
    await origin.close()
  }
})

testRuns('a backend that fails in the middle changes nothing for the client', async (t, serve) => {
  const own = await startRedis()
  t.teardown(() => own.stop())
  let sick = false
  const origin = await serve((app, self) => {
    app.get('/r', { config: { cache: { timeout: 0.01, staleIfError: 60 } } }, async () => {
      self.ran()
      if (!sick) return 'fine'
      await own.kill()
      throw new Error('sick')
    })
  }, { cache: { CACHE_TYPE: 'RedisCache', CACHE_REDIS_PORT: own.port, CACHE_REDIS_HOST: '127.0.0.1', CACHE_OPERATION_TIMEOUT: 10 } })
  t.equal((await origin.get('/r')).text, 'fine')
  t.ok(await eventually(() => origin.app.cache.stats().stores === 1))
  await new Promise((resolve) => setTimeout(resolve, 20))
  sick = true
  const reply = await origin.get('/r')
  t.match([reply.status, reply.text], [200, 'fine'])
})
