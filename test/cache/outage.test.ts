import t from 'tap'
import type { Test } from 'tap'
import { makers, open, redisBench, sleep, type Bench } from './support.ts'
import { until } from '../helpers/process.ts'

const down = /^FST_CACHE_ERR_BACKEND/

async function failing (t: Test, work: Promise<unknown>, what: string): Promise<void> {
  try {
    await work
    t.fail(`${what} resolved`)
  } catch (error) {
    t.match((error as { code?: string }).code, down, what)
  }
}

t.test('while the backend is down', async (t) => {
  for (const name of ['RedisCache', 'MemcachedCache', 'SpreadSASLMemcachedCache']) {
    await t.test(name, async (t) => {
      const bench = await makers[name]!() as Required<Bench>
      t.teardown(() => bench.stop())
      const strict = (await open(t, bench)).cache
      const lenient = (await open(t, bench, { CACHE_IGNORE_ERRORS: true })).cache
      let runs = 0
      const load = strict.memoize(async function load () { return ++runs })
      t.equal(await strict.set('there', 1), true)
      t.equal(await lenient.set('there', 1), true)
      t.equal(await load(), 1)
      await bench.kill()

      for (const cache of [strict, lenient]) {
        t.equal(await cache.get('there'), undefined)
        t.same(await cache.getMany(['there', 'b']), [undefined, undefined])
        t.same({ ...await cache.getDict(['there']) }, { there: undefined })
        t.equal(await cache.has('there'), false)
        t.equal(await cache.set('a', 1), false)
        t.equal(await cache.set('a', 1, { tags: ['t'] }), false)
        t.same(await cache.setMany({ a: 1, b: 2 }), [])
        t.equal(await cache.getOrSet('made', () => 'made'), 'made')
        t.equal(await cache.fragment('f', [1], 60, () => 'piece'), 'piece')
        await failing(t, cache.add('a', 1), 'add')
        await failing(t, cache.inc('a'), 'inc')
        await failing(t, cache.dec('a'), 'dec')
        t.ok(cache.stats().errors > 0)
      }
      t.equal(await load(), 2)

      await failing(t, strict.delete('there'), 'delete')
      await failing(t, strict.deleteMany(['there']), 'deleteMany')
      t.same(await strict.deleteMany(['there']).then(() => undefined, (error: { deleted: string[] }) => error.deleted), [])
      await failing(t, strict.unlink('there'), 'unlink')
      await failing(t, strict.clear(), 'clear')
      await failing(t, strict.invalidateTags('t'), 'invalidateTags')
      await failing(t, strict.expireTags('t'), 'expireTags')
      await failing(t, load.deleteMemoized(), 'deleteMemoized')
      if (bench.lists) await failing(t, strict.deleteByPrefix('t'), 'deleteByPrefix')

      t.equal(await lenient.delete('there'), false)
      t.same(await lenient.deleteMany(['there']), [])
      t.same(await lenient.unlink('there'), [])
      t.equal(await lenient.clear(), false)
      t.equal(await lenient.invalidateTags('t'), undefined)
      t.equal(await lenient.expireTags('t'), undefined)
      if (bench.lists) t.equal(await lenient.deleteByPrefix('t'), 0)

      await bench.restart()
      await until('it is used again', async () => await strict.set('back', 1) && await strict.get('back') === 1)
    })
  }
})

t.test('a deletion that failed holds as soon as the backend can be reached', async (t) => {
  const redis = await redisBench()
  t.teardown(() => { redis.thaw(); return redis.stop() })
  for (const ignore of [true, false]) {
    const options = { CACHE_OPERATION_TIMEOUT: 0.5, CACHE_IGNORE_ERRORS: ignore, CACHE_KEY_PREFIX: `doubt${ignore}` }
    const one = (await open(t, redis, options)).cache
    const other = (await open(t, redis, { ...options, CACHE_OPERATION_TIMEOUT: 5 })).cache
    const quietly = async (work: Promise<unknown>): Promise<void> => { await work.catch(() => {}) }
    const load = one.memoize(async function load (x: number) { return x })
    await load(1)
    const values = { deleted: 1, many: 1, count: 5, 'pre:1': 1, kept: 'kept', again: 'old', added: 'old' }
    await until('all is there', async () => (await one.setMany(values)).length === 7 && await one.set('tagged', 1, { tags: ['t'] }))
    redis.freeze()
    for (const work of [one.delete('deleted'), one.deleteMany(['many']), one.delete('count'), one.deleteByPrefix('pre:'), one.invalidateTags('t'), load.deleteMemoized(), one.delete('again'), one.delete('added')]) await quietly(work)
    t.equal(await one.get('kept'), undefined, 'frozen')
    redis.thaw()
    await until('the backend answers', async () => await one.get('kept') === 'kept')
    t.same(await one.getMany(['deleted', 'many', 'count', 'pre:1', 'tagged']), Array(5).fill(undefined), 'this process has never seen them again')
    await until('they are gone for everybody', async () => (await other.getMany(['deleted', 'many', 'count', 'pre:1', 'tagged'])).every((value) => value === undefined))
    t.equal(await other.get('kept'), 'kept')
  }
})

t.test('what is written after a failed deletion stays', async (t) => {
  const redis = await redisBench()
  t.teardown(() => { redis.thaw(); return redis.stop() })
  const { cache } = await open(t, redis, { CACHE_OPERATION_TIMEOUT: 3 })
  await cache.setMany({ set: 'old', add: 'old', inc: 5, getOrSet: 'old' })
  redis.freeze()
  await Promise.all(['set', 'add', 'inc', 'getOrSet'].map((key) => cache.delete(key).catch(() => {})))
  redis.thaw()
  await until('it can be written', async () => await cache.set('set', 'new'))
  t.equal(await cache.add('add', 'new'), true)
  t.equal(await cache.inc('inc'), 1)
  t.equal(await cache.getOrSet('getOrSet', () => 'new'), 'new')
  await sleep(600)
  t.same(await cache.getMany(['set', 'add', 'inc', 'getOrSet']), ['new', 'new', 1, 'new'])
})
