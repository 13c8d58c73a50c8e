import t from 'tap'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { endOfLife } from '../../lib/entry.ts'
import { entrySize } from '../../lib/entry-size.ts'
import { simpleStore } from '../../lib/stores/simple.ts'
import { Held } from '../../lib/versions/held.ts'
import { memoryVersions } from '../../lib/versions/memory.ts'
import type { Draft, Found } from '../../lib/versions/versioned.ts'

function make (threshold = 100) {
  const clock = { now: 1_700_000_000_000 }
  const now = () => clock.now
  const store = simpleStore<Held>({
    threshold, now, sizeOf: entrySize, nodeOf: Held.at, count: { read: () => undefined, make: () => { throw new Error('not counted here') } }
  })
  t.teardown(() => store.close())
  const versions = memoryVersions(store, now)
  const draft = (change: Partial<Draft> = {}): Draft => ({
    kind: 'value', payload: 'text', created: clock.now, freshUntil: clock.now + 1000, staleWhileRevalidate: 0, staleIfError: 0, names: [], ...change
  })
  return { clock, store, versions, draft, found: (key: string) => versions.lookup(key, []) as Found }
}

t.test('an entry comes back as it was written, its moments and spans to the last bit', async (t) => {
  const { clock, versions, draft, found } = make()
  const at = clock.now
  const drafts: Array<Partial<Draft>> = [
    {}, { freshUntil: Infinity }, { freshUntil: at + 1.5 }, { freshUntil: at + 0.1 + 0.7 }, { freshUntil: at + 2_592_000_000 }, { freshUntil: at + 1e13 },
    { created: 0, freshUntil: at + 5 }, { created: at - 7, freshUntil: at + 5 }, { created: at + 7, freshUntil: at + 5 }, { created: at + 0.25, freshUntil: at + 5 },
    { freshUntil: at - 5, staleIfError: 100 }, { staleWhileRevalidate: 60_000 }, { staleIfError: 60_000 }, { staleWhileRevalidate: 1.5, staleIfError: Infinity },
    { staleWhileRevalidate: 60_000 }, { names: ['c', 'ta'], kind: 'variants', payload: { fields: ['a'], stored: [] } }
  ]
  drafts.forEach((change, i) => versions.put(`${i}`, draft(change)))
  for (const [i, change] of drafts.entries()) {
    const { entry } = found(`${i}`)
    const { kind, payload, created, freshUntil, staleWhileRevalidate, staleIfError, names, marks } = entry!
    t.same({ kind, payload, created, freshUntil, staleWhileRevalidate, staleIfError, names }, draft(change), `${i}`)
    t.same(marks, [])
  }
})

t.test('an entry is there until its last window ends, whatever its neighbours have', async (t) => {
  const { clock, versions, draft, found } = make()
  const start = clock.now
  const drafts = [{}, { staleIfError: 500.5 }, { staleWhileRevalidate: 9000, staleIfError: 3 }, { freshUntil: start + 2 ** 33 }, { freshUntil: Infinity }].map(draft)
  drafts.forEach((one, i) => versions.put(`${i}`, one))
  for (const [i, one] of drafts.entries()) {
    const end = endOfLife({ ...one, marks: [], sequence: 0 })
    if (end === Infinity) continue
    clock.now = end - 0.5
    t.ok(found(`${i}`).entry, `${i} is there`)
    clock.now = end
    t.equal(found(`${i}`).entry, undefined, `${i} is gone`)
  }
  t.ok(found('4').entry)
})

t.test('the first softening after an entry was made counts, however often and late it is looked at', async (t) => {
  for (const looks of [false, true]) {
    const { clock, versions, draft, found } = make()
    const look = (): void => { if (looks) found('key') }
    const start = clock.now
    versions.soften(['a'])
    versions.put('key', draft({ freshUntil: Infinity, names: ['c', 'a', 'b'] }))
    look()
    t.equal(found('key').softened, Infinity, 'what was before has no part in it')
    for (const [ms, name] of [[10, 'other'], [20, 'b'], [30, 'a'], [40, 'b']] as const) {
      clock.now = start + ms
      versions.soften([name])
      look()
    }
    t.equal(found('key').softened, start + 20)
    versions.purge(['other'])
    t.equal(found('key').softened, start + 20, 'a purge of something else changes nothing')
    versions.put('key', draft({ names: ['c', 'a', 'b'] }))
    t.equal(found('key').softened, Infinity, 'a new one is fresh')
    look()
    versions.purge(['a'])
    t.equal(found('key').entry, undefined)
  }
})

t.test('who holds an entry that was pushed out holds none of those that were pushed out after it', async (t) => {
  setFlagsFromString('--expose-gc')
  const gc = runInNewContext('gc') as () => void
  const { store, versions, draft, found } = make(10)
  versions.put('first', draft())
  const { entry } = found('first')
  const later: Array<WeakRef<object>> = []
  for (let n = 0; n < 500; n++) {
    const live = {}
    later.push(new WeakRef(live))
    versions.put(`${n}`, draft({ payload: { live } }))
  }
  await new Promise((resolve) => setTimeout(resolve, 0)) // a WeakRef holds its target until the turn ends
  gc()
  t.equal(store.entries, 10)
  t.equal(entry?.payload, 'text')
  const held = later.filter((one) => one.deref() !== undefined).length
  t.ok(held <= 20, `${held} of ${later.length} are held`)
})

t.test('bytes and entries agree with what is there after writing over, and after what is too large', async (t) => {
  const { store, versions, draft } = make(3)
  const sizes = new Map<string, number>()
  const steps: Array<[key: string, text: string]> = [['a', 'x'], ['a', 'xxx'], ['b', 'x'], ['a', ''], ['c', 'xx'], ['d', 'x'], ['c', 'xxxx']]
  for (const [key, payload] of steps) {
    versions.put(key, draft({ payload }))
    sizes.set(key, entrySize(key, { ...draft({ payload }), marks: [], sequence: 0 }))
  }
  sizes.delete('b')
  t.equal(store.entries, 3)
  t.equal(store.bytes, [...sizes.values()].reduce((sum, size) => sum + size))
})
