import t from 'tap'

import { makeTemplateFragmentKey } from '../../lib/function/fragment.ts'
import { bench, gate, settled } from '../helpers/functions.ts'

for (const immediate of [true, false]) {
  t.test(`getOrSet and cached, ${immediate ? 'in memory' : 'far away'}`, async (t) => {
    t.test('getOrSet fills the key that get reads', async (t) => {
      const b = bench(immediate)
      let runs = 0
      t.equal(await b.cache.getOrSet('k', () => ++runs), 1)
      t.equal(await b.cache.getOrSet('k', async () => ++runs, 10), 1)
      t.strictSame([...b.backend.entries.keys()], ['p_v:k'])
    })

    t.test('lifetimes: the default, a number, an option, 0', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const made = () => ++runs
      await b.cache.getOrSet('default', made)
      await b.cache.getOrSet('number', made, 10)
      await b.cache.getOrSet('option', made, { timeout: 20 })
      await b.cache.getOrSet('ever', made, 0)
      const lives = [...b.backend.entries.values()].map(({ freshUntil }) => freshUntil - b.time.now)
      t.strictSame(lives, [300_000, 10_000, 20_000, Infinity])
    })

    t.test('null is a value, undefined is returned unstored', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const through = b.cache.cached(async (value: unknown) => { runs++; return value }, { key: 'c' })
      for (const call of [(value: unknown) => b.cache.getOrSet('k', () => { runs++; return value }), through]) {
        runs = 0
        t.equal(await call(undefined), undefined)
        t.equal(await call(undefined), undefined)
        t.equal(runs, 2)
        t.equal(await call(null), null)
        t.equal(await call('other'), null)
        t.equal(runs, 3)
      }
      t.equal(await b.cache.getOrSet('n', () => null, { cacheNone: false }), null)
      t.equal(await b.cache.getOrSet('n', () => 1), 1)
    })

    t.test('cached: one entry, whatever the arguments, shared with the values', async (t) => {
      const b = bench(immediate)
      const f = b.cache.cached(async function f (x: number) { return { x } }, { key: 'k', timeout: 5, tags: ['a'] })
      t.strictSame(await f(1), { x: 1 })
      t.strictSame(await f(2), { x: 1 })
      t.strictSame(await b.cache.getOrSet('k', () => 'other'), { x: 1 })
      t.equal(f.name, 'f')
      await b.versioned.purge(['t:s1:a'])
      t.strictSame(await f(3), { x: 3 })
      await b.versioned.remove('p_v:k')
      t.strictSame(await f(4), { x: 4 })
      const g = b.cache.cached(async (x: number) => x, { key: 'g', unless: (x) => x > 1 })
      t.strictSame([await g(2), await g(1), await g(3), await g(0)], [2, 1, 3, 1])
    })

    t.test('keys are non-empty strings, of any content', async (t) => {
      const b = bench(immediate)
      for (const key of ['', 1, null, undefined, ['a'], {}]) await t.rejects(b.cache.getOrSet(key as never, () => 1), { code: 'FST_CACHE_ERR_KEY' })
      for (const key of ['__proto__', ' ', 'x'.repeat(10_000), '\0']) t.equal(await b.cache.getOrSet(key, () => key), key)
      await t.rejects(b.cache.getOrSet('k', 'no' as never), { code: 'FST_CACHE_ERR_FUNCTION' })
      await t.rejects(b.cache.getOrSet('k', () => 1, { timeot: 1 } as never), { code: 'FST_CACHE_ERR_OPTIONS', message: /timeout/ })
      await t.rejects(b.cache.getOrSet('k', () => 1, -1), { code: 'FST_CACHE_ERR_TIMEOUT' })
      t.throws(() => b.cache.cached(async () => 1, {} as never), { code: 'FST_CACHE_ERR_OPTIONS', message: /'key' is needed/ })
      t.throws(() => b.cache.cached(1 as never, { key: 'k' }), { code: 'FST_CACHE_ERR_FUNCTION' })
    })

    t.test('every run is coalesced, and a follower has a copy', async (t) => {
      const b = bench(immediate)
      const run = gate<{ n: number }>()
      let runs = 0
      const calls = [1, 2, 3].map(() => b.cache.getOrSet('k', () => { runs++; return run.promise }))
      await settled()
      run.open({ n: 1 })
      const results = await Promise.all(calls)
      t.equal(runs, 1)
      t.equal(new Set(results).size, 3)
    })

    t.test('values never meet functions', async (t) => {
      const b = bench(immediate)
      const f = b.cache.memoize(async function f () { return 'function' })
      await f()
      t.equal(await b.cache.getOrSet(f.makeCacheKey(), () => 'value'), 'value')
      t.equal(await f(), 'function')
    })

    t.test('fragments', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const render = async () => `<p>${++runs}</p>`
      t.equal(await b.cache.fragment('side', ['bob'], 60, render), '<p>1</p>')
      t.equal(await b.cache.fragment('side', ['bob'], 60, render), '<p>1</p>')
      t.equal(await b.cache.fragment('side', ['ann'], 60, render), '<p>2</p>')
      t.equal(await b.cache.fragment('side', undefined, undefined, render), '<p>3</p>')
      await b.versioned.remove(`p_v:${makeTemplateFragmentKey('side', ['bob'])}`)
      t.equal(await b.cache.fragment('side', ['bob'], 60, render), '<p>4</p>')
      t.equal(await b.cache.fragment('empty', [], 60, () => undefined), '')
      b.backend.down = new Error('down')
      t.equal(await b.cache.fragment('side', ['bob'], 60, render), '<p>5</p>')
      await t.rejects(b.cache.fragment('side', [() => 1], 60, render), { code: 'FST_CACHE_ERR_FUNCTION', message: /fragment\('side'\), varyOn/ })
      await t.rejects(b.cache.fragment('', [], 60, render), { code: 'FST_CACHE_ERR_FUNCTION' })
    })
  })
}

t.test('makeTemplateFragmentKey tells everything apart', async (t) => {
  const keys = [
    makeTemplateFragmentKey('a'), makeTemplateFragmentKey('a', ['b']), makeTemplateFragmentKey('ab'), makeTemplateFragmentKey('a', ['b', 'c']),
    makeTemplateFragmentKey('a', ['bc']), makeTemplateFragmentKey('a', [1]), makeTemplateFragmentKey('a', ['1']), makeTemplateFragmentKey('a', [undefined])
  ]
  t.equal(new Set(keys).size, keys.length)
  t.equal(makeTemplateFragmentKey('a', []), makeTemplateFragmentKey('a'))
  t.throws(() => makeTemplateFragmentKey('a', 'bob' as never), { code: 'FST_CACHE_ERR_FUNCTION' })
})
