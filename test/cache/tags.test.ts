import t from 'tap'
import type { Test } from 'tap'
import type { FastifyInstance } from 'fastify'
import { until } from '../helpers/process.ts'
import { everyBackend, open, redisBench, sleep, type Bench } from './support.ts'

const HOSTILE = ['a', 'A', ' ', 'a b', '\0', '\n', '__proto__', 'constructor', '*', '[a-z]', '{x}', '\ud800', '\ufffd', 'x'.repeat(79), 'x'.repeat(80), 'x'.repeat(81), 'x'.repeat(100_000), 'ü', 'u\u0308', 'c', 't', 'x', ',', '|', ':']

/** Routes, values and functions that carry tags, and how often each of them ran. */
function tagged (app: FastifyInstance, runs: Record<string, number>): void {
  const run = (name: string): string => {
    runs[name] = (runs[name] ?? 0) + 1
    return `${name} ${runs[name]}`
  }
  app.get('/static', { config: { cache: { timeout: 60, tags: ['all', 'static'] } } }, async () => run('static'))
  app.get('/computed/:id', { config: { cache: { timeout: 60, tags: (request) => ['all', `item:${(request.params as { id: string }).id}`] } } }, async (request) => run(request.url))
  app.get('/reply/:id', { config: { cache: true } }, async (request, reply) => {
    reply.cache({ tags: ['all', `item:${(request.params as { id: string }).id}`] })
    return run(request.url)
  })
}

async function body (app: FastifyInstance, url: string): Promise<string> {
  const response = await app.inject(url)
  return `${response.body}${/hit/.test(String(response.headers['cache-status'])) ? ' hit' : ''}`
}

t.test('tags', async (t) => {
  await everyBackend(t, async (t, bench) => {
    const prefix = `tags ${bench.name}`
    const runs: Record<string, number> = {}
    const app = await open(t, bench, { CACHE_KEY_PREFIX: prefix }, (app) => tagged(app, runs))
    const other = bench.local ? app : await open(t, bench, { CACHE_KEY_PREFIX: prefix }, (app) => tagged(app, runs))
    const { cache } = app

    await t.test('of routes, from either process', async (t) => {
      const urls = ['/static', '/computed/1', '/computed/2', '/reply/1', '/reply/2']
      for (const url of urls) await body(app, url)
      await until('they are stored', () => app.cache.stats().stores === 5)
      for (const url of urls) t.match(await body(other, url), / 1 hit$/, url)
      await other.cache.invalidateTags('item:1')
      t.same(await Promise.all(urls.map(async (url) => await body(app, url))), ['static 1 hit', '/computed/1 2', '/computed/2 1 hit', '/reply/1 2', '/reply/2 1 hit'])
      await until('they are stored', () => app.cache.stats().stores === 7)
      t.same(await Promise.all(urls.map(async (url) => await body(other, url))), ['static 1 hit', '/computed/1 2 hit', '/computed/2 1 hit', '/reply/1 2 hit', '/reply/2 1 hit'])
      await app.cache.invalidateTags('unknown', 'all')
      for (const url of urls) t.notMatch(await body(other, url), /hit/, url)
      await app.cache.invalidateTags()
      await until('it is stored', () => app.cache.stats().stores + other.cache.stats().stores >= 12)
      t.match(await body(app, '/static'), /hit/)
    })

    await t.test('of values', async (t) => {
      let made = 0
      const load = cache.memoize(async function load (id: number) { return id }, { tags: (result) => [`id:${result}`, 'v'] })
      const fixed = cache.memoize(async function fixed () { return ++made }, { tags: ['v'] })
      const fill = async (): Promise<void> => {
        await cache.set('set', 1, { tags: ['v', 'set'] })
        await cache.setMany({ m1: 1, m2: 2 }, { tags: ['v'] })
        await cache.add('add', 1, { tags: ['v'] })
        await cache.getOrSet('made', () => 1, { tags: ['v'] })
        await cache.getOrSet('computed', () => 7, { tags: (value) => [`id:${value}`, 'v'] })
        await load(3)
        await fixed()
      }
      await fill()
      t.same(await other.cache.getMany(['set', 'm1', 'm2', 'add', 'made', 'computed']), [1, 1, 2, 1, 1, 7])
      await other.cache.invalidateTags('id:7')
      t.same(await cache.getMany(['made', 'computed']), [1, undefined])
      await other.cache.invalidateTags('v')
      t.same(await cache.getMany(['set', 'm1', 'm2', 'add', 'made']), Array(5).fill(undefined))
      t.equal(await fixed(), 2)
      await fill()
      await other.cache.expireTags('v')
      t.same(await cache.getMany(['set', 'm1', 'm2', 'add', 'made', 'computed']), Array(6).fill(undefined), 'stale is a miss where there is no window')
      t.equal(await cache.has('set'), false)
    })

    await t.test('hostile names stand for themselves', async (t) => {
      for (const [i, tag] of HOSTILE.entries()) await cache.set(`h${i}`, i, { tags: [tag] })
      for (const [i, tag] of HOSTILE.entries()) {
        t.equal(await cache.get(`h${i}`), i, JSON.stringify(tag.slice(0, 10)))
        await other.cache.invalidateTags(tag)
        t.equal(await cache.get(`h${i}`), undefined, JSON.stringify(tag.slice(0, 10)))
      }
      for (const bad of ['', 1, null, ['a']] as never[]) {
        await t.rejects(cache.invalidateTags(bad), { code: 'FST_CACHE_ERR_ARGUMENT' })
        await t.rejects(cache.expireTags('a', bad), { code: 'FST_CACHE_ERR_ARGUMENT' })
        await t.rejects(cache.set('k', 1, { tags: [bad] }), { code: 'FST_CACHE_ERR_ARGUMENT' })
      }
      await t.rejects(cache.set('k', 1, { tags: 'a' as never }), { code: 'FST_CACHE_ERR_ARGUMENT' })
    })

    await t.test('many tags of one entry, many entries of one tag', async (t) => {
      const tags = Array.from({ length: 500 }, (_, i) => `many ${i}`)
      await cache.set('many', 1, { tags })
      t.equal(await other.cache.get('many'), 1)
      await other.cache.invalidateTags('many 499')
      t.equal(await cache.get('many'), undefined)
      const most = bench.name === 'FileSystemCache' ? 100 : 2000
      const keys = Array.from({ length: most }, (_, i) => `one ${i}`)
      t.equal((await cache.setMany(Object.fromEntries(keys.map((key) => [key, 1])), { tags: ['one'] })).length, most)
      await other.cache.invalidateTags('one')
      t.ok((await cache.getMany(keys)).every((value) => value === undefined))
      await cache.clear()
      await cache.set('twice', 1, { tags: ['a', 'a'] })
      t.equal(await cache.get('twice'), 1)
    })

    // Without an atomic exchange (`replaceIf`) it makes them gone, which is the safe side.
    const atomic = bench.name !== 'a custom Store'
    await t.test('expireTags: stale, and gone where no window is open', { skip: !atomic }, async (t) => {
      let run = 0
      const load = cache.memoize(async function swr () { return ++run }, { timeout: 60, staleWhileRevalidate: 60, tags: ['swr'] })
      t.equal(await load(), 1)
      await other.cache.expireTags('swr')
      t.equal(await load(), 1, 'the stale one, once')
      await until('refreshed behind', async () => await load() > 1)
      let fails = false
      const safe = cache.memoize(async function sie () { if (fails) throw new Error('no'); return ++run }, { timeout: 60, staleIfError: 60, tags: ['sie'] })
      const kept = await safe()
      fails = true
      await other.cache.expireTags('sie')
      t.equal(await safe(), kept, 'instead of an error')
      await other.cache.invalidateTags('sie')
      await t.rejects(safe(), { message: 'no' })
    })

    await t.test('a fill from before a purge is never served after it', async (t) => await races(t, bench))
  })
})

/** The handler or function runs while the other process purges: what it brings is for the callers of then, not of later. */
async function races (t: Test, bench: Bench): Promise<void> {
  const prefix = `races ${bench.name}`
  let version = 'old'
  let begun: () => void = () => {}
  let gate: Promise<void> | undefined
  const make = async (): Promise<string> => {
    const read = version
    begun()
    await gate
    return read
  }
  const routes = (app: FastifyInstance): void => {
    app.get('/static', { config: { cache: { tags: ['s'] } } }, make)
    app.get('/computed', { config: { cache: { tags: () => ['c'] } } }, make)
    app.get('/reply', { config: { cache: true } }, async (_request, reply) => { reply.cache({ tags: ['r'] }); return await make() })
    app.get('/uri', { config: { cache: true } }, make)
    app.get('/key', { config: { cache: { makeCacheKey: () => 'key' } } }, make)
    app.put('/uri', async () => 'done')
    app.put('/key', async () => 'done')
  }
  const one = await open(t, bench, { CACHE_KEY_PREFIX: prefix }, routes)
  const two = bench.local ? one : await open(t, bench, { CACHE_KEY_PREFIX: prefix }, routes)
  const of = (app: FastifyInstance) => {
    const { cache } = app
    const get = (url: string) => async () => (await app.inject(url)).body
    return {
      static: get('/static'),
      computed: get('/computed'),
      reply: get('/reply'),
      uri: get('/uri'),
      key: get('/key'),
      memoized: cache.memoize(make, { name: 'memoized' }),
      'memoized, arguments': cache.memoize(async (_x: number) => await make(), { name: 'with arguments' }).bind(undefined, 1),
      'memoized, tags': cache.memoize(make, { name: 'tagged', tags: ['m'] }),
      'memoized, computed tags': cache.memoize(make, { name: 'computed', tags: () => ['mc'] }),
      getOrSet: async () => await cache.getOrSet('k', make, { tags: ['g'] }),
      'getOrSet, computed': async () => await cache.getOrSet('kc', make, { tags: () => ['gc'] })
    } satisfies Record<string, () => Promise<string>>
  }
  const first = of(one)
  const second = two === one ? first : of(two)
  const tag = (name: string) => async () => await two.cache.invalidateTags(name)
  const purges: Record<keyof typeof first, () => Promise<unknown>> = {
    static: tag('s'),
    computed: tag('c'),
    reply: tag('r'),
    uri: async () => await two.inject({ method: 'PUT', url: '/uri' }),
    key: async () => await two.inject({ method: 'PUT', url: '/key' }),
    memoized: async () => await two.cache.deleteMemoized(second.memoized),
    'memoized, arguments': async () => await two.cache.clear(),
    'memoized, tags': tag('m'),
    'memoized, computed tags': tag('mc'),
    getOrSet: tag('g'),
    'getOrSet, computed': tag('gc')
  }
  const others: Record<string, () => Promise<unknown>> = {
    'its own purge': async () => {},
    'clear()': async () => await two.cache.clear()
  }
  for (const [name, call] of Object.entries(first)) {
    for (const [how, instead] of Object.entries(others)) {
      version = 'old'
      await two.cache.clear()
      let open!: () => void
      gate = new Promise((resolve) => { open = resolve })
      const running = new Promise<void>((resolve) => { begun = resolve })
      const answer = call()
      await running
      version = 'new'
      await (how === 'clear()' ? instead() : purges[name as keyof typeof first]())
      // A caller that comes after the purge does not join the run from before it.
      const late = call()
      await sleep(5)
      open()
      gate = undefined
      t.equal(await answer, 'old', `${name}: who came before`)
      t.equal(await late, 'new', `${name}: who came after ${how}, while it ran`)
      await sleep(10)
      t.equal(await call(), 'new', `${name}: later, here`)
      t.equal(await second[name as keyof typeof first](), 'new', `${name}: later, there`)
    }
  }
}

t.test('a mark that is lost, or evicted, is a miss and no old value', async (t) => {
  const redis = await redisBench()
  t.teardown(() => redis.stop())
  const runs: Record<string, number> = {}
  const app = await open(t, redis, {}, (app) => tagged(app, runs))
  const marks = async (): Promise<string[]> => (await redis.cli('--raw', 'keys', '*|m:*')).split('\n').filter((key) => key !== '')
  for (const url of ['/static', '/computed/1', '/reply/1']) {
    await redis.cli('flushall')
    for (let i = 0; i < 10; i++) {
      await body(app, url)
      await sleep(10)
      t.match(await body(app, url), /hit/)
      const all = await marks()
      if (i >= all.length) break
      const lost = all[i]!
      const value = await redis.cli('get', lost)
      await redis.cli('del', lost)
      // The fence is watched by fills and depended on by nobody.
      if (!lost.endsWith('m:x')) t.notMatch(await body(app, url), /hit/, `${url} without ${lost}`)
      t.not(await redis.cli('get', lost), value, 'a mark that comes back is another')
    }
  }
})

t.test('at maxmemory, volatile-lru: bounded, and never an old value', async (t) => {
  const redis = await redisBench(['maxmemory 3mb', 'maxmemory-policy volatile-lru'])
  t.teardown(() => redis.stop())
  const { cache } = await open(t, redis)
  const text = 'x'.repeat(1000)
  let stored = 0
  for (let round = 0; round < 5; round++) {
    const done = await Promise.all(Array.from({ length: 1000 }, async (_, i) => await cache.set(`k${i}`, `${round} ${text}`, { timeout: 600, tags: [`t${i}`, 'all'] })))
    stored += done.filter(Boolean).length
    const values = await cache.getMany<string>(Array.from({ length: 1000 }, (_, i) => `k${i}`))
    t.ok(values.every((value) => value === undefined || value.startsWith(`${round} `)))
    await cache.invalidateTags('all')
    t.ok((await cache.getMany(Array.from({ length: 1000 }, (_, i) => `k${i}`))).every((value) => value === undefined))
  }
  t.ok(stored > 0, `${stored} stored`)
})
