import { mock } from 'node:test'
import t from 'tap'
import { errors } from '../../lib/errors.ts'
import { guarded } from '../../lib/stores/guarded.ts'
import type { GuardHints, GuardSettings } from '../../lib/stores/guarded.ts'
import { notAnOutage } from '../../lib/stores/outage.ts'
import type { Store } from '../../lib/stores/store.ts'

const DOWN = { code: 'FST_CACHE_ERR_BACKEND_DOWN' }
const LATE = { code: 'FST_CACHE_ERR_BACKEND_TIMEOUT' }
const FAILED = { code: 'FST_CACHE_ERR_BACKEND' }

type Behaviour = 'answers' | 'sync' | 'rejects' | 'throws' | 'hangs'

function setUp (settings: Partial<GuardSettings> & { ping?: () => Promise<void> } = {}) {
  let behaviour: Behaviour = 'answers'
  let calls = 0
  let time = 0
  const lines: string[] = []
  const line = (level: string) => (data: object, message: string) => { lines.push(`${level} ${message} ${JSON.stringify(data)}`) }
  const pending: Array<{ resolve: (value: never) => void, reject: (error: Error) => void }> = []
  const act = <T>(value: T): T | Promise<T> => {
    calls++
    if (behaviour === 'sync') return value
    if (behaviour === 'answers') return Promise.resolve(value)
    if (behaviour === 'rejects') return Promise.reject(new Error('connection lost'))
    if (behaviour === 'throws') throw new Error('no such luck')
    return new Promise((resolve, reject) => { pending.push({ resolve: resolve as never, reject }) })
  }
  const store: Store<Buffer> & GuardHints = {
    get: () => act(Buffer.from('value')),
    set: () => act(true),
    add: () => act(true),
    delete: () => act(true),
    increment: () => act(1),
    clear: () => act(true),
    ...(settings.ping === undefined ? {} : { ping: settings.ping })
  }
  const guard = guarded(store, {
    name: 'test',
    timeout: 500,
    now: () => time,
    log: { warn: line('warn'), info: line('info'), error: line('error') },
    ...settings
  })
  return {
    guard,
    store,
    lines,
    pending,
    behave: (next: Behaviour) => { behaviour = next },
    get calls () { return calls },
    /** Lets time pass, for the breaker's clock and the timers alike. */
    pass: async (ms: number) => {
      time += ms
      mock.timers.tick(ms)
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    }
  }
}

t.beforeEach(() => mock.timers.enable({ apis: ['setTimeout'] }))
t.afterEach(() => mock.timers.reset())

const fails = async (guard: Store<Buffer>, times = 3) => {
  for (let i = 0; i < times; i++) await Promise.resolve(guard.get('k')).catch(() => {})
}

t.test('answers pass through, given at once or promised', async (t) => {
  const { guard, behave } = setUp()
  for (const behaviour of ['answers', 'sync'] as const) {
    behave(behaviour)
    t.same(await guard.get('k'), Buffer.from('value'))
    t.equal(await guard.increment('k', 1), 1)
    t.equal(await guard.operation(async (inner) => [await inner.get('a'), await inner.get('b')].length), 2)
  }
  t.equal(guard.up, true)
})

t.test('capabilities are those of the store', async (t) => {
  const { guard, store } = setUp()
  t.notOk('getMany' in guard || 'touch' in guard || 'maxValueBytes' in guard)
  const rich = guarded({ ...store, getMany: () => [undefined], maxValueBytes: 10 }, { name: 'x', timeout: 1, log: console })
  t.same(await rich.getMany?.(['a']), [undefined])
  t.equal(rich.maxValueBytes, 10)
  t.notOk('has' in rich)
})

t.test('a class keeps its this', async (t) => {
  class Own {
    #values = new Map<string, Buffer>()
    get (key: string) { return this.#values.get(key) }
    set (key: string, value: Buffer) { return this.#values.set(key, value).size > 0 }
    add () { return true }
    delete (key: string) { return this.#values.delete(key) }
    increment () { return 1 }
    clear () { return true }
  }
  const guard = guarded(new Own(), { name: 'x', timeout: 1, log: console })
  await guard.set('a', Buffer.from('1'))
  t.same(await guard.get('a'), Buffer.from('1'))
  t.equal(await guard.operation((inner) => inner.delete('a')), true)
})

t.test('an operation that does not answer is given up at its deadline, and what comes later is dropped', async (t) => {
  const { guard, behave, pending, pass } = setUp()
  behave('hangs')
  const late = [guard.get('a'), guard.get('b')].map((promise) => Promise.resolve(promise))
  const verdicts = late.map((promise) => t.rejects(promise, LATE))
  await pass(499)
  await pass(1)
  await Promise.all(verdicts)
  pending[0]?.reject(new Error('late failure'))
  pending[1]?.resolve(Buffer.from('late') as never)
  await pass(10)
  behave('answers')
  t.same(await guard.get('a'), Buffer.from('value'))
})

t.test('no bound: an operation may take as long as it likes', async (t) => {
  const { guard, behave, pending, pass } = setUp({ timeout: 0 })
  behave('hangs')
  const promise = guard.get('a')
  await pass(1e6)
  pending[0]?.resolve(Buffer.from('at last') as never)
  t.same(await promise, Buffer.from('at last'))
})

t.test('several reads in one operation have one deadline', async (t) => {
  const { guard, behave, pending, pass } = setUp()
  behave('hangs')
  const verdict = t.rejects(guard.operation(async (inner) => {
    await inner.get('a')
    await inner.get('b')
  }), LATE)
  await pass(400)
  pending[0]?.resolve(undefined as never)
  await pass(99)
  await pass(1)
  await verdict
})

for (const behaviour of ['rejects', 'throws', 'hangs'] as const) {
  t.test(`three failures in a row open the breaker: the store ${behaviour}`, async (t) => {
    const all = setUp()
    all.behave(behaviour)
    for (let i = 0; i < 3; i++) {
      t.equal(all.guard.up, true)
      const verdict = t.rejects(Promise.resolve(all.guard.get('k')), behaviour === 'hangs' ? LATE : FAILED)
      if (behaviour === 'hangs') await all.pass(500)
      await verdict
    }
    t.equal(all.guard.up, false)
    t.equal(all.calls, 3)
    for (let i = 0; i < 5; i++) await t.rejects(Promise.resolve(all.guard.set('k', Buffer.alloc(0))), DOWN)
    t.equal(all.calls, 3, 'the store was not asked')
    t.equal(all.lines.length, 1)
    t.match(all.lines[0], /^warn .*test is down/)
  })
}

t.test('a success between failures starts the count again', async (t) => {
  const { guard, behave } = setUp()
  for (let round = 0; round < 3; round++) {
    behave('rejects')
    await fails(guard, 2)
    behave('answers')
    await guard.get('k')
  }
  t.equal(guard.up, true)
})

t.test('answers about a value are no outage', async (t) => {
  const { guard, store } = setUp()
  for (const error of [new errors.FST_CACHE_ERR_NOT_A_NUMBER('n'), notAnOutage(new Error('OOM')), new errors.FST_CACHE_ERR_UNSUPPORTED('x')]) {
    store.get = () => Promise.reject(error)
    const again = guarded(store, { name: 'x', timeout: 1, log: console })
    await fails(again, 10)
    t.equal(again.up, true)
  }
  t.equal(guard.up, true)
})

t.test('one probe at a time, after 100 ms, then 200, 400 … 2000; it ends the outage', async (t) => {
  const all = setUp()
  all.behave('rejects')
  await fails(all.guard)
  for (const wait of [100, 200, 400, 800, 1600, 2000, 2000]) {
    await all.pass(wait - 1)
    const before = all.calls
    await fails(all.guard)
    t.equal(all.calls, before, `nothing before ${wait} ms`)
    await all.pass(1)
    await Promise.all([fails(all.guard, 1), fails(all.guard, 1), fails(all.guard, 1)])
    t.equal(all.calls, before + 1, `one probe after ${wait} ms`)
  }
  t.equal(all.lines.length, 1)
  all.behave('answers')
  await all.pass(2000)
  t.same(await all.guard.get('k'), Buffer.from('value'))
  t.equal(all.guard.up, true)
  t.equal(all.lines.length, 2)
  t.match(all.lines[1], /^info .*back after 9\.1 s; 45 operations/)
  await fails(all.guard, 2)
  t.equal(all.lines.length, 2)
})

t.test('what was sent before the outage does not end it', async (t) => {
  const all = setUp({ timeout: 0 })
  all.behave('hangs')
  const early = all.guard.get('early')
  all.behave('rejects')
  await fails(all.guard)
  t.equal(all.guard.up, false)
  all.pending[0]?.resolve(Buffer.from('x') as never)
  t.same(await early, Buffer.from('x'), 'its caller gets it')
  t.equal(all.guard.up, false)
})

t.test('a store with a ping is probed in the background, and no operation is spent on it', async (t) => {
  let there = false
  let pings = 0
  const states: boolean[] = []
  const all = setUp({ ping: async () => { pings++; if (!there) throw new Error('still down') }, onOutage: ({ down }) => { states.push(down) } })
  all.behave('rejects')
  await fails(all.guard)
  const { calls } = all
  for (const wait of [100, 200, 400]) {
    await all.pass(wait)
    await fails(all.guard)
  }
  t.equal(pings, 3)
  t.equal(all.calls, calls)
  there = true
  all.behave('answers')
  await all.pass(800)
  t.equal(all.guard.up, true)
  t.same(states, [true, false])
  t.equal(all.lines.length, 2)
})

t.test('a ping that hangs is given up and repeated', async (t) => {
  let pings = 0
  const all = setUp({ ping: () => { pings++; return new Promise(() => {}) } })
  all.behave('rejects')
  await fails(all.guard)
  for (const step of [100, 500, 200, 500, 400, 500]) await all.pass(step)
  t.equal(pings, 3)
})

t.test('failures and latencies are told', async (t) => {
  const failures: Error[] = []
  const latencies: number[] = []
  const all = setUp({ onError: (error) => { failures.push(error) }, onLatency: (ms) => { latencies.push(ms) } })
  await all.guard.get('k')
  all.behave('rejects')
  await fails(all.guard, 5)
  t.equal(failures.length, 3, 'not for what the breaker turned away')
  t.match(failures[0], { code: 'FST_CACHE_ERR_BACKEND', message: /connection lost/ })
  t.same(latencies, [0])
})

t.test('closing ends probes and operations', async (t) => {
  let closes = 0
  let pings = 0
  const all = setUp({ ping: async () => { pings++ } })
  all.store.close = () => { closes++ }
  all.behave('rejects')
  await fails(all.guard)
  await all.guard.close()
  await all.guard.close()
  await all.pass(5000)
  t.equal(closes, 1)
  t.equal(pings, 0)
  await t.rejects(Promise.resolve(all.guard.get('k')), { code: 'FST_CACHE_ERR_CLOSED' })
})
