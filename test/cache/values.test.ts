import t from 'tap'
import { isDeepStrictEqual } from 'node:util'
import { until } from '../helpers/process.ts'
import { everyBackend, open, sleep } from './support.ts'

const VALUES: Record<string, unknown> = {
  text: 'text',
  'empty text': '',
  'text with NUL and lone surrogate': 'a\0b\ud800c',
  'text like a number': '42',
  zero: 0,
  'minus zero': -0,
  whole: -123456,
  fraction: 0.1,
  huge: Number.MAX_SAFE_INTEGER,
  'beyond safe': 1e300,
  NaN,
  Infinity,
  bigint: 123456789012345678901234567890n,
  'small bigint': 1n,
  true: true,
  false: false,
  null: null,
  array: [1, 'two', null, undefined, [3]],
  'object with undefined': { a: undefined, b: { c: [undefined] } },
  'key __proto__': JSON.parse('{"__proto__":{"x":1},"constructor":2}'),
  date: new Date(1234567890123),
  map: new Map<unknown, unknown>([['a', 1], [{ b: 2 }, new Set([1])]]),
  set: new Set<unknown>([1, 'a', { b: 1 }]),
  buffer: Buffer.from([0, 1, 255]),
  'empty buffer': Buffer.alloc(0),
  'typed arrays': [new Uint8Array([1, 2]), new Float64Array([0.5]), new Int16Array([-1]), new BigInt64Array([1n])],
  error: new RangeError('out of it'),
  deep: { list: [{ date: new Date(0), map: new Map([['k', Buffer.from('v')]]) }] },
  large: { text: 'x'.repeat(300_000) }
}

const KEYS = ['a', 'a b', ' ', '\0', '\n', 'a\r\nset b', '__proto__', 'constructor', '../../etc/passwd', '*', '?', '[a-z]', '{tag}', '%', '日本', '\ud800', '\ufffd', 'k'.repeat(250), 'k'.repeat(251), 'k'.repeat(100_000), '|', ':', 'v:', 'a'.normalize('NFD')]

t.test('values', async (t) => {
  await everyBackend(t, async (t, bench) => {
    const app = await open(t, bench)
    const { cache } = app

    await t.test('come back equal, whatever way they went in and out', async (t) => {
      for (const [name, value] of Object.entries(VALUES)) {
        t.equal(await cache.set(name, value), true, `set ${name}`)
        const got = await cache.get(name)
        t.ok(isDeepStrictEqual(got, value), `${name}: ${String(got)}`.slice(0, 80))
        t.equal(await cache.add(`added ${name}`, value), true)
        t.ok(isDeepStrictEqual(await cache.get(`added ${name}`), value), `added ${name}`)
        t.ok(isDeepStrictEqual(await cache.getOrSet(`made ${name}`, () => value), value), `made ${name}`)
        t.ok(isDeepStrictEqual(await cache.getOrSet(`made ${name}`, () => 'other'), value), `made ${name}, from the store`)
      }
      const names = Object.keys(VALUES)
      t.ok(isDeepStrictEqual(await cache.getMany(names), Object.values(VALUES)), 'getMany')
      const dict = await cache.getDict(names)
      t.ok(names.every((name) => isDeepStrictEqual(dict[name], VALUES[name])), 'getDict')
      await cache.set('invalid date', new Date(NaN))
      t.ok(Number.isNaN((await cache.get<Date>('invalid date'))!.getTime()))
      t.same(await cache.getMany([]), [])
    })

    await t.test('share nothing with who gave or got them', async (t) => {
      const given = { list: [1], bytes: Buffer.from('abc'), map: new Map([['a', { b: 1 }]]) }
      await cache.set('mine', given)
      given.list.push(2)
      given.bytes[0] = 0
      const first = await cache.get<typeof given>('mine')
      t.same(first!.list, [1])
      t.equal(first!.bytes.toString(), 'abc')
      first!.list.push(3)
      first!.bytes[0] = 0
      first!.map.get('a')!.b = 2
      const second = await cache.get<typeof given>('mine')
      t.same(second!.list, [1])
      t.equal(second!.bytes.toString(), 'abc')
      t.equal(second!.map.get('a')!.b, 1)
      const buffer = Buffer.from('top')
      await cache.set('buffer', buffer)
      buffer[0] = 0;
      (await cache.get<Buffer>('buffer'))![0] = 0
      t.equal((await cache.get<Buffer>('buffer'))!.toString(), 'top')
      const made = await cache.getOrSet('made by', async () => ({ list: [1] }))
      made.list.push(2)
      t.same(await cache.get('made by'), { list: [1] })
    })

    await t.test('a value that cannot be kept is refused, with its key', async (t) => {
      for (const bad of [undefined, () => 1, Symbol('s'), new (class Foo { #x = 1; get x () { return this.#x } })(), { f: () => 1 }]) {
        await t.rejects(cache.set('bad', bad), { code: 'FST_CACHE_ERR_VALUE', message: /'bad'/ })
        await t.rejects(cache.add('bad', bad), { code: 'FST_CACHE_ERR_VALUE' })
        await t.rejects(cache.setMany({ bad }), { code: 'FST_CACHE_ERR_VALUE' })
      }
      t.equal(await cache.get('bad'), undefined)
    })

    await t.test('keys of any kind stand for themselves', async (t) => {
      for (const [i, key] of KEYS.entries()) t.equal(await cache.set(key, i), true)
      t.same(await cache.getMany(KEYS), KEYS.map((_key, i) => KEYS.lastIndexOf(KEYS[i]!)))
      t.equal((await cache.getDict(['__proto__']))['__proto__' as never], KEYS.indexOf('__proto__'))
      for (const key of new Set(KEYS)) t.equal(await cache.delete(key), true, JSON.stringify(key.slice(0, 20)))
      for (const key of new Set(KEYS)) t.equal(await cache.delete(key), false)
      t.same(await cache.setMany(new Map(KEYS.map((key) => [key, key]))), [...new Set(KEYS)])
      t.same((await cache.deleteMany(KEYS)).sort(), [...new Set(KEYS)].sort())
      for (const bad of ['', undefined, null, 1, {}, ['a']] as never[]) {
        for (const method of ['get', 'has', 'delete', 'set', 'add', 'inc', 'dec', 'getOrSet'] as const) {
          await t.rejects((cache[method] as (...args: unknown[]) => Promise<unknown>)(bad, 1), { code: 'FST_CACHE_ERR_KEY' }, `${method}(${String(bad)})`)
        }
        await t.rejects(cache.getMany(['a', bad]), { code: 'FST_CACHE_ERR_KEY' })
        await t.rejects(cache.getDict([bad]), { code: 'FST_CACHE_ERR_KEY' })
        await cache.set('a', 1)
        await t.rejects(cache.deleteMany(['a', bad]), { code: 'FST_CACHE_ERR_KEY' })
        t.equal(await cache.has('a'), true, 'nothing is removed when one key is no key')
      }
      await t.rejects(cache.setMany({ '': 1 }), { code: 'FST_CACHE_ERR_KEY' })
    })

    await t.test('has, add, delete, unlink', async (t) => {
      t.equal(await cache.has('h'), false)
      await cache.set('h', null)
      t.equal(await cache.has('h'), true)
      t.equal(await cache.get('h'), null)
      t.equal(await cache.add('h', 1), false)
      t.equal(await cache.get('h'), null)
      t.equal(await cache.delete('h'), true)
      t.equal(await cache.add('h', 1), true)
      t.equal(await cache.add('h', 2), false)
      await cache.set('i', 1)
      t.same(await cache.unlink('h', 'absent', 'i'), ['h', 'i'])
      t.same(await cache.unlink(), [])
      t.same(await cache.getMany(['h', 'i']), [undefined, undefined])
      const added = await Promise.all(Array.from({ length: 20 }, async (_, i) => await cache.add('race', i)))
      t.equal(added.filter(Boolean).length, 1)
      t.equal(await cache.get('race'), added.indexOf(true))
    })

    await t.test('setMany', async (t) => {
      t.same(await cache.setMany({ m1: 1, m2: { two: 2 } }, 60), ['m1', 'm2'])
      t.same(await cache.setMany(new Map([['m3', 3]]), { timeout: 60 }), ['m3'])
      t.same(await cache.getMany(['m1', 'm2', 'm3', 'm4']), [1, { two: 2 }, 3, undefined])
      t.same(await cache.setMany({}), [])
      const many = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`many ${i}`, i]))
      t.equal((await cache.setMany(many)).length, 1000)
      t.same(await cache.getMany(Object.keys(many)), Object.values(many))
      t.equal((await cache.deleteMany(Object.keys(many))).length, 1000)
    })

    await t.test('counting', async (t) => {
      t.equal(await cache.inc('n'), 1)
      t.equal(await cache.inc('n', 5), 6)
      t.equal(await cache.dec('n', 10), -4)
      t.equal(await cache.dec('n'), -5)
      t.equal(await cache.get('n'), -5)
      t.equal(await cache.inc('n', 0), -5)
      await cache.set('n', 41)
      t.equal(await cache.inc('n'), 42)
      t.equal(await cache.get('n'), 42)
      await cache.add('n2', 7)
      t.equal(await cache.dec('n2', 8), -1)
      t.equal(await cache.getOrSet('n3', () => 3), 3)
      t.equal(await cache.inc('far', 2 ** 52 - 1), 2 ** 52 - 1)
      t.equal(await cache.inc('far'), 2 ** 52)
      t.equal(await cache.dec('far', 2 ** 53 - 1), -(2 ** 52) + 1)
      t.equal(await cache.dec('far'), -(2 ** 52))
      t.equal(await cache.get('far'), -(2 ** 52))
      const sums = await Promise.all(Array.from({ length: 50 }, async () => await cache.inc('together', 2)))
      t.equal(new Set(sums).size, 50)
      t.equal(await cache.get('together'), 100)
      for (const value of ['text', '5', 1.5, null, true, [1], 5n, -0, NaN, new Date(0)]) {
        await cache.set('not', value)
        await t.rejects(cache.inc('not'), { code: 'FST_CACHE_ERR_NOT_A_NUMBER' }, `inc of ${String(value)}`)
        t.ok(isDeepStrictEqual(await cache.get('not'), value), 'and leaves it')
      }
      for (const delta of [1.5, NaN, Infinity, '1', null, 2 ** 53] as never[]) {
        await t.rejects(cache.inc('n', delta), { code: 'FST_CACHE_ERR_ARGUMENT' }, `by ${String(delta)}`)
        await t.rejects(cache.dec('n', delta), { code: 'FST_CACHE_ERR_ARGUMENT' })
      }
      t.equal(await cache.get('n'), 42)
    })

    await t.test('a number that a tag removed counts from 0 again', async (t) => {
      await cache.set('tagged number', 5, { tags: ['numbers'] })
      await t.rejects(cache.inc('tagged number'), { code: 'FST_CACHE_ERR_NOT_A_NUMBER' })
      await cache.invalidateTags('numbers')
      t.equal(await cache.get('tagged number'), undefined)
      t.equal(await cache.inc('tagged number', 3), 3)
      t.equal(await cache.get('tagged number'), 3)
      await cache.set('add', 5, { tags: ['numbers'] })
      t.equal(await cache.add('add', 6), false)
      await cache.invalidateTags('numbers')
      t.equal(await cache.add('add', 6), true)
      t.equal(await cache.get('add'), 6)
      await cache.set('deleted', 5, { tags: ['numbers'] })
      await cache.invalidateTags('numbers')
      t.equal(await cache.delete('deleted'), false)
    })

    await t.test('timeouts', async (t) => {
      const brief = bench.step === 1 ? 0.15 : 1
      t.equal(await cache.set('brief', 1, brief), true)
      t.equal(await cache.set('brief text', 'x', brief), true)
      await cache.set('brief object', {}, { timeout: brief })
      await cache.add('brief add', 'x', brief)
      await cache.inc('brief count', 1, { timeout: brief })
      await cache.setMany({ 'brief many': 'x' }, brief)
      await cache.getOrSet('brief made', () => 'x', brief)
      // Counted on while it lives: a machine that has stood still in between does it once more
      for (let begun = -Infinity; performance.now() - begun > brief * 900;) {
        await cache.delete('brief counted')
        begun = performance.now()
        await cache.set('brief counted', 1, brief)
        await cache.inc('brief counted', 1, { timeout: 1000 })
      }
      await cache.set('never', 'x', 0)
      await cache.inc('never count', 1, { timeout: 0 })
      await cache.inc('never count', 1, { timeout: brief })
      await cache.set('default', 'x', undefined)
      await cache.set('default null', 'x', null as never)
      await cache.set('then longer', 'x', brief)
      await cache.set('then longer', 'y', 100)
      await sleep(brief * 1000 + 60 + (bench.step === 1 ? 0 : 1100))
      const gone = ['brief', 'brief text', 'brief object', 'brief add', 'brief count', 'brief many', 'brief made', 'brief counted']
      t.same(await cache.getMany(gone), gone.map(() => undefined))
      for (const key of gone) t.equal(await cache.has(key), false, key)
      t.equal(await cache.inc('brief count', 1), 1)
      t.equal(await cache.add('brief text', 'again'), true)
      t.same(await cache.getMany(['never', 'never count', 'default', 'default null', 'then longer']), ['x', 2, 'x', 'x', 'y'])
      for (const bad of [-1, -0.001, NaN, Infinity, -Infinity, '5', true] as never[]) {
        const refused = { code: 'FST_CACHE_ERR_TIMEOUT' }
        await t.rejects(cache.set('k', 1, bad), refused, `set ${String(bad)}`)
        await t.rejects(cache.set('k', 1, { timeout: bad }), refused)
        await t.rejects(cache.add('k', 1, bad), refused)
        await t.rejects(cache.setMany({ k: 1 }, bad), refused)
        await t.rejects(cache.inc('k', 1, { timeout: bad }), refused)
        await t.rejects(cache.dec('k', 1, { timeout: bad }), refused)
        await t.rejects(cache.getOrSet('k', () => 1, bad), `getOrSet ${String(bad)}`)
      }
      t.equal(await cache.get('k'), undefined)
    })

    await t.test('deleteByPrefix', async (t) => {
      await cache.setMany({ 'user:1': 1, 'user:2': 2, user: 3, 'us*r:1': 4 })
      if (!bench.lists) {
        await t.rejects(cache.deleteByPrefix('user:'), { code: 'FST_CACHE_ERR_UNSUPPORTED', message: /tag/ })
        return
      }
      t.equal(await cache.deleteByPrefix('us*r'), 1)
      t.equal(await cache.deleteByPrefix('user:'), 2)
      t.equal(await cache.deleteByPrefix('user:'), 0)
      t.same(await cache.getMany(['user:1', 'user:2', 'user', 'us*r:1']), [undefined, undefined, 3, undefined])
      await t.rejects(cache.deleteByPrefix(1 as never), { code: 'FST_CACHE_ERR_ARGUMENT' })
    })

    await t.test('functions', async (t) => {
      let runs = 0
      const load = cache.memoize(async function load (id: number) { return { id, run: ++runs } }, { timeout: 60, tags: ['loads'] })
      const first = await load(1)
      first.id = 99
      t.same(await load(1), { id: 1, run: 1 })
      t.same(await load(2), { id: 2, run: 2 })
      await load.deleteMemoized(1)
      t.same(await load(1), { id: 1, run: 3 })
      t.same(await load(2), { id: 2, run: 2 })
      await cache.deleteMemoized(load)
      t.same(await load(2), { id: 2, run: 4 })
      await cache.deleteMemoizedVerhash(load)
      t.same(await load(2), { id: 2, run: 5 })
      await cache.invalidateTags('loads')
      t.same(await load(2), { id: 2, run: 6 })
      const one = cache.cached(async () => ++runs, { key: 'one entry', timeout: 60 })
      t.same([await one(), await one()], [7, 7])
      t.equal(await cache.get('one entry'), 7)
      t.equal(await cache.delete('one entry'), true)
      t.equal(await one(), 8)
      const piece = async (): Promise<string> => await cache.fragment('menu', ['en', 1], 60, () => `menu ${++runs}`)
      t.same([await piece(), await piece()], ['menu 9', 'menu 9'])
      t.equal(await cache.fragment('menu', ['de', 1], 60, () => 'other'), 'other')
      const { coalesced } = cache.stats()
      const together = await Promise.all(Array.from({ length: 10 }, async () => await cache.getOrSet('coalesced', async () => {
        await until('all others wait', () => cache.stats().coalesced >= coalesced + 9)
        return ++runs
      })))
      t.same(together, together.map(() => 10))
      await t.rejects(cache.getOrSet('fails', () => { throw new Error('no') }), { message: 'no' })
      t.equal(await cache.get('fails'), undefined)
      t.equal(await cache.getOrSet('undefined', () => undefined), undefined)
      t.equal(await cache.has('undefined'), false)
    })

    await t.test('a set during a getOrSet wins, and so do delete, add, inc, deleteByPrefix and clear', async (t) => {
      const acts: Record<string, [act: (key: string) => Promise<unknown>, left: unknown]> = {
        set: [async (key) => await cache.set(key, 'newer'), 'newer'],
        add: [async (key) => await cache.add(key, 'newer'), 'newer'],
        inc: [async (key) => await cache.inc(key, 5), 5],
        delete: [async (key) => await cache.delete(key), undefined],
        clear: [async () => await cache.clear(), undefined],
        ...(bench.lists ? { deleteByPrefix: [async (key: string) => await cache.deleteByPrefix(key.slice(0, -2)), undefined] as [(key: string) => Promise<unknown>, unknown] } : {})
      }
      for (const [name, [act, left]] of Object.entries(acts)) {
        const key = `during ${name}`
        let go!: (value: string) => void
        const begun = new Promise<void>((resolve) => {
          cache.getOrSet(key, async () => { resolve(); return await new Promise<string>((resolve) => { go = resolve }) }).then((value) => t.equal(value, 'older'), t.error)
        })
        await begun
        await act(key)
        go('older')
        await sleep(30)
        t.equal(await cache.get(key), left, name)
      }
    })

    await t.test('stats and store', async (t) => {
      const before = cache.stats()
      await cache.set('s', 1)
      await cache.get('s')
      await cache.get('absent')
      const after = cache.stats()
      t.equal(after.stores, before.stores + 1)
      t.equal(after.hits, before.hits + 1)
      t.equal(after.misses, before.misses + 1)
      t.type(after.bypasses, 'object')
      for (const method of ['get', 'set', 'add', 'delete', 'increment', 'clear'] as const) t.type(cache.store[method], 'function')
    })
  })
})
