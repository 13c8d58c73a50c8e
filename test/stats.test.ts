import t from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { waiting } from './helpers/flights.ts'
import Fastify from 'fastify'
import cached from '../index.ts'
import type { CacheOptions, CacheStats } from '../index.ts'
import { eventually, startOrigin } from './helpers/origin.ts'
import type { Origin } from './helpers/origin.ts'

type Numbers = Partial<Omit<CacheStats, 'bypasses'>> & { bypasses?: Record<string, number> }

/** What a step adds to the numbers. */
function added (before: CacheStats, after: CacheStats): Numbers {
  const { bypasses: _old, entries: _entries, bytes: _bytes, ...was } = before
  const { bypasses, entries: _e, bytes: _b, ...is } = after
  const grown = Object.fromEntries(Object.entries(is).map(([name, n]) => [name, n - was[name as keyof typeof was]]).filter(([, n]) => n !== 0))
  const round = Object.fromEntries(Object.entries(bypasses).map(([reason, n]) => [reason, n - (before.bypasses[reason] ?? 0)]).filter(([, n]) => n !== 0))
  return Object.keys(round).length === 0 ? grown : { ...grown, bypasses: round }
}

const parallel = async (n: number, work: () => Promise<unknown>) => await Promise.all(Array.from({ length: n }, work))

t.test('each outcome is counted once', async (t) => {
  let sick = false
  const o = await startOrigin((app) => {
    app.get('/', { config: { cache: { timeout: 60 } } }, async () => 'x')
    app.get('/slow', { config: { cache: { timeout: 60 } } }, async () => { await eventually(() => waiting() === 9); return 'x' })
    app.get('/swr', { config: { cache: { timeout: 60, tags: ['swr'], staleWhileRevalidate: 60 } } }, async () => 'x')
    app.get('/sie', { config: { cache: { timeout: 60, tags: ['sie'], staleIfError: 60 } } }, async () => { if (sick) throw new Error('sick'); return 'x' })
    app.get('/cookie', { config: { cache: { timeout: 60 } } }, async (_request, reply) => reply.header('set-cookie', 'a=b').send('x'))
    app.get('/plain', async () => 'x')
  })
  t.teardown(() => o.close())
  const { cache } = o.app
  const load = cache.memoize(async function load (n: number) { return await sleep(10, n) }, { timeout: 60, unless: (n) => n < 0 })
  const steps: Array<[string, (o: Origin) => Promise<unknown>, Numbers]> = [
    ['a first request', () => o.get('/'), { misses: 1, stores: 1 }],
    ['a second', () => o.get('/'), { hits: 1 }],
    ['a revalidation', () => o.get('/', { 'if-none-match': '*' }), { hits: 1 }],
    ['with a credential', () => o.get('/', { authorization: 'Basic x' }), { bypasses: { authorization: 1 } }],
    ['with a cookie', () => o.get('/', { cookie: 'a=b' }), { bypasses: { cookie: 1 } }],
    ['only-if-cached', () => o.get('/?none', { 'cache-control': 'only-if-cached' }), { misses: 1 }],
    ['ten at a time', () => parallel(10, () => o.get('/slow')), { misses: 1, stores: 1, coalesced: 9 }],
    ['not stored', () => o.get('/cookie'), { misses: 1 }],
    ['a route that is not cached', () => o.get('/plain'), {}],
    ['to be stale', () => o.get('/swr'), { misses: 1, stores: 1 }],
    ['stale, with the refresh behind', async () => { const { stores } = cache.stats(); await cache.expireTags('swr'); await o.get('/swr'); await eventually(() => cache.stats().stores > stores) }, { stale: 1, refreshes: 1, stores: 1 }],
    ['to fail', () => o.get('/sie'), { misses: 1, stores: 1 }],
    ['stale for an error', async () => { await cache.expireTags('sie'); sick = true; await o.get('/sie') }, { misses: 1, stale: 1 }],
    ['a value that is not there', () => cache.get('k'), { misses: 1 }],
    ['a value', () => cache.set('k', 1), { stores: 1 }],
    ['is there', () => cache.getMany(['k', 'none']), { hits: 1, misses: 1 }],
    ['calls at a time', () => parallel(5, () => load(1)), { misses: 1, stores: 1, coalesced: 4 }],
    ['one more', () => load(1), { hits: 1 }],
    ['round it', () => load(-1), { bypasses: { unless: 1 } }]
  ]
  for (const [what, work, expected] of steps) {
    const before = cache.stats()
    await work(o)
    t.same(added(before, cache.stats()), expected, what)
  }
  const { entries, bytes } = cache.stats()
  t.equal(entries, 6)
  t.ok((bytes ?? 0) > 100)
})

t.test('NullCache counts nothing and says so once, unless it is meant', async (t) => {
  for (const [options, lines] of [[{ CACHE_TYPE: 'NullCache' }, 1], [{ CACHE_TYPE: 'NullCache', CACHE_NO_NULL_WARNING: true }, 0], [{ CACHE_TYPE: 'SimpleCache' }, 0]] as Array<[CacheOptions, number]>) {
    const o = await startOrigin((app) => { app.get('/', { config: { cache: true } }, async () => 'x') }, { cache: options })
    await o.get('/')
    t.equal(o.log.filter(({ msg }) => /NullCache/.test(String(msg))).length, lines)
    if (options.CACHE_TYPE === 'NullCache') t.same(o.app.cache.stats(), { hits: 0, misses: 0, stale: 0, stores: 0, coalesced: 0, refreshes: 0, lockWaits: 0, errors: 0, bypasses: {} })
    await o.close()
  }
})

t.test('a shared server with the default prefix is pointed out', async (t) => {
  for (const [options, lines] of [[{}, 1], [{ CACHE_KEY_PREFIX: 'shop_' }, 0]] as Array<[CacheOptions, number]>) {
    const log: string[] = []
    const app = Fastify({ logger: { level: 'info', stream: { write: (line: string) => { log.push(line) } } } })
    await app.register(cached, { CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: '127.0.0.1', CACHE_REDIS_PORT: 1, ...options })
    await app.close()
    t.equal(log.filter((line) => /"level":30.*CACHE_KEY_PREFIX/.test(line)).length, lines)
  }
})

t.test('a route whose first hundred replies were not cached is named once', async (t) => {
  const o = await startOrigin((app) => {
    for (const url of ['/cookie', '/token', '/set-cookie', '/mixed', '/once']) {
      app.route({
        method: 'GET',
        url,
        config: { cache: { timeout: 60 } },
        handler: async (_request, reply) => url === '/set-cookie' ? reply.header('set-cookie', 'a=b').send('x') : 'x'
      })
    }
  })
  t.teardown(() => o.close())
  const ask = async (n: number, path: string, headers: Record<string, string> = {}) => { for (let i = 0; i < n; i++) await o.app.inject({ url: path, headers }) }
  const named = (route: string) => o.log.filter((line) => line.route === route && line.reason !== undefined)
  await ask(99, '/cookie', { cookie: 'a=b' })
  t.equal(named('GET /cookie').length, 0)
  await ask(150, '/cookie', { cookie: 'a=b' })
  t.match(named('GET /cookie'), [{ level: 40, reason: 'cookie', replies: 100, msg: /`cookies: \[names\]`/ }])
  t.equal(named('GET /cookie').length, 1)
  await ask(100, '/token', { authorization: 'x' })
  t.match(named('GET /token'), [{ reason: 'authorization', msg: /`authorization: 'vary'`/ }])
  await ask(100, '/set-cookie')
  t.match(named('GET /set-cookie'), [{ reason: 'set-cookie' }])
  await ask(60, '/mixed', { cookie: 'a=b' })
  await ask(60, '/mixed', { authorization: 'x' })
  t.equal(named('GET /mixed').length, 0, 'two reasons are none')
  await ask(1, '/once')
  await ask(120, '/once', { cookie: 'a=b' })
  t.equal(named('GET /once').length, 0, 'one that was stored is enough')
})

t.test('what goes wrong with every request is said once a minute', async (t) => {
  const o = await startOrigin((app) => {
    app.get('/a', { config: { cache: { unless: () => { throw new Error('bug') } } } }, async () => 'x')
    app.get('/b', { config: { cache: { unless: () => { throw new Error('bug') } } } }, async () => 'x')
  })
  t.teardown(() => o.close())
  for (let i = 0; i < 20; i++) {
    await o.get('/a')
    await o.get('/b')
  }
  t.equal(o.log.filter(({ msg }) => /unless of route GET \/a/.test(String(msg))).length, 1)
  t.equal(o.log.filter(({ msg }) => /unless of route GET \/b/.test(String(msg))).length, 1)
  t.ok(o.log.every(({ reqId }) => reqId !== undefined), 'with the log of the request')
})
