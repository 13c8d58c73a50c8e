import t from 'tap'
import { customStore } from '../../lib/stores/custom.ts'
import { storeContract } from '../../lib/stores/contract.ts'
import { nullStore } from '../../lib/stores/null.ts'

/** As short as a store can be; its `increment` knows no lifetime, and a miss is null. */
class MapStore {
  map = new Map<string, { value: Buffer, expires: number }>()
  now = 0

  live (key: string) {
    const found = this.map.get(key)
    return found !== undefined && found.expires > this.now ? found : undefined
  }

  get (key: string) { return this.live(key)?.value ?? null }
  set (key: string, value: Buffer, ttl = Infinity) { this.map.set(key, { value: Buffer.from(value), expires: this.now + ttl }) }
  add (key: string, value: Buffer, ttl?: number) { return this.live(key) === undefined ? (this.set(key, value, ttl), 1) : 0 }
  delete (key: string) { return this.live(key) !== undefined && this.map.delete(key) }

  increment (key: string, delta: number) {
    const text = this.live(key)?.value.toString() ?? '0'
    if (!/^-?\d+$/.test(text)) throw new Error('not a number')
    const sum = Number(text) + delta
    const expires = this.live(key)?.expires ?? Infinity
    this.map.set(key, { value: Buffer.from(`${sum}`), expires })
    return String(sum)
  }

  clear (prefix: string) { for (const key of this.map.keys()) if (key.startsWith(prefix)) this.map.delete(key) }
}

t.test('contract, answering at once', async (t) => {
  await storeContract((name, fn) => t.test(name, fn), () => {
    const own = new MapStore()
    return { store: customStore(own), close: () => {}, another: () => customStore(own), advance: (ms) => { own.now += ms } }
  })
})

t.test('contract, answering with promises', async (t) => {
  await storeContract((name, fn) => t.test(name, fn), () => {
    const own = new MapStore()
    const later = new Proxy(own, {
      get (target, name: keyof MapStore) {
        const member = target[name]
        return typeof member === 'function' ? Object.defineProperty(async (...args: never[]) => (member as (...args: never[]) => unknown).apply(target, args), 'length', { value: member.length }) : member
      }
    })
    return { store: customStore(later), close: () => {}, advance: (ms) => { own.now += ms } }
  })
})

t.test('missing methods are named', async (t) => {
  const complete = new MapStore()
  for (const name of ['get', 'set', 'add', 'delete', 'increment', 'clear']) {
    const lacking = Object.fromEntries(['get', 'set', 'add', 'delete', 'increment', 'clear'].filter((other) => other !== name).map((other) => [other, () => 1]))
    t.throws(() => customStore(lacking), { code: 'FST_CACHE_ERR_OPTIONS', message: new RegExp(`lacks the method ${name}\\(\\)`) })
  }
  t.throws(() => customStore({ ...nullStore(), delete: undefined, del: () => 1, add: undefined }), { message: /methods add\(\), delete\(\) \(it has del\(\)\)/ })
  for (const wrong of [null, undefined, 'RedisCache', 5]) t.throws(() => customStore(wrong), { code: 'FST_CACHE_ERR_OPTIONS' })
  t.doesNotThrow(() => customStore(complete))
})

t.test('only the capabilities that it has', async (t) => {
  const store = customStore(new MapStore())
  t.equal(store.getMany, undefined)
  t.equal(store.deleteIf, undefined)
  t.equal(store.maxValueBytes, undefined)
  const rich = customStore({ ...nullStore(), maxValueBytes: 5, close: () => {} })
  t.same(['getMany', 'setMany', 'deleteMany', 'has', 'deleteByPrefix', 'deleteIf', 'replaceIf', 'touch', 'close'].filter((name) => typeof rich[name as 'has'] !== 'function'), [])
  t.equal(rich.maxValueBytes, 5)
  t.same(await rich.getMany!(['a']), [undefined])
  t.same(await rich.setMany!([['a', Buffer.from('x')]]), [false])
  t.same(await rich.deleteMany!(['a']), [false])
  t.equal(await rich.deleteByPrefix!('a'), 0)
})

t.test('sloppy answers', async (t) => {
  const odd = (answers: Record<string, unknown>) => customStore({
    ...Object.fromEntries(Object.keys(nullStore()).map((name) => [name, () => answers[name]]))
  })
  for (const [answer, bytes] of [[null, undefined], [undefined, undefined], ['42', '42'], ['\xff', '\xff'], [42, '42'], [5n, '5'], [new Uint8Array([65]), 'A'], [JSON.parse(JSON.stringify(Buffer.from('B'))), 'B'], [{}, undefined], [true, undefined]] as const) {
    const got = await odd({ get: answer }).get('key')
    t.equal(got?.toString('latin1'), bytes)
  }
  for (const [answer, taken] of [[1, true], ['OK', true], [true, true], [0, false], [null, false], [undefined, false], [false, false]] as const) {
    t.equal(await odd({ add: answer }).add('k', Buffer.from('')), taken)
    t.equal(await odd({ delete: answer }).delete('k'), taken)
  }
  for (const [answer, taken] of [[undefined, true], [new Map(), true], ['OK', true], [false, false]] as const) {
    t.equal(await odd({ set: answer }).set('k', Buffer.from('')), taken)
    t.equal(await odd({ clear: answer }).clear('k'), taken)
    t.same(await odd({ setMany: answer }).setMany!([['k', Buffer.from('')]]), [taken])
  }
  t.throws(() => odd({ increment: 'text' }).increment('k', 1), { code: 'FST_CACHE_ERR_BACKEND' })
  t.throws(() => odd({ increment: null }).increment('k', 1), { code: 'FST_CACHE_ERR_BACKEND' })
  t.throws(() => odd({ getMany: [1] }).getMany!(['a', 'b']), { code: 'FST_CACHE_ERR_BACKEND' })
})

t.test('what it throws or rejects goes through', async (t) => {
  const boom = () => { throw new Error('boom') }
  t.throws(() => customStore({ ...nullStore(), get: boom }).get('k'), /boom/)
  await t.rejects(async () => customStore({ ...nullStore(), get: async () => boom() }).get('k'), /boom/)
})

t.test('an increment that takes a lifetime is handed it, and no key is made first', async (t) => {
  const calls: unknown[] = []
  const store = customStore({ ...nullStore(), add: () => { calls.push('add') }, increment: (key: string, delta: number, ttl: number) => { calls.push([key, delta, ttl]); return 1 } })
  t.equal(await store.increment('k', 1, 500), 1)
  t.same(calls, [['k', 1, 500]])
})
