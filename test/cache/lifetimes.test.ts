import t from 'tap'
import { until } from '../helpers/process.ts'
import { open, redisBench } from './support.ts'

// The lifetimes that Redis really holds, by key. Values stand under `…|v:<key>`.

t.test('the default lifetime holds everywhere, and 0 is for ever', async (t) => {
  const redis = await redisBench()
  t.teardown(() => redis.stop())
  const ttlOf = async (key: string): Promise<number> => {
    const full = (await redis.cli('--raw', 'keys', `*v:${key}`)).split('\n')
    t.equal(full.length, 1, `one key for ${key}`)
    return Number(await redis.cli('pttl', full[0]!))
  }
  for (const [seconds, low, high] of [[300, 295_000, 300_000], [undefined, 295_000, 300_000], [250.5, 240_000, 250_500], [0, -1, -1]] as const) {
    await t.test(`CACHE_DEFAULT_TIMEOUT: ${seconds}`, async (t) => {
      await redis.cli('flushall')
      const { cache } = await open(t, redis, seconds === undefined ? {} : { CACHE_DEFAULT_TIMEOUT: seconds })
      await Promise.all([
        cache.set('set', 'x'),
        cache.set('null', 'x', null as never),
        cache.set('options', 'x', {}),
        cache.set('tagged', 'x', { tags: ['a'] }),
        cache.set('number', 5),
        cache.add('add', 'x'),
        cache.setMany({ many: 'x' }),
        cache.setMany(new Map([['map', 'x']]), { timeout: undefined }),
        cache.inc('inc'),
        cache.dec('dec', 1, {}),
        cache.getOrSet('made', () => 'x'),
        cache.cached(() => 'x', { key: 'cached' })()
      ])
      for (const key of ['set', 'null', 'options', 'tagged', 'number', 'add', 'many', 'map', 'inc', 'dec', 'made', 'cached']) {
        const ttl = await ttlOf(key)
        t.ok(ttl >= low && ttl <= high, `${key}: ${ttl} ms`)
      }
      const begun = Date.now()
      const lives = async (key: string, ms: number): Promise<void> => {
        const ttl = await ttlOf(key)
        t.ok(ttl <= ms && ttl >= ms - (Date.now() - begun) - 10, `${key}: ${ttl} ms`)
      }
      await cache.set('own', 'x', 60)
      await cache.set('ever', 'x', 0)
      await cache.set('fraction', 'x', 10.5)
      await lives('own', 60_000)
      t.equal(await ttlOf('ever'), -1)
      await lives('fraction', 10_500)
      await cache.inc('own count', 1, { timeout: 60 })
      await cache.inc('own count', 1, { timeout: 6000 })
      await lives('own count', 60_000) // a counter keeps the lifetime that it was made with
      await cache.set('longest', 'x', 1e12)
      t.ok(await cache.has('longest'), 'a lifetime beyond what Redis holds is capped')
    })
  }
})

t.test('marks of tags die with what they stand for', async (t) => {
  const redis = await redisBench()
  t.teardown(() => redis.stop())
  const { cache } = await open(t, redis)
  for (let i = 0; i < 20; i++) {
    await Promise.all(Array.from({ length: 1000 }, async (_, j) => await cache.set(`key ${i} ${j}`, 'x', { timeout: 1, tags: [`tag ${i} ${j}`] })))
  }
  await until('nothing is left of 20,000 entries', async () => await redis.cli('dbsize') === '0')
  await cache.set('a', 'x', { timeout: 60, tags: ['t'] })
  await cache.set('b', 'x', { timeout: 1, tags: ['t'] })
  await cache.set('c', 'x', { timeout: 0, tags: ['t'] })
  const mark = (await redis.cli('--raw', 'keys', '*m:tt'))
  t.equal(await redis.cli('pttl', mark), '-1', 'a mark lives as long as the longest of its entries')
})
