import t from 'tap'
import { isPromise } from '../../lib/awaitable.ts'
import type { StoredReply } from '../../lib/entry.ts'
import { localTier } from '../../lib/local-tier.ts'
import { bufferValues, simpleStore } from '../../lib/stores/simple.ts'
import { guarded } from '../../lib/stores/guarded.ts'
import type { Store } from '../../lib/stores/store.ts'
import type { Watcher } from '../../lib/stores/watch.ts'
import { remoteVersions } from '../../lib/versions/remote.ts'
import { CACHE } from '../../lib/versions/names.ts'
import type { Draft, Found } from '../../lib/versions/versioned.ts'

const silent = { warn () {}, info () {}, error () {} }

interface SetUp { timeout?: number, threshold?: number, maxBytes?: number, tells?: boolean }

/** A backend that answers later, with a tier in front: reads can be held back, changes told, the clock moved. */
function setUp (t: { teardown (done: () => void): void }, { timeout = 5, threshold = 100, maxBytes = 1_000_000, tells = true }: SetUp = {}) {
  const state = { now: Date.now(), live: true, down: false, reads: 0, gate: Promise.resolve(), removals: Promise.resolve() }
  const data = simpleStore<Buffer>({ ...bufferValues, now: () => state.now })
  const later = async <T>(work: () => T): Promise<T> => {
    if (state.down) throw new Error('down')
    return work()
  }
  const inner: Store<Buffer> = {
    ...data,
    async get (key) {
      state.reads++
      const value = await later(() => data.get(key))
      await state.gate
      if (value === undefined) return undefined
      // As from a socket: a view of much more
      const big = Buffer.alloc(65_536)
      value.copy(big)
      return big.subarray(0, value.length)
    },
    getMany: (keys) => Promise.all(keys.map((key) => inner.get(key))),
    set: (key, value, ttl) => later(() => data.set(key, value, ttl)),
    add: (key, value, ttl) => later(() => data.add(key, value, ttl)),
    async delete (key) {
      await state.removals
      return await later(() => data.delete(key))
    },
    deleteMany: (keys) => later(() => data.deleteMany(keys)),
    increment: (key, delta, ttl) => later(() => data.increment(key, delta, ttl))
  }
  let watcher: Watcher = { changed () {}, lost () {} }
  const watchable = Object.assign(inner, tells ? { watch: (_prefix: string, given: Watcher) => { watcher = given; return { get live () { return state.live }, close () {} } } } : {})
  const store = guarded(watchable, { name: 'test', timeout: 0, log: silent })
  const far = remoteVersions({ store, base: 'b|', prefix: 'b|m:', serializer: 'msgpack', now: () => state.now })
  const tier = localTier({ timeout, threshold, maxBytes }, { inner: watchable, store, versioned: far, base: 'b|', marks: 'b|m:', now: () => state.now, clock: () => state.now })
  t.teardown(() => { tier.versioned.close(); data.close() })
  return { state, data, far, ...tier, tell: (key: string) => { watcher.changed(key) }, lose: () => { watcher.lost() } }
}

function draft (payload: unknown, over: Partial<Draft> = {}): Draft {
  const now = Date.now()
  return { kind: 'value', payload, created: now, freshUntil: now + 3_600_000, staleIfError: 0, staleWhileRevalidate: 0, names: [], ...over } as Draft
}

/** What a look-up finds, if it finds it at once. */
function atOnce (found: Found | Promise<Found>): unknown {
  if (!isPromise(found)) return found.entry?.payload
  found.catch(() => {})
  return 'later'
}

/** Holds reads back that have been answered already. */
function hold (state: { gate: Promise<void> }): () => void {
  let release = (): void => {}
  state.gate = new Promise((resolve) => { release = () => { state.gate = Promise.resolve(); resolve() } })
  return release
}

t.test('a copy answers at once, under the versions that were asked for', async (t) => {
  const { versioned, far } = setUp(t)
  const names = [CACHE, 'tblue']
  const stamp = await versioned.begin(await versioned.lookup('b|k', names), 1000)
  t.ok(await versioned.write('b|k', draft('v', { names }), stamp))
  const first = await versioned.lookup('b|k', names)
  const again = versioned.lookup('b|k', names)
  t.notOk(isPromise(again))
  t.strictSame(again, first)
  t.strictSame((versioned.lookup('b|k', [...names].reverse()) as Found).marks, [...first.marks].reverse())
  t.strictSame((versioned.lookup('b|k', ['tred']) as Found).marks, [undefined], 'of a name that was not asked for nothing is known')
  t.equal(versioned.sequence(), far.sequence())
})

for (const [what, change] of Object.entries({
  put: ({ versioned }) => versioned.put('b|k', draft('new')),
  add: ({ versioned }) => versioned.add('b|k', draft('new')),
  remove: ({ versioned }) => versioned.remove('b|k'),
  purge: ({ versioned }) => versioned.purge(['tblue']),
  soften: ({ versioned }) => versioned.soften(['tblue']),
  clear: ({ versioned }) => versioned.clear('b|'),
  'a counter': ({ store }) => Promise.resolve(store.increment('b|k', 1)).catch(() => {}),
  'a set of the store': ({ store }) => store.set('b|k', Buffer.from('x')),
  'several sets of the store': ({ store }) => store.setMany!([['b|k', Buffer.from('x')]]),
  'several removals of the store': ({ store }) => store.deleteMany!(['b|k']),
  'a removal by prefix': ({ store }) => store.deleteByPrefix!('b|'),
  'news of the key': async ({ tell }) => { tell('b|k') },
  'news of a mark': async ({ tell }) => { tell('b|m:tblue') },
  'a gap in the news': async ({ lose }) => { lose() }
} satisfies Record<string, (subject: ReturnType<typeof setUp>) => unknown>)) {
  t.test(`${what} ends a copy at once, and a read that it overtook leaves none`, async (t) => {
    const subject = setUp(t)
    const { versioned, state } = subject
    await versioned.put('b|k', draft('old', { names: ['tblue'] }))
    await versioned.lookup('b|k', [])
    t.equal(atOnce(versioned.lookup('b|k', [])), 'old')
    const done = change(subject)
    t.equal(atOnce(versioned.lookup('b|k', [])), 'later')
    await done

    await versioned.put('b|k', draft('old', { names: ['tblue'] }))
    const release = hold(state)
    const read = versioned.lookup('b|k', [])
    await new Promise((resolve) => setImmediate(resolve))
    state.gate = Promise.resolve()
    const changed = change(subject)
    release()
    await read
    await changed
    t.equal(atOnce(versioned.lookup('b|k', [])), 'later', 'nothing was kept')
  })
}

for (const [what, remove] of Object.entries({
  'of the cache': ({ versioned }) => versioned.remove('b|k'),
  'of the store': ({ store }) => store.delete('b|k')
} satisfies Record<string, (subject: ReturnType<typeof setUp>) => unknown>)) {
  t.test(`a removal ${what} leaves no copy of what was read while it was under way`, async (t) => {
    const subject = setUp(t)
    const { versioned, state } = subject
    await versioned.put('b|k', draft('old'))
    let release = (): void => {}
    state.removals = new Promise((resolve) => { release = resolve })
    const removed = remove(subject)
    t.equal((await versioned.lookup('b|k', [])).entry?.payload, 'old', 'it is there until the removal is through')
    release()
    t.ok(await removed)
    t.equal((await versioned.lookup('b|k', [])).entry, undefined)
  })
}

t.test('what is not kept', async (t) => {
  const cases: Array<[what: string, options: SetUp, entry: Draft, key?: string]> = [
    ['a count, whose lifetime only the backend knows', {}, draft(7)],
    ['a stale entry, which another process may be renewing', {}, draft('v', { freshUntil: Date.now() - 1, staleWhileRevalidate: 3_600_000 })],
    ['more than the bound', { maxBytes: 2000 }, draft('v'.repeat(3000))],
    ['a key that messages cannot name', {}, draft('v'), 'b|\ud800']
  ]
  for (const [what, options, entry, key = 'b|k'] of cases) {
    const { versioned } = setUp(t, options)
    await versioned.put(key, entry)
    t.ok((await versioned.lookup(key, [])).entry, 'it is there')
    t.equal(atOnce(versioned.lookup(key, [])), 'later', what)
  }
  const { versioned, state } = setUp(t)
  await versioned.put('b|k', draft('v'))
  state.live = false
  await versioned.lookup('b|k', [])
  t.equal(atOnce(versioned.lookup('b|k', [])), 'later', 'anything while changes go unheard')
})

t.test('a copy ends with its entry, or with the local timeout, counted from the beginning of its read', async (t) => {
  for (const tells of [true, false]) {
    const { versioned, state } = setUp(t, { tells })
    await versioned.put('b|short', draft('v', { freshUntil: state.now + 2000 }))
    await versioned.put('b|long', draft('v'))
    await versioned.lookup('b|short', [])
    const release = hold(state)
    const read = versioned.lookup('b|long', [])
    await new Promise((resolve) => setImmediate(resolve))
    state.now += 1000
    release()
    await read
    t.equal(atOnce(versioned.lookup('b|short', [])), 'v')
    state.now += 1000
    t.equal(atOnce(versioned.lookup('b|short', [])), 'later')
    t.equal(atOnce(versioned.lookup('b|long', [])), 'v')
    state.now += 2999
    t.equal(atOnce(versioned.lookup('b|long', [])), 'v')
    state.now += 1
    t.equal(atOnce(versioned.lookup('b|long', [])), 'later')
  }
})

t.test('in an outage copies are served, and what it left in doubt is not', async (t) => {
  const { versioned, state } = setUp(t)
  for (const key of ['b|kept', 'b|failed', 'b|tagged']) {
    await versioned.put(key, draft('v', { names: ['t' + key] }))
    await versioned.lookup(key, [])
  }
  state.down = true
  t.equal(atOnce(versioned.lookup('b|kept', [])), 'v')
  await t.rejects(Promise.resolve(versioned.remove('b|failed')))
  await t.rejects(Promise.resolve(versioned.purge(['tb|tagged'])))
  state.down = false
  for (const key of ['b|failed', 'b|tagged']) {
    t.equal((await versioned.lookup(key, [])).entry, undefined, key)
    t.equal(atOnce(versioned.lookup(key, [])), 'later')
  }
  t.equal(atOnce(versioned.lookup('b|kept', [])), 'v')
})

t.test('when more is in doubt than can be remembered, no copy is served', async (t) => {
  const { versioned, state } = setUp(t)
  await versioned.put('b|kept', draft('v'))
  await versioned.lookup('b|kept', [])
  state.down = true
  for (let i = 0; i < 10_001; i++) await Promise.resolve(versioned.remove(`b|${i}`)).catch(() => {})
  t.equal(atOnce(versioned.lookup('b|kept', [])), 'later')
})

t.test('copies have bytes of their own', async (t) => {
  const { versioned } = setUp(t)
  const reply: StoredReply = { status: 200, headers: ['content-type', 'text/plain'], body: Buffer.from('body'), size: 4, text: true, date: Date.now(), age: 0, etag: undefined, lastModified: undefined }
  await versioned.put('b|reply', draft(reply, { kind: 'reply' }))
  await versioned.put('b|bytes', draft(Buffer.from('bytes')))
  await versioned.lookup('b|reply', [])
  await versioned.lookup('b|bytes', [])
  const body = (versioned.lookup('b|reply', []) as Found).entry!.payload as StoredReply
  const bytes = (versioned.lookup('b|bytes', []) as Found).entry!.payload as Buffer
  t.equal(body.body!.toString(), 'body')
  t.equal(bytes.toString(), 'bytes')
  t.equal(body.body!.buffer.byteLength, 4, 'no larger buffer is kept alive')
  t.equal(bytes.buffer.byteLength, 5)
})

t.test('the least recently used copy makes room', async (t) => {
  const { versioned } = setUp(t, { threshold: 2 })
  for (const key of ['b|1', 'b|2', 'b|3']) {
    await versioned.put(key, draft(key))
    await versioned.lookup(key, [])
  }
  t.strictSame(['b|1', 'b|2', 'b|3'].map((key) => atOnce(versioned.lookup(key, []))), ['later', 'b|2', 'b|3'])
})

t.test('several keys: copies where there are, one read for the rest', async (t) => {
  const { versioned, state } = setUp(t)
  for (const key of ['b|1', 'b|2', 'b|3']) await versioned.put(key, draft(key))
  await versioned.lookup('b|2', [])
  state.reads = 0
  t.strictSame((await versioned.lookupMany(['b|1', 'b|2', 'b|none', 'b|3'])).map(({ entry }) => entry?.payload), ['b|1', 'b|2', undefined, 'b|3'])
  t.equal(state.reads, 3)
  t.strictSame((await versioned.lookupMany(['b|3', 'b|1'])).map(({ entry }) => entry?.payload), ['b|3', 'b|1'])
  t.equal(state.reads, 3)
})
