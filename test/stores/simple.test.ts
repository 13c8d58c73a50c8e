import t from 'tap'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { storeContract } from '../../lib/stores/contract.ts'
import { bufferValues, simpleStore } from '../../lib/stores/simple.ts'

function make (options: { threshold?: number, maxBytes?: number, sweepEvery?: number } = {}) {
  const clock = { now: 1_000_000 }
  const store = simpleStore<Buffer>({ ...bufferValues, ...options, now: () => clock.now, sizeOf: (key, value) => key.length + value.length })
  t.teardown(() => store.close())
  return { store, clock }
}
const B = (text = 'v') => Buffer.from(text)

t.test('contract', async (t) => {
  await storeContract((name, fn) => t.test(name, fn), () => {
    const { store, clock } = make()
    return { store, close: () => store.close(), another: () => store, advance: (ms) => { clock.now += ms } }
  })
})

t.test('the least recently used entry goes first', async (t) => {
  const cases: Array<[steps: string, gone: string]> = [
    ['+a +b +c ?a +d', 'b'],
    ['+a +b +c ?a ?b +d', 'c'],
    ['+a +b +c +a +d', 'b'],
    ['+a +b +c ?c ?a ?b ?a +d', 'c'],
    ['+a +b +c +d', 'a'],
    ['+a +b -a +c +d +e', 'b'],
    ['+a +b +c ?x +d', 'a']
  ]
  for (const [steps, gone] of cases) {
    const { store } = make({ threshold: 3 })
    const keys = new Set<string>()
    for (const [op, key] of steps.split(' ').map((step) => [step[0], step.slice(1)] as const)) {
      if (op === '+') { store.set(key, B()); keys.add(key) }
      if (op === '?') store.get(key)
      if (op === '-') { store.delete(key); keys.delete(key) }
    }
    t.same([...keys].filter((key) => !store.has(key)), [gone], steps)
    t.equal(store.entries, 3, steps)
  }
})

t.test('looking whether a key is there is no use of it', async (t) => {
  const { store } = make({ threshold: 2 })
  store.set('a', B())
  store.set('b', B())
  store.has('a')
  store.set('c', B())
  t.equal(store.has('a'), false)
})

t.test('bounded by bytes', async (t) => {
  const { store } = make({ maxBytes: 100 })
  for (const key of 'abcd') store.set(key, Buffer.alloc(24))
  t.equal(store.bytes, 100)
  store.set('e', Buffer.alloc(30))
  t.same([...'abcde'].map((key) => store.has(key)), [false, false, true, true, true])
  t.equal(store.bytes, 81)

  store.set('c', Buffer.alloc(9))
  t.equal(store.bytes, 66, 'a smaller value in its place')
  t.equal(store.set('c', Buffer.alloc(100)), false, 'larger than the whole store')
  t.equal(store.get('c'), undefined, 'and what was there is gone')
  t.equal(store.add('f', Buffer.alloc(100)), false)
  store.clear('')
  t.equal(store.bytes, 0)
  t.equal(store.entries, 0)
})

t.test('no bounds', async (t) => {
  const { store } = make({ threshold: 0, maxBytes: 0 })
  for (let i = 0; i < 20_000; i++) store.set(`${i}`, B())
  t.equal(store.entries, 20_000)
})

t.test('expiry is exact', async (t) => {
  const { store, clock } = make()
  store.set('key', B(), 10.5)
  clock.now += 10
  t.ok(store.has('key'))
  clock.now += 0.5
  t.notOk(store.has('key'))
  t.equal(store.entries, 0)
})

t.test('what has expired does not stay', async (t) => {
  const { store, clock } = make({ threshold: 0, sweepEvery: 5 })
  for (let i = 0; i < 1000; i++) store.set(`${i}`, B(), 1000)
  store.set('stays', B(), 5000)
  store.set('for ever', B())
  clock.now += 1000
  while (store.entries > 2) await new Promise((resolve) => setTimeout(resolve, 5))
  t.equal(store.bytes, 'stays'.length + 'for ever'.length + 2)
  t.equal(store.sweep(), 0)
  clock.now += 4000
  t.equal(store.sweep(), 1)
})

t.test('an entry that has expired goes before one in use, when it is met', async (t) => {
  const { store, clock } = make({ threshold: 3 })
  store.set('old', B())
  store.set('expired', B(), 10)
  store.set('new', B())
  clock.now += 10
  store.set('another', B())
  t.ok(store.has('old'))
  t.notOk(store.has('expired'))
})

t.test('what was removed is not held in memory, however the table was rebuilt in between', async (t) => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const { store } = make()
  const removed: Array<WeakRef<Buffer>> = []
  for (let round = 0; round < 50; round++) {
    for (let i = 0; i < 20; i++) {
      const value = B(`${round}`)
      removed.push(new WeakRef(value))
      store.set(`${round} ${i}`, value, 1000)
    }
    for (let i = 0; i < 20; i++) store.delete(`${round} ${i}`)
  }
  await new Promise((resolve) => setTimeout(resolve, 0)) // a WeakRef holds its target until the turn ends
  gc()
  t.equal(store.entries, 0)
  t.ok(removed.filter((one) => one.deref() !== undefined).length <= 20, `${removed.filter((one) => one.deref() !== undefined).length} of ${removed.length} are held`)
})

t.test('0 and undefined are for ever, and long lives set off no timer warning', async (t) => {
  const { store, clock } = make()
  const warnings: unknown[] = []
  const listen = (warning: unknown) => warnings.push(warning)
  process.on('warning', listen)
  t.teardown(() => process.off('warning', listen))
  for (const ttl of [0, undefined, 2_592_000_000, 1e13]) store.set(`${ttl}`, B(), ttl)
  clock.now += 2_591_999_999
  for (const ttl of [0, undefined, 2_592_000_000, 1e13]) t.ok(store.has(`${ttl}`), `${ttl}`)
  await new Promise((resolve) => setImmediate(resolve))
  t.same(warnings, [])
})

t.test('a prefix that matches nothing leaves everything', async (t) => {
  const { store, clock } = make()
  store.set('a', B())
  store.set('gone', B(), 5)
  clock.now += 5
  t.equal(store.deleteByPrefix('b'), 0)
  t.equal(store.deleteByPrefix('gone'), 0, 'what has expired is not counted')
  t.equal(store.entries, 1)
})
