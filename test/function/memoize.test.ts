import t from 'tap'

import { bench, gate, settled } from '../helpers/functions.ts'

class Adder {
  readonly id: number
  runs = 0
  constructor (id: number) { this.id = id }
  cachingId () { return this.id }
  async add (b: number) { this.runs++; return this.id + b }
}
class Nameless {
  async add (b: number) { return [this, b].length }
}
class Quiet {
  async add (b: number) { return b }
}

for (const immediate of [true, false]) {
  t.test(`memoize, ${immediate ? 'in memory' : 'far away'}`, async (t) => {
    t.test('arguments decide, and trailing undefined counts', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const f = b.cache.memoize(async function f (..._args: unknown[]) { return ++runs })
      const lists: unknown[][] = [[], [undefined], [null], [1], ['1'], [1n], [1, undefined], [[1, 2]], [[12]], [{ a: 1, b: 2 }], ['a', 'b'], ['ab'], ['x'.repeat(500)], ['x'.repeat(501)]]
      for (const [i, list] of lists.entries()) t.equal(await f(...list), i + 1)
      for (const [i, list] of lists.entries()) t.equal(await f(...list), i + 1)
      t.equal(await f({ b: 2, a: 1 }), 10, 'whatever the order of names')
    })

    t.test('what a caller changes, in what it gave or got, changes nothing', async (t) => {
      const b = bench(immediate)
      const f = b.cache.memoize(async function f (o: { a: number }) { return { a: o.a, list: [1] } })
      const given = { a: 1 }
      const first = await f(given)
      first.list.push(2)
      given.a = 2
      t.strictSame(await f({ a: 1 }), { a: 1, list: [1] })
      t.strictSame(await f(given), { a: 2, list: [1] })
    })

    t.test('an argument that is changed while the call is under way never fills another\'s entry', async (t) => {
      const b = bench(immediate)
      const f = b.cache.memoize(async function f (o: { a: number }, ..._others: unknown[]) { return o.a })
      const given = { a: 0 }
      const calls: Array<Promise<number>> = []
      for (given.a = 1; given.a < 4; given.a++) calls.push(f(given))
      const results = await Promise.all(calls)
      // In memory the function starts at the call, as it would without a cache.
      if (immediate) t.strictSame(results, [1, 2, 3])
      for (const a of [1, 2, 3, 4]) t.equal(await f({ a }), a)
      for (const a of [1, 2, 3, 4]) t.equal(await f({ a }), a)
    })

    t.test('many different arguments', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const f = b.cache.memoize(async function f (_id: string | number) { return ++runs })
      if (!immediate) return
      for (let i = 0; i < 13_000; i++) await f(`id ${i}`)
      for (const i of [0, 1_999, 2_000, 12_999]) t.equal(await f(`id ${i}`), i + 1)
      runs = 0
      const zeros = [0, -0, NaN, 1, '1', '0']
      for (const [i, id] of [...zeros, ...zeros].entries()) t.equal(await f(id), i % zeros.length + 1)
    })

    t.test('names that could be confused', async (t) => {
      const b = bench(immediate)
      const f = b.cache.memoize(async (_x?: string) => 'f', { name: 'a' })
      const g = b.cache.memoize(async (_x?: string) => 'g', { name: 'a:b' })
      const h = b.cache.memoize(async () => 'h', { name: '__proto__' })
      t.equal(await f('b:c'), 'f')
      t.equal(await g('c'), 'g')
      t.equal(await h(), 'h')
      t.equal(new Set([f.makeCacheKey('b:c'), g.makeCacheKey('c'), h.makeCacheKey()]).size, 3)
    })

    t.test('errors pass through and are not stored', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const f = b.cache.memoize(async function f () { runs++; throw new Error('no') })
      await t.rejects(f(), { message: 'no' })
      await t.rejects(f(), { message: 'no' })
      t.equal(runs, 2)
    })

    t.test('an argument without a key rejects, naming the function and the place', async (t) => {
      const b = bench(immediate)
      const f = b.cache.memoize(async function f (..._args: unknown[]) { return 1 })
      await t.rejects(f(1, { deep: [() => 1] }), { code: 'FST_CACHE_ERR_FUNCTION', message: /memoize\(f\): argument 2, at \.deep\[0\], is a function/ })
      t.equal(b.flights.size, 0)
    })

    t.test('null and undefined are not stored, unless cacheNone', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const make = (value: unknown) => async () => { runs++; return value }
      for (const value of [null, undefined]) {
        const f = b.cache.memoize(make(value), { name: `without ${value}` })
        runs = 0
        t.equal(await f(), value)
        t.equal(await f(), value)
        t.equal(runs, 2)
        const g = b.cache.memoize(make(value), { name: `with ${value}`, cacheNone: true })
        runs = 0
        t.equal(await g(), value)
        t.equal(await g(), value)
        t.equal(runs, 1)
      }
      for (const value of [0, '', false, NaN]) {
        const f = b.cache.memoize(make(value), { name: `value ${value}` })
        runs = 0
        await f()
        t.same([await f()], [value])
        t.equal(runs, 1)
      }
    })

    t.test('unless', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const f = b.cache.memoize(async function f (_mode: string) { return ++runs }, { unless: (mode) => mode === 'sync' || (mode === 'async' ? Promise.resolve(true) : false) })
      t.strictSame([await f('sync'), await f('sync'), await f('async'), await f('async')], [1, 2, 3, 4])
      t.strictSame([await f('x'), await f('x')], [5, 5])
      t.equal(b.counts.store, 1)
      const g = b.cache.memoize(async function g () { return ++runs }, { unless () { throw new Error('no') } })
      t.strictSame([await g(), await g()], [6, 7], 'one that throws goes round')
      t.match(b.logged, [/memoize\(g\): unless threw/])
      const h = b.cache.memoize(async function h (_fn: () => void) { return ++runs }, { unless: () => true })
      t.equal(await h(() => {}), 8, 'round the cache needs no key')
    })

    t.test('forcedUpdate skips the read, stores, and leads a run of its own', async (t) => {
      const b = bench(immediate)
      let runs = 0
      let forced = false
      let run: ReturnType<typeof gate<void>> | undefined
      const f = b.cache.memoize(async function f (_id: number) { const n = ++runs; await run?.promise; return n }, { forcedUpdate: (id) => id === 1 && forced })
      t.equal(await f(1), 1)
      forced = true
      t.equal(await f(1), 2)
      forced = false
      t.equal(await f(1), 2)
      await b.cache.deleteMemoized(f)
      const slow = run = gate<void>()
      const older = f(1)
      await settled()
      run = undefined
      forced = true
      t.equal(await f(1), 4)
      forced = false
      slow.open()
      t.equal(await older, 3)
      t.equal(await f(1), 4, 'the older run does not overwrite it')
    })

    t.test('forcedUpdate that throws goes round', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const f = b.cache.memoize(async function f () { return ++runs }, { forcedUpdate () { throw new Error('no') } })
      t.strictSame([await f(), await f()], [1, 2])
      t.match(b.logged, [/memoize\(f\): forcedUpdate threw/])
      t.equal(b.counts.store, 0)
      t.equal(b.counts.bypass, 2)
    })

    t.test('a forced result that is not kept removes what it superseded', async (t) => {
      const b = bench(immediate)
      let runs = 0
      let forced = false
      const f = b.cache.memoize(async function f () { return ++runs }, { forcedUpdate: () => forced, responseFilter: () => !forced })
      await f()
      forced = true
      t.equal(await f(), 2)
      forced = false
      t.equal(await f(), 3)
    })

    t.test('isStale, with the call\'s arguments', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const seen: unknown[] = []
      const f = b.cache.memoize(async function f (_a: string, _b: number) { return { n: ++runs } }, {
        async isStale (stored, a, b) { seen.push([stored, a, b]); return stored.n < b }
      })
      t.strictSame(await f('x', 2), { n: 1 })
      t.strictSame(await f('x', 2), { n: 2 })
      t.strictSame(await f('x', 2), { n: 2 })
      t.strictSame(seen, [[{ n: 1 }, 'x', 2], [{ n: 2 }, 'x', 2]])
      const g = b.cache.memoize(async function g () { return ++runs }, { isStale () { throw new Error('no') } })
      await g()
      const before = runs
      t.equal(await g(), before + 1, 'one that throws goes round')
      const h = b.cache.memoize(async function h () { if (++runs > before + 2) throw new Error('sick'); return 'kept' }, { isStale: () => true, staleIfError: 10, staleWhileRevalidate: 10 })
      t.equal(await h(), 'kept')
      t.equal(await h(), 'kept', 'staleIfError may use what isStale refused')
    })

    t.test('responseFilter', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const f = b.cache.memoize(async function f (_x: number) { return ++runs }, { responseFilter: async (result, x) => result >= x })
      t.strictSame([await f(3), await f(3), await f(3), await f(3)], [1, 2, 3, 3])
      const g = b.cache.memoize(async function g () { return ++runs }, { responseFilter () { throw new Error('no') } })
      t.strictSame([await g(), await g()], [4, 5])
      t.match(b.logged, [/memoize\(g\): responseFilter threw/])
    })

    t.test('argsToIgnore: absent, undefined, a value, a function', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const f = b.cache.memoize(async function f (..._args: unknown[]) { return ++runs }, { argsToIgnore: [1] })
      t.strictSame([await f(1), await f(1, undefined), await f(1, 'x'), await f(1, () => {})], [1, 1, 1, 1])
      t.strictSame([await f(2), await f(1, 'x', 3), await f(1, 'y', 3), await f(1, 'x', undefined)], [2, 3, 3, 4])
      await f.deleteMemoized(1, 'whatever')
      t.equal(await f(1), 5)
    })

    t.test('one function memoized in two ways does not read across', async (t) => {
      const b = bench(immediate)
      async function f (a: number, b: number) { return `${a} ${b}` }
      const last = b.cache.memoize(f, { argsToIgnore: [0] })
      const both = b.cache.memoize(f)
      t.equal(await last(1, 2), '1 2')
      t.equal(await (both as unknown as (b: number) => Promise<string>)(2), '2 undefined')
      await b.cache.deleteMemoized(f)
      t.equal(await last(3, 2), '3 2', 'a purge by the original reaches both')
    })

    t.test('makeCacheKey', async (t) => {
      const b = bench(immediate)
      let runs = 0
      let key: unknown = 'one'
      const f = b.cache.memoize(async function f (_fn: () => void) { return ++runs }, { makeCacheKey: () => key as string })
      t.strictSame([await f(() => {}), await f(() => {})], [1, 1])
      for (const [i, bad] of ['', 1, null, undefined, Promise.reject(new Error('no'))].entries()) {
        key = bad
        t.equal(await f(() => {}), i + 2)
      }
      t.equal(b.logged.filter((line) => /memoize\(f\): makeCacheKey failed/.test(line)).length, 1)
      const g = b.cache.memoize(async function g () { return ++runs }, { makeCacheKey () { throw new Error('no') } })
      await g()
      t.throws(() => g.makeCacheKey(), { message: 'no' })
      key = 'one'
      await f.deleteMemoized(() => {})
      t.equal(await f(() => {}), runs)
    })

    t.test('makeName, name, and names that clash', async (t) => {
      const b = bench(immediate)
      t.throws(() => b.cache.memoize(async () => 1), { code: 'FST_CACHE_ERR_FUNCTION', message: /anonymous.*'name'/ })
      const f = b.cache.memoize(async function f () { return 1 })
      t.throws(() => b.cache.memoize(async function f () { return 2 }), { code: 'FST_CACHE_ERR_FUNCTION', message: /'f' is that of another function/ })
      const g = b.cache.memoize(async function f () { return 2 }, { makeName: (name) => `other.${name}` })
      t.strictSame([await f(), await g()], [1, 2])
      t.throws(() => b.cache.memoize(async function f () { return 3 }, { makeName: () => '' }), { code: 'FST_CACHE_ERR_FUNCTION', message: /makeName/ })
      const bound = new Quiet().add.bind(new Quiet())
      t.throws(() => b.cache.memoize(bound), { code: 'FST_CACHE_ERR_FUNCTION', message: /bound/ })
      b.cache.memoize(bound, { name: 'x of 1' })
      t.throws(() => b.cache.memoize(new Quiet().add.bind(new Quiet()), { name: 'x of 1' }), { code: 'FST_CACHE_ERR_FUNCTION' })
    })

    t.test('a function memoized anew in every request shares its entries, warned once unless named', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const inRequest = (name?: string) => b.cache.memoize(async function load (id: number) { runs++; return id }, { name })
      for (let i = 0; i < 5; i++) t.equal(await inRequest()(1), 1)
      t.equal(runs, 1)
      t.equal(b.logged.filter((line) => /another function object with the name 'load'/.test(line)).length, 1)
      for (let i = 0; i < 5; i++) await inRequest('chosen')(1)
      t.equal(b.logged.length, 1)
    })

    t.test('sourceCheck and hashMethod', async (t) => {
      const b = bench(immediate)
      const make = (options: object) => b.cache.memoize(async function f (_x: string) { return 1 }, { name: 'f', ...options })
      const long = 'x'.repeat(300)
      const keys = [make({}), make({ sourceCheck: true })].map((f) => f.makeCacheKey('a'))
      t.not(keys[0], keys[1])
      const hashed = [make({}), make({ hashMethod: 'sha1' }), make({ hashMethod: 'sha512' })].map((f) => f.makeCacheKey(long))
      t.equal(new Set(hashed).size, 3)
      t.ok(hashed.every((key) => key.length < 150))
      for (const hashMethod of ['crc32', 'nonsense']) t.throws(() => make({ hashMethod }), { code: 'FST_CACHE_ERR_OPTIONS', message: /hashMethod/ })
    })

    t.test('uncached, and cacheTimeout at run time', async (t) => {
      const b = bench(immediate)
      let runs = 0
      async function original () { return ++runs }
      const f = b.cache.memoize(original, 10)
      t.equal(f.uncached, original)
      t.equal(f.cacheTimeout, 10)
      t.equal(f.name, 'original')
      await f()
      t.equal(await f.uncached(), 2)
      await b.time.pass(10_000)
      f.cacheTimeout = 50
      t.equal(await f(), 3)
      await b.time.pass(49_999)
      t.equal(await f(), 3)
      f.cacheTimeout = undefined
      t.equal(f.cacheTimeout, 300)
      for (const bad of [-1, NaN, Infinity, '5']) t.throws(() => { f.cacheTimeout = bad as number }, { code: 'FST_CACHE_ERR_TIMEOUT' })
      f.cacheTimeout = 0
      await b.time.pass(1)
      await f()
      await b.time.pass(1e13)
      t.equal(await f(), 4, '0 never expires')
    })

    t.test('deleteMemoized with and without arguments', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const f = b.cache.memoize(async function f (_id: number) { return ++runs })
      await f(1)
      await f(2)
      await b.cache.deleteMemoized(f, 1)
      t.strictSame([await f(1), await f(2)], [3, 2])
      await f.deleteMemoized(2)
      t.strictSame([await f(1), await f(2)], [3, 4])
      await b.cache.deleteMemoized(f)
      t.strictSame([await f(1), await f(2)], [5, 6])
      await f.deleteMemoized()
      t.strictSame([await f(1), await f(2)], [7, 8])
      await b.cache.deleteMemoizedVerhash(f)
      t.strictSame([await f(1), await f(2)], [9, 10])
      await b.cache.deleteMemoized(f.uncached, 1)
      t.strictSame([await f(1), await f(2)], [11, 10])
      await t.rejects(b.cache.deleteMemoized(async () => 1), { code: 'FST_CACHE_ERR_FUNCTION', message: /has memoized/ })
      await t.rejects(b.cache.deleteMemoized('f' as never), { code: 'FST_CACHE_ERR_FUNCTION' })
      await t.rejects(b.cache.deleteMemoized(f, Symbol('s')), { code: 'FST_CACHE_ERR_FUNCTION' })
    })

    t.test('methods: the instance is part of the key, and can be purged by itself', async (t) => {
      const b = bench(immediate)
      const original = Adder.prototype.add
      const add = b.cache.memoize(original, { name: 'Adder.add' })
      Adder.prototype.add = add
      t.teardown(() => { Adder.prototype.add = original })
      const [one, ten] = [new Adder(1), new Adder(10)]
      t.strictSame([await one.add(3), await ten.add(3), await new Adder(1).add(3)], [4, 13, 4])
      t.strictSame([one.runs, ten.runs], [1, 1])
      await b.cache.deleteMemoized(Adder.prototype.add, one, 3)
      await one.add(3)
      await ten.add(3)
      t.strictSame([one.runs, ten.runs], [2, 1], 'one entry of one instance')
      await one.add(4)
      await b.cache.deleteMemoized(one.add, one)
      await one.add(3)
      await one.add(4)
      await ten.add(3)
      t.strictSame([one.runs, ten.runs], [5, 1], 'all of one instance')
      await (add.deleteMemoized as (this: Adder, x: number) => Promise<void>).call(ten, 3)
      await ten.add(3)
      t.strictSame([one.runs, ten.runs], [5, 2], 'the instance as this')
      await b.cache.deleteMemoized(one.add)
      await one.add(3)
      await ten.add(3)
      t.strictSame([one.runs, ten.runs], [6, 3], 'all of the class')
      t.equal((add.makeCacheKey as (this: Adder, x: number) => string).call(one, 3), (add.makeCacheKey as unknown as (instance: Adder, x: number) => string)(one, 3))
      await t.rejects(b.cache.deleteMemoized(add, 3), { code: 'FST_CACHE_ERR_FUNCTION', message: /cachingId/ })
    })

    t.test('a function that uses this is refused without an identity', async (t) => {
      const b = bench(immediate)
      const add = b.cache.memoize(Nameless.prototype.add, { name: 'Nameless.add' }) as (b: number) => Promise<number>
      const refusal = { code: 'FST_CACHE_ERR_FUNCTION', message: /memoize\(Nameless\.add\).*cachingId\(\)/ }
      await t.rejects(add.call(new Nameless(), 1), refusal)
      await t.rejects(add(1), refusal)
      await t.rejects(add.call({ cachingId: () => undefined }, 1), refusal)
      const quiet = b.cache.memoize(Quiet.prototype.add, { name: 'Quiet.add' })
      t.equal(await quiet.call(new Quiet(), 1), 1)
      const services = { load: b.cache.memoize(async function load () { return 1 }) }
      t.equal(await services.load(), 1)
    })

    t.test('generators are joined where all is text or all is bytes', async (t) => {
      const b = bench(immediate)
      const text = b.cache.memoize(function * text () { yield 'a'; yield 'b' })
      const later = b.cache.memoize(async function * later () { yield 'a'; yield 'b' })
      const bytes = b.cache.memoize(function * bytes () { yield Buffer.from('a'); yield new Uint8Array([98]) })
      const mixed = b.cache.memoize(function * mixed () { yield 'a'; yield 1; yield { b: 1 } })
      const promised = b.cache.memoize(async function promised () { return (function * () { yield 'x'; yield 'y' })() })
      for (let i = 0; i < 2; i++) {
        t.equal(await text(), 'ab')
        t.equal(await later(), 'ab')
        t.equal(String(await bytes()), 'ab')
        t.strictSame(await mixed(), ['a', 1, { b: 1 }])
        t.equal(await promised(), 'xy')
      }
      t.equal(b.counts.store, 5)
      const broken = b.cache.memoize(function * broken () { yield 'a'; throw new Error('no') })
      await t.rejects(broken(), { message: 'no' })
    })

    t.test('tags, from a list and from the result', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const f = b.cache.memoize(async function f (id: number) { return { id, run: ++runs } }, { tags: ['all'] })
      const g = b.cache.memoize(async function g (id: number) { return { id, run: ++runs } }, { tags: (result, id) => [`g${result.id}`, `also${id}`] })
      await f(1)
      await g(1)
      await g(2)
      await b.versioned.purge(['t:s2:g1'])
      t.strictSame([(await f(1)).run, (await g(1)).run, (await g(2)).run], [1, 4, 3])
      await b.versioned.purge(['t:s3:all'])
      t.strictSame([(await f(1)).run, (await g(1)).run, (await g(2)).run], [5, 4, 3])
      const h = b.cache.memoize(async function h () { return ++runs }, { tags: () => [1] as never })
      t.strictSame([await h(), await h()], [6, 7], 'unstored: a purge could not reach it')
      t.match(b.logged, [/memoize\(h\): tags failed/])
    })

    t.test('NullCache: every call runs', async (t) => {
      const b = bench(immediate, { nullCache: true })
      let runs = 0
      const f = b.cache.memoize(async function f (_x: unknown) { return ++runs }, { cacheNone: true, unless: () => false })
      t.strictSame(await Promise.all([f(1), f(1)]), [1, 2])
      await b.cache.deleteMemoized(f)
      await f.deleteMemoized(1)
      t.strictSame(await Promise.all([b.cache.getOrSet('k', () => ++runs), b.cache.getOrSet('k', () => ++runs)]), [3, 4])
      t.equal(await b.cache.cached(async () => ++runs, { key: 'k' })(), 5)
      t.strictSame(b.versioned.calls, [])
    })
  })
}

t.test('options are checked when the function is defined', async (t) => {
  const { cache } = bench(true)
  const define = (options: unknown) => () => cache.memoize(async function f () { return 1 }, options as never)
  const refused: Array<[unknown, string, RegExp]> = [
    [{ timout: 1 }, 'FST_CACHE_ERR_OPTIONS', /memoize\(f\): option 'timout' is unknown; did you mean 'timeout'\?/],
    [{ timeout: -1, jitter: 0.6 }, 'FST_CACHE_ERR_OPTIONS', /'timeout' must be a number of seconds, 0 \(never expires\) or more; got -1; option 'jitter' must be a number from 0 to 0\.5; got 0\.6/],
    [{ timeout: '5' }, 'FST_CACHE_ERR_OPTIONS', /got '5'/], [{ timeout: NaN }, 'FST_CACHE_ERR_OPTIONS', /NaN/], [{ timeout: Infinity }, 'FST_CACHE_ERR_OPTIONS', /Infinity/],
    [{ unless: true }, 'FST_CACHE_ERR_OPTIONS', /'unless' must be a function; got true/],
    [{ argsToIgnore: ['a'] }, 'FST_CACHE_ERR_OPTIONS', /positions/], [{ argsToIgnore: [-1] }, 'FST_CACHE_ERR_OPTIONS', /positions/], [{ argsToIgnore: 1 }, 'FST_CACHE_ERR_OPTIONS', /positions/],
    [{ name: '' }, 'FST_CACHE_ERR_OPTIONS', /'name'/], [{ tags: [''] }, 'FST_CACHE_ERR_OPTIONS', /'tags'/], [{ tags: 'a' }, 'FST_CACHE_ERR_OPTIONS', /'tags'/],
    [{ coalesce: { timeot: 1 } }, 'FST_CACHE_ERR_OPTIONS', /'coalesce'/], [{ lock: { timeout: 0 } }, 'FST_CACHE_ERR_OPTIONS', /'lock'/], [{ eagerRefresh: 2 }, 'FST_CACHE_ERR_OPTIONS', /'eagerRefresh'/],
    [{ __proto__: null, constructor: 1 }, 'FST_CACHE_ERR_OPTIONS', /'constructor' is unknown/],
    ['5', 'FST_CACHE_ERR_OPTIONS', /number of seconds or an object/], [[1], 'FST_CACHE_ERR_OPTIONS', /object/],
    [-1, 'FST_CACHE_ERR_TIMEOUT', /got -1/], [NaN, 'FST_CACHE_ERR_TIMEOUT', /NaN/]
  ]
  for (const [options, code, message] of refused) t.throws(define(options), { code, message })
  for (const options of [undefined, null, 0, 1.5, {}, { timeout: null, name: undefined }, { coalesce: {}, lock: { timeout: 1 } }]) t.doesNotThrow(define(options))
  for (const fn of [undefined, null, 'f', {}]) t.throws(() => cache.memoize(fn as never), { code: 'FST_CACHE_ERR_FUNCTION' })
})

t.test('options are copied', async (t) => {
  const b = bench(true)
  let runs = 0
  const options = { timeout: 10, tags: ['a'], argsToIgnore: [0] }
  const f = b.cache.memoize(async function f (_x: number) { return ++runs }, options)
  options.timeout = 1
  options.tags.push('b')
  options.argsToIgnore.pop()
  await f(1)
  await b.time.pass(5_000)
  t.equal(await f(2), 1)
})
