import t from 'tap'
import Fastify from 'fastify'
import cached from '../../index.ts'
import { everyBackend, open, redisBench } from './support.ts'

t.test('clear() reaches exactly its own', async (t) => {
  await everyBackend(t, async (t, bench) => {
    if (bench.local) return
    const pairs = [['shop', 'shop_eu'], ['shop_', 'shop_eu'], ['c[ab]*?\\:', 'ca1?\\:'], ['*', 'x'], ['{a}', '{a}b'], ['p|cache|', 'p'], ['', 'q']] as const
    for (const [own, foreign] of pairs) {
      const unique = bench.name + Math.random().toString(36).slice(2)
      const mine = (await open(t, bench, { CACHE_KEY_PREFIX: own === '' ? unique : own + unique })).cache
      const theirs = (await open(t, bench, { CACHE_KEY_PREFIX: own === '' ? `${unique}q` : foreign + unique })).cache
      const longer = (await open(t, bench, { CACHE_KEY_PREFIX: `${own}${unique}_eu` })).cache
      for (const cache of [mine, theirs, longer]) {
        await cache.set('k', cache === mine ? 'mine' : 'theirs')
        await cache.set('t', 'x', { tags: ['tag'] })
        await cache.inc('n')
        await cache.getOrSet('made', () => 'x')
      }
      t.equal(await mine.get('k'), 'mine')
      t.equal(await mine.clear(), true)
      t.same(await mine.getMany(['k', 't', 'n', 'made']), [undefined, undefined, undefined, undefined])
      for (const cache of [theirs, longer]) {
        t.same(await cache.getMany(['k', 't', 'n', 'made']), ['theirs', 'x', 1, 'x'], `${own} is cleared, ${foreign} is not`)
        await mine.invalidateTags('tag')
        t.equal(await cache.get('t'), 'x')
      }
      if (bench.lists) {
        await mine.set('user:1', 1)
        t.equal(await mine.deleteByPrefix(''), 1)
        t.equal(await theirs.get('k'), 'theirs')
      }
      t.equal(await mine.add('k', 1), true)
    }
  })
})

t.test('two caches of one application keep apart', async (t) => {
  await everyBackend(t, async (t, bench) => {
    const app = Fastify()
    t.teardown(() => app.close())
    const options = { CACHE_OPERATION_TIMEOUT: 10, ...bench.options, CACHE_KEY_PREFIX: `two:${bench.name}` }
    await app.register(cached, options)
    await app.register(cached, { ...options, CACHE_DECORATOR: 'pages' })
    const { cache } = app
    const { pages } = app as unknown as { pages: typeof cache }
    const runs = { a: 0, b: 0 }
    app.get('/a', { config: { cache: { timeout: 60, tags: ['t'] } } }, async () => `a${++runs.a}`)
    app.get('/b', { config: { pages: { timeout: 60, tags: ['t'] } } as never }, async () => `b${++runs.b}`)
    await app.ready()
    const bodies = async (): Promise<string[]> => [(await app.inject('/a')).body, (await app.inject('/b')).body]
    await cache.set('k', 1)
    await pages.set('k', 2)
    t.same(await bodies(), ['a1', 'b1'])
    t.same(await bodies(), ['a1', 'b1'])
    await cache.invalidateTags('t')
    t.same(await bodies(), ['a2', 'b1'])
    await pages.clear()
    t.same(await bodies(), ['a2', 'b2'])
    t.same([await cache.get('k'), await pages.get('k')], [1, undefined])
    await cache.clear()
    t.same(await bodies(), ['a3', 'b2'])
  })
})

t.test('foreign keys of the same Redis stay', async (t) => {
  const redis = await redisBench()
  t.teardown(() => redis.stop())
  const { cache } = await open(t, redis, { CACHE_KEY_PREFIX: 'c[ab]*?:' })
  for (const key of ['ca1:x', 'cb22:y', 'c', 'c[ab]*?', 'c[ab]*?:', 'c[ab]*?:|cach', 'other', 'c[ab]*?:|cache2|v:k', 'v:a']) await redis.cli('set', key, 'foreign')
  await cache.set('a', 1)
  await cache.set('b', 1, { tags: ['x'] })
  await cache.clear()
  t.equal(Number(await redis.cli('dbsize')), 9)
  await cache.setMany({ 'a*1': 1, ab1: 2 })
  t.equal(await cache.deleteByPrefix('a*'), 1)
  t.equal(await cache.get('ab1'), 2)
})

t.test('NullCache', async (t) => {
  const app = await open(t, { options: { CACHE_TYPE: 'NullCache', CACHE_NO_NULL_WARNING: true } })
  const { cache } = app
  t.equal(await cache.set('a', 1), false)
  t.equal(await cache.add('a', 1), false)
  t.same(await cache.setMany({ a: 1 }), [])
  t.equal(await cache.get('a'), undefined)
  t.same(await cache.getMany(['a', 'b']), [undefined, undefined])
  t.equal(await cache.has('a'), false)
  t.equal(await cache.inc('n', 5), 5)
  t.equal(await cache.inc('n'), 1)
  t.equal(await cache.dec('n', 5), -5)
  t.equal(await cache.delete('a'), false)
  t.same(await cache.deleteMany(['a']), [])
  t.same(await cache.unlink('a'), [])
  t.equal(await cache.deleteByPrefix('a'), 0)
  t.equal(await cache.clear(), true)
  await cache.invalidateTags('a')
  await cache.expireTags('a')
  let runs = 0
  const load = cache.memoize(async function load () { return ++runs })
  t.same(await Promise.all([load(), load()]), [1, 2], 'nothing is coalesced')
  await load.deleteMemoized()
  t.equal(await cache.getOrSet('k', () => ++runs), 3)
  t.equal(await cache.getOrSet('k', () => ++runs), 4)
  t.equal(await cache.fragment('f', [], 60, () => 'x'), 'x')
  await t.rejects(cache.set('a', undefined), { code: 'FST_CACHE_ERR_VALUE' })
  await t.rejects(cache.set('', 1), { code: 'FST_CACHE_ERR_KEY' })
  await t.rejects(cache.set('a', 1, -1), { code: 'FST_CACHE_ERR_TIMEOUT' })
})
