import t from 'tap'

import { Flights } from '../../lib/single-flight.ts'
import { bench, gate, settled } from '../helpers/functions.ts'

for (const immediate of [true, false]) {
  const where = immediate ? 'in memory' : 'far away'

  t.test(`one run at a time, ${where}`, async (t) => {
    t.test('concurrent misses run once, and nobody shares an object', async (t) => {
      const b = bench(immediate)
      const run = gate<object>()
      let runs = 0
      const load = b.cache.memoize(async function load (_id: number) { runs++; return await run.promise as { list: number[] } })
      const calls = Array.from({ length: 50 }, () => load(1))
      await settled()
      run.open({ list: [1] })
      const results = await Promise.all(calls)
      t.equal(runs, 1)
      t.equal(new Set(results).size, 50)
      for (const result of results) result.list.push(2)
      t.strictSame(await load(1), { list: [1] })
      t.equal(b.counts.coalesced, 49)
      t.equal(b.flights.size, 0)
    })

    t.test('different keys do not wait for each other', async (t) => {
      const b = bench(immediate)
      const gates = new Map([[1, gate<string>()], [2, gate<string>()]])
      const load = b.cache.memoize(async function load (id: number) { return gates.get(id)?.promise })
      const first = load(1)
      const second = load(2)
      gates.get(2)?.open('two')
      t.equal(await second, 'two')
      gates.get(1)?.open('one')
      t.equal(await first, 'one')
    })

    t.test('a failure is everybody\'s, and is not stored', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const run = gate<string>()
      const load = b.cache.memoize(async function load () { return ++runs === 1 ? await run.promise : 'well' })
      const calls = [load(), load(), load()]
      await settled()
      run.fail(new Error('sick'))
      for (const call of await Promise.allSettled(calls)) t.match(call, { status: 'rejected', reason: { message: 'sick' } })
      t.equal(runs, 1)
      t.equal(await load(), 'well')
      t.equal(b.flights.size, 0)
    })

    t.test('a throw at once is a rejection', async (t) => {
      const b = bench(immediate)
      const load = b.cache.memoize(function load (): number { throw new Error('at once') })
      await t.rejects(load(), { message: 'at once' })
      await t.rejects(b.cache.getOrSet('k', () => { throw new Error('at once') }), { message: 'at once' })
      t.equal(b.flights.size, 0)
    })

    t.test('an abort is the leader\'s alone; one of the others leads again', async (t) => {
      const b = bench(immediate)
      const runs: Array<ReturnType<typeof gate<string>>> = []
      const load = b.cache.memoize(async function load () { const run = gate<string>(); runs.push(run); return run.promise })
      const calls = Promise.allSettled([load(), load(), load()])
      await settled()
      runs[0]?.fail(Object.assign(new Error('gone'), { name: 'AbortError' }))
      await settled()
      t.equal(runs.length, 2, 'one leads again')
      runs[1]?.open('well')
      const [first, ...others] = await calls
      t.match(first, { status: 'rejected', reason: { name: 'AbortError' } })
      for (const other of others) t.strictSame(other, { status: 'fulfilled', value: 'well' })
      t.equal(await load(), 'well')
      t.equal(runs.length, 2, 'and has filled')
    })

    t.test('after two aborts the rest run side by side', async (t) => {
      const b = bench(immediate)
      const runs: Array<ReturnType<typeof gate<string>>> = []
      const load = b.cache.memoize(async function load () { const run = gate<string>(); runs.push(run); return run.promise })
      const calls = Promise.allSettled([load(), load(), load(), load()])
      const abort = Object.assign(new Error('gone'), { code: 'ABORT_ERR' })
      await settled()
      runs[0]?.fail(abort)
      await settled()
      runs[1]?.fail(abort)
      await settled()
      t.equal(runs.length, 4)
      runs[2]?.open('a')
      runs[3]?.open('b')
      t.strictSame((await calls).map(({ status }) => status).sort(), ['fulfilled', 'fulfilled', 'rejected', 'rejected'])
      t.equal(b.flights.size, 0)
    })

    t.test('a follower waits 5 s, then runs for itself, unstored', async (t) => {
      const b = bench(immediate)
      const slow = gate<string>()
      let runs = 0
      const load = b.cache.memoize(async function load () { return ++runs === 1 ? slow.promise : `run ${runs}` })
      const leader = load()
      const follower = load()
      await b.time.pass(4_999)
      t.equal(runs, 1)
      await b.time.pass(1)
      t.equal(await follower, 'run 2')
      t.equal(b.counts.store, 0)
      slow.open('slow')
      t.equal(await leader, 'slow')
      t.equal(await load(), 'slow')
      t.equal(b.time.pending, 0, 'no timer is left')
    })

    t.test('a bound of its own', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const never = gate<string>()
      const load = b.cache.memoize(async function load () { return ++runs === 1 ? never.promise : 'own' }, { coalesce: { timeout: 0.2 } })
      const leader = load()
      const follower = load()
      await b.time.pass(200)
      t.equal(await follower, 'own')
      never.open('late')
      await leader
    })

    t.test('a function that calls itself with the same key ends', async (t) => {
      const b = bench(immediate)
      let depth = 0
      const load = b.cache.memoize(async function load (): Promise<string> { return depth++ === 0 ? `outer of ${await load()}` : 'inner' })
      const call = load()
      await b.time.pass(5_000)
      t.equal(await call, 'outer of inner')
      t.equal(b.flights.size, 0)
    })

    t.test('coalesce: false', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const run = gate<string>()
      const load = b.cache.memoize(async function load () { runs++; return run.promise }, { coalesce: false })
      const calls = [load(), load()]
      await settled()
      run.open('x')
      t.strictSame(await Promise.all(calls), ['x', 'x'])
      t.equal(runs, 2)
      await load()
      t.equal(runs, 2, 'it is stored all the same')
    })

    t.test('a result that cannot be kept is returned, unstored, and said once', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const run = gate<void>()
      const load = b.cache.memoize(async function load () { runs++; await run.promise; return () => runs })
      const calls = [load(), load(), load()]
      await settled()
      run.open()
      for (const result of await Promise.all(calls)) t.type(result, 'function')
      t.equal(runs, 3)
      t.equal(b.logged.filter((line) => /memoize\(load\).*cannot keep/.test(line)).length, 1)
      t.equal(b.counts.store, 0)
    })

    t.test('a run that never ends does not hold its key for ever', async (t) => {
      const b = bench(immediate, { longestRun: 10_000 })
      let runs = 0
      const load = b.cache.memoize(async function load () { return ++runs === 1 ? new Promise<string>(() => {}) : `run ${runs}` })
      load()
      await b.time.pass(10_001)
      t.equal(await load(), 'run 2')
      t.equal(await load(), 'run 2')
    })
  })

  t.test(`purges and what is under way, ${where}`, async (t) => {
    t.test('a fill that began before a purge is not kept, and not joined after it', async (t) => {
      const b = bench(immediate)
      const runs: Array<ReturnType<typeof gate<string>>> = []
      const load = b.cache.memoize(async function load (_id: number) { const run = gate<string>(); runs.push(run); return run.promise }, { tags: ['users'] })
      for (const purge of [
        () => b.cache.deleteMemoized(load),
        () => b.cache.deleteMemoized(load, 1),
        () => load.deleteMemoized(1),
        () => b.cache.deleteMemoizedVerhash(load),
        async () => b.versioned.purge(['c:']),
        async () => b.versioned.purge(['t:s5:users'])
      ]) {
        runs.length = 0
        const before = load(1)
        await settled()
        await purge()
        const after = load(1)
        await settled()
        t.equal(runs.length, 2, 'the later call leads a run of its own')
        runs[0]?.open('old')
        t.equal(await before, 'old')
        runs[1]?.open('new')
        t.equal(await after, 'new')
        t.equal(await load(1), 'new')
        t.equal(runs.length, 2)
        await b.cache.deleteMemoized(load)
      }
    })

    t.test('the old run ends last: it does not overwrite', async (t) => {
      const b = bench(immediate)
      const runs: Array<ReturnType<typeof gate<string>>> = []
      const load = b.cache.memoize(async function load () { const run = gate<string>(); runs.push(run); return run.promise })
      const before = load()
      await settled()
      await b.cache.deleteMemoized(load)
      const after = load()
      await settled()
      runs[1]?.open('new')
      t.equal(await after, 'new')
      runs[0]?.open('old')
      t.equal(await before, 'old')
      t.equal(await load(), 'new')
    })

    t.test('a set during a getOrSet of the key wins over its fill', async (t) => {
      const b = bench(immediate)
      const run = gate<string>()
      const filling = b.cache.getOrSet('k', () => run.promise)
      await settled()
      b.versioned.putValue('p_v:k', 'set')
      t.equal(await b.cache.getOrSet('k', () => 'again'), 'set', 'a later call sees the set')
      run.open('filled')
      t.equal(await filling, 'filled')
      t.equal(await b.cache.getOrSet('k', () => 'again'), 'set')
    })

    t.test('a delete during a getOrSet of the key', async (t) => {
      const b = bench(immediate)
      const run = gate<string>()
      const filling = b.cache.getOrSet('k', () => run.promise)
      await settled()
      await b.versioned.remove('p_v:k')
      run.open('filled')
      await filling
      t.equal(await b.cache.getOrSet('k', () => 'again'), 'again')
    })
  })

  t.test(`past its lifetime, ${where}`, async (t) => {
    t.test('staleWhileRevalidate: at once, and one run behind', async (t) => {
      const b = bench(immediate)
      let runs = 0
      let run = gate<string>()
      const load = b.cache.memoize(async function load () { runs++; return run.promise }, { timeout: 10, staleWhileRevalidate: 20 })
      run.open('one')
      await load()
      await b.time.pass(10_000)
      run = gate()
      t.strictSame(await Promise.all([load(), load(), load()]), ['one', 'one', 'one'])
      await settled()
      t.equal(runs, 2)
      t.equal(b.counts.refresh, 1)
      t.equal(b.counts.stale, 3)
      run.open('two')
      await settled()
      t.equal(await load(), 'two')
      t.equal(runs, 2)
      t.equal(b.flights.size, 0)
      await b.time.pass(30_000)
      run = gate()
      run.open('three')
      t.equal(await load(), 'three', 'past the window it is a miss')
    })

    t.test('a failing refresh backs off, 1 s doubling to 30 s, keeps the entry, and rejects nowhere', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const load = b.cache.memoize(async function load () { if (++runs > 1) throw new Error('sick'); return 'kept' }, { timeout: 1, staleWhileRevalidate: 1_000 })
      await load()
      await b.time.pass(1_000)
      const at: number[] = []
      const start = b.time.now
      for (let second = 0; second < 130; second++) {
        const before = runs
        t.equal(await load(), 'kept')
        await settled()
        if (runs > before) at.push((b.time.now - start) / 1000)
        await b.time.pass(1_000)
      }
      t.strictSame(at, [0, 1, 3, 7, 15, 31, 61, 91, 121])
    })

    t.test('a refresh that never ends is given up, and its key free again', async (t) => {
      const b = bench(immediate, { longestRun: 5_000 })
      let runs = 0
      const load = b.cache.memoize(async function load () { return ++runs === 2 ? new Promise<string>(() => {}) : `run ${runs}` }, { timeout: 1, staleWhileRevalidate: 100 })
      await load()
      await b.time.pass(1_000)
      t.equal(await load(), 'run 1')
      await b.time.pass(5_000)
      t.equal(b.flights.size, 0)
      t.equal(await load(), 'run 1', 'it backs off')
      await b.time.pass(1_000)
      await load()
      await settled()
      t.equal(await load(), 'run 3')
    })

    t.test('a refresh that brings nothing to keep removes the entry', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const load = b.cache.memoize(async function load () { return ++runs === 1 ? 'one' : null }, { timeout: 1, staleWhileRevalidate: 100 })
      await load()
      await b.time.pass(1_000)
      t.equal(await load(), 'one')
      await settled()
      t.equal(await load(), null)
      t.equal(runs, 3)
    })

    t.test('a bound on refreshes: past it the entry is simply served', async (t) => {
      const b = bench(immediate, { mostRefreshes: 2 })
      let refreshes = 0
      let filled = false
      const load = b.cache.memoize(async function load (id: number) { if (filled) { refreshes++; await new Promise(() => {}) } return id }, { timeout: 1, staleWhileRevalidate: 100 })
      for (const id of [1, 2, 3, 4]) await load(id)
      filled = true
      await b.time.pass(1_000)
      for (const id of [1, 2, 3, 4]) t.equal(await load(id), id)
      await settled()
      t.equal(refreshes, 2)
    })

    t.test('staleIfError: for a throw, with a pause before the next try', async (t) => {
      const b = bench(immediate)
      let runs = 0
      let sick = false
      const load = b.cache.memoize(async function load () { runs++; if (sick) throw new Error('sick'); return `run ${runs}` }, { timeout: 10, staleIfError: 100 })
      await load()
      sick = true
      await b.time.pass(10_000)
      t.equal(await load(), 'run 1')
      t.equal(runs, 2)
      t.equal(await load(), 'run 1')
      t.equal(runs, 2, 'the sick is spared')
      await b.time.pass(1_000)
      sick = false
      t.equal(await load(), 'run 3')
      t.equal(await load(), 'run 3')
      sick = true
      await b.time.pass(110_001)
      await t.rejects(load(), { message: 'sick' }, 'past the window the error comes through')
    })

    t.test('softTimeout: waits so long, then the stale one, and the run fills', async (t) => {
      const b = bench(immediate)
      let runs = 0
      let run = gate<string>()
      const load = b.cache.memoize(async function load () { runs++; return run.promise }, { timeout: 10, staleIfError: 100, softTimeout: 2 })
      run.open('one')
      await load()
      run = gate()
      await b.time.pass(10_000)
      const slow = load()
      await b.time.pass(1_999)
      let done = false
      slow.then(() => { done = true })
      await settled()
      t.notOk(done)
      await b.time.pass(1)
      t.equal(await slow, 'one')
      run.open('two')
      await settled()
      t.equal(await load(), 'two')
      t.equal(runs, 2)
    })

    t.test('softTimeout waits for ever where nothing is at hand', async (t) => {
      const b = bench(immediate)
      const run = gate<string>()
      const load = b.cache.memoize(async function load () { return run.promise }, { staleIfError: 100, softTimeout: 2 })
      const call = load()
      await b.time.pass(4_000)
      run.open('one')
      t.equal(await call, 'one')
    })

    t.test('hardTimeout rejects; the run may still fill', async (t) => {
      const b = bench(immediate)
      const run = gate<string>()
      const load = b.cache.memoize(async function load () { return run.promise }, { hardTimeout: 1.5 })
      const calls = [load(), load()]
      const outcome = Promise.allSettled(calls)
      await b.time.pass(1_500)
      for (const call of await outcome) t.match(call, { status: 'rejected', reason: { code: 'FST_CACHE_ERR_HARD_TIMEOUT', message: /memoize\(load\).*1\.5 s/ } })
      run.open('late')
      await settled()
      t.equal(await load(), 'late')
    })

    t.test('hardTimeout, then a failure: rejected nowhere', async (t) => {
      const b = bench(immediate)
      const run = gate<string>()
      const load = b.cache.memoize(async function load () { return run.promise }, { hardTimeout: 1 })
      const call = load()
      const rejected = t.rejects(call, { code: 'FST_CACHE_ERR_HARD_TIMEOUT' })
      await b.time.pass(1_000)
      await rejected
      run.fail(new Error('late'))
      await settled()
      t.match(b.logged, [/nobody waited for/])
    })

    t.test('hardTimeout inside the staleIfError window: the stale one', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const load = b.cache.memoize(async function load () { return ++runs === 1 ? 'one' : new Promise<string>(() => {}) }, { timeout: 1, staleIfError: 100, hardTimeout: 2 })
      await load()
      await b.time.pass(1_000)
      const call = load()
      await b.time.pass(2_000)
      t.equal(await call, 'one')
    })

    t.test('eagerRefresh: past its share of the lifetime, in the background', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const load = b.cache.memoize(async function load () { return ++runs }, { timeout: 100, eagerRefresh: 0.8 })
      await load()
      await b.time.pass(79_999)
      t.equal(await load(), 1)
      await settled()
      t.equal(runs, 1)
      await b.time.pass(1)
      t.equal(await load(), 1)
      await settled()
      t.equal(runs, 2)
      t.equal(await load(), 2)
      t.equal(b.counts.stale, 0)
    })

    t.test('eagerRefresh never for what never expires', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const load = b.cache.memoize(async function load () { return ++runs }, { timeout: 0, eagerRefresh: 0.1 })
      await load()
      await b.time.pass(1e12)
      t.equal(await load(), 1)
      await settled()
      t.equal(runs, 1)
    })

    t.test('jitter shortens the lifetime, by up to its share', async (t) => {
      const b = bench(immediate, { random: () => 0.5 })
      let runs = 0
      const load = b.cache.memoize(async function load () { return ++runs }, { timeout: 100, jitter: 0.4 })
      await load()
      await b.time.pass(79_999)
      t.equal(await load(), 1)
      await b.time.pass(1)
      t.equal(await load(), 2)
    })

    t.test('what was made stale from outside is served by the windows, counted from then', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const load = b.cache.memoize(async function load () { return ++runs }, { timeout: 100, tags: ['x'], staleWhileRevalidate: 10 })
      await load()
      await b.time.pass(1_000)
      await b.versioned.soften(['t:s1:x'])
      await b.time.pass(1)
      t.equal(await load(), 1)
      await settled()
      t.equal(await load(), 2)
    })
  })

  t.test(`the backend fails, ${where}`, async (t) => {
    t.test('down: every call runs, once for those at the same time, and no error comes through', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const load = b.cache.memoize(async function load () { await settled(); return ++runs })
      b.backend.down = new Error('down')
      t.strictSame(await Promise.all([load(), load()]), [1, 1])
      t.strictSame(await load(), 2)
      t.ok(b.counts.error > 0)
      b.backend.down = undefined
      await load()
      t.equal(await load(), 3)
    })

    t.test('down between look-up and write', async (t) => {
      const b = bench(immediate)
      const run = gate<string>()
      const load = b.cache.memoize(async function load () { return run.promise })
      const call = load()
      await settled()
      b.backend.down = new Error('down')
      run.open('x')
      t.equal(await call, 'x')
      t.equal(b.counts.store, 0)
      t.equal(b.flights.size, 0)
    })

    t.test('a purge that fails rejects, unless errors are ignored', async (t) => {
      const b = bench(immediate)
      const load = b.cache.memoize(async function load (id: number) { return id })
      b.backend.down = new Error('down')
      await t.rejects(b.cache.deleteMemoized(load), { message: 'down' })
      await t.rejects(b.cache.deleteMemoized(load, 1), { message: 'down' })
      const ignoring = bench(immediate, { ignoreErrors: true })
      const other = ignoring.cache.memoize(async function load (id: number) { return id })
      ignoring.backend.down = new Error('down')
      await ignoring.cache.deleteMemoized(other)
      t.equal(ignoring.counts.error, 1)
      t.equal(ignoring.counts.invalidate, 0)
    })

    t.test('bytes that cannot be read are a miss', async (t) => {
      const b = bench(immediate)
      b.versioned.putValue('p_v:k', Buffer.from('rubbish'))
      t.strictSame(await b.cache.getOrSet('k', () => ({ a: 1 })), { a: 1 })
      t.strictSame(await b.cache.getOrSet('k', () => 'again'), { a: 1 })
    })
  })

  t.test(`closing, ${where}`, async (t) => {
    t.test('waits for the runs under way', async (t) => {
      const b = bench(immediate)
      const run = gate<string>()
      let runs = 0
      const load = b.cache.memoize(async function load () { return ++runs === 1 ? 'one' : run.promise }, { timeout: 1, staleWhileRevalidate: 100 })
      await load()
      await b.time.pass(1_000)
      await load()
      await settled()
      let closed = false
      const closing = b.cache.close().then(() => { closed = true })
      await settled()
      t.notOk(closed)
      run.open('two')
      await closing
      t.equal([...b.backend.entries.values()][0]?.payload, 'two', 'the refresh was stored')
    })

    t.test('but not for ever, and starts no refresh any more', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const load = b.cache.memoize(async function load () { return ++runs === 2 ? new Promise<string>(() => {}) : 'one' }, { timeout: 1, staleWhileRevalidate: 100 })
      await load()
      await b.time.pass(1_000)
      await load()
      const closing = b.cache.close()
      await b.time.pass(1_000)
      await closing
      t.equal(b.flights.size, 0)
      await b.time.pass(60_000)
      await load()
      await settled()
      t.equal(b.counts.refresh, 1)
      t.equal(b.time.pending, 0)
    })

    t.test('followers go on for themselves', async (t) => {
      const b = bench(immediate)
      let runs = 0
      const load = b.cache.memoize(async function load () { return ++runs === 1 ? new Promise<string>(() => {}) : 'own' })
      load()
      await settled()
      const follower = load()
      await settled()
      const closing = b.cache.close()
      await b.time.pass(1_000)
      await closing
      t.equal(await follower, 'own')
    })
  })
}

t.test('races of a backend that answers late', async (t) => {
  t.test('a look-up that missed before a flight wrote, and arrives after it', async (t) => {
    const b = bench(false)
    let runs = 0
    const load = b.cache.memoize(async function load () { return ++runs })
    const release = b.versioned.hold('lookup')
    const late = load()
    release()
    // The late one has not asked yet; give it an answer from before the flight.
    const answers: Array<() => void> = []
    const lookup = b.versioned.lookup.bind(b.versioned)
    b.versioned.lookup = async (key, names) => {
      const found = await lookup(key, names)
      if (answers.length === 0) await new Promise<void>((resolve) => answers.push(resolve))
      return found
    }
    const slow = load()
    await settled()
    t.equal(await late, 1)
    answers[0]?.()
    t.equal(await slow, 1)
    t.equal(runs, 1)
  })

  t.test('the flight stays until its write has settled: a second call finds the result', async (t) => {
    const b = bench(false)
    let runs = 0
    const load = b.cache.memoize(async function load () { return ++runs })
    const release = b.versioned.hold('write')
    const first = load()
    await settled()
    t.equal(runs, 1)
    const second = load()
    await settled()
    release()
    t.strictSame(await Promise.all([first, second]), [1, 1])
    t.equal(await load(), 1)
  })

  t.test('a purge in another process: not joined, not kept', async (t) => {
    const b = bench(false)
    const other = b.other()
    const runs: Array<ReturnType<typeof gate<string>>> = []
    const load = b.cache.memoize(async function load () { const run = gate<string>(); runs.push(run); return run.promise })
    const there = other.cache.memoize(async function load () { return 'there' })
    const before = load()
    await settled()
    await other.cache.deleteMemoized(there)
    const after = load()
    await settled()
    t.equal(runs.length, 2)
    runs[0]?.open('old')
    t.equal(await before, 'old')
    runs[1]?.open('new')
    t.equal(await after, 'new')
    t.equal(await load(), 'new')
    t.equal(await there(), 'new')
  })

  t.test('first calls that come while the versions are being made join all the same', async (t) => {
    const b = bench(false)
    let runs = 0
    const load = b.cache.memoize(async function load () { return ++runs })
    const release = b.versioned.hold('begin')
    const first = load()
    await settled()
    const second = load()
    await settled()
    release()
    t.strictSame(await Promise.all([first, second]), [1, 1])
  })
})

t.test('one process fills', async (t) => {
  t.test('the others wait for its entry', async (t) => {
    const a = bench(false)
    const run = gate<string>()
    let runs = 0
    const processes = [a, a.other(), a.other(), a.other()]
    const loads = processes.map((b) => b.cache.memoize(async function load () { runs++; return run.promise }, { lock: true }))
    const calls = loads.flatMap((load) => Array.from({ length: 25 }, () => load()))
    await a.time.pass(1_000)
    t.equal(runs, 1)
    run.open('x')
    await a.time.pass(400)
    t.strictSame(new Set(await Promise.all(calls)), new Set(['x']))
    t.equal(runs, 1)
    t.equal(processes.reduce((sum, b) => sum + b.counts.lockWait, 0), 3)
    t.equal(a.locks.held.size, 0)
    t.equal(a.time.pending, 0)
  })

  t.test('an owner that died delays nobody longer than the lock lives', async (t) => {
    const b = bench(false)
    await b.locks.acquire('p_f:s4:load0=', 2_000)
    const load = b.cache.memoize(async function load () { return 'x' }, { lock: { timeout: 2 } })
    t.equal(load.makeCacheKey(), 'p_f:s4:load0=')
    const call = load()
    await b.time.pass(1_900)
    t.equal(b.counts.store, 0)
    await b.time.pass(400)
    t.equal(await call, 'x')
    t.equal(b.counts.store, 1)
  })

  t.test('an owner that outlives its lock does not release the next one\'s', async (t) => {
    const a = bench(false)
    const b = a.other()
    const runs: Array<ReturnType<typeof gate<string>>> = []
    const [first, second] = [a, b].map((side) => side.cache.memoize(async function load () { const run = gate<string>(); runs.push(run); return run.promise }, { lock: { timeout: 1 } }))
    const one = first?.()
    await settled()
    const two = second?.()
    await a.time.pass(1_400)
    t.equal(runs.length, 2)
    const held = [...a.locks.held.values()][0]?.token
    runs[0]?.open('one')
    t.equal(await one, 'one')
    t.equal([...a.locks.held.values()][0]?.token, held)
    runs[1]?.open('two')
    await two
  })

  t.test('an owner that fails lets the next one try', async (t) => {
    const a = bench(false)
    const b = a.other()
    const run = gate<string>()
    const first = a.cache.memoize(async function load () { return run.promise }, { lock: true })
    const second = b.cache.memoize(async function load () { return 'second' }, { lock: true, name: 'load' })
    const one = first()
    await settled()
    const two = second()
    await settled()
    run.fail(new Error('sick'))
    await t.rejects(one, { message: 'sick' })
    await a.time.pass(300)
    t.equal(await two, 'second')
  })

  t.test('no locks to be had: it runs', async (t) => {
    const b = bench(false)
    b.locks.down = true
    const load = b.cache.memoize(async function load () { return 'x' }, { lock: true })
    t.equal(await load(), 'x')
    t.equal(b.counts.store, 1)
  })

  t.test('a refresh behind a lock that is held is another process\'s', async (t) => {
    const b = bench(false)
    let runs = 0
    const load = b.cache.memoize(async function load () { return ++runs }, { lock: true, timeout: 1, staleWhileRevalidate: 100 })
    await load()
    await b.time.pass(1_000)
    await b.locks.acquire(load.makeCacheKey(), 5_000)
    t.equal(await load(), 1)
    await settled()
    t.equal(runs, 1)
    t.equal(b.flights.size, 0)
  })
})

t.test('an older run that ends last does not write over a newer one', async (t) => {
  for (const immediate of [true, false]) {
    const b = bench(immediate, { longestRun: 5_000 })
    const runs: Array<ReturnType<typeof gate<string>>> = []
    const load = b.cache.memoize(async function load () { const run = gate<string>(); runs.push(run); return run.promise }, { timeout: 60, staleWhileRevalidate: 600 })
    const first = load()
    await b.time.pass(5_001)
    const second = load()
    await settled()
    runs[1]?.open('second')
    t.equal(await second, 'second')
    runs[0]?.open('first')
    t.equal(await first, 'first')
    t.equal(await load(), 'second')

    await b.time.pass(60_000)
    t.equal(await load(), 'second')
    await b.time.pass(5_000)
    t.equal(b.flights.size, 0, 'the refresh was given up')
    await b.time.pass(1_000)
    await load()
    await settled()
    runs[3]?.open('fourth')
    await settled()
    runs[2]?.open('third')
    await settled()
    t.equal(await load(), 'fourth')
  }
})

t.test('a refresh whose backend dies, or that throws at once, rejects nowhere', async (t) => {
  for (const immediate of [true, false]) {
    const b = bench(immediate)
    let sick = false
    const load = b.cache.memoize(function load () { if (sick) throw new Error('at once'); return 'x' }, { timeout: 10, eagerRefresh: 0.5, staleWhileRevalidate: 10 })
    const run = gate<string>()
    const values = () => b.cache.getOrSet('k', () => sick ? run.promise : 'y', { timeout: 10, eagerRefresh: 0.5 })
    t.strictSame([await load(), await values()], ['x', 'y'])
    sick = true
    await b.time.pass(6_000)
    t.strictSame([await load(), await values()], ['x', 'y'])
    await settled()
    b.backend.down = new Error('down')
    run.open('late')
    await settled()
    t.equal(b.counts.refresh, 2)
    t.equal(b.flights.size, 0)
  }
})

t.test('a function that calls itself thousands of levels deep', async (t) => {
  for (const immediate of [true, false]) {
    const b = bench(immediate)
    const total: (n: number) => Promise<number> = b.cache.memoize(async function sum (n: number): Promise<number> { return n === 0 ? 0 : n + await total(n - 1) })
    const depth = immediate ? 5_000 : 100
    t.equal(await total(depth), depth * (depth + 1) / 2)
    t.equal(b.counts.store, depth + 1)
  }
})

t.test('too many flights: runs go side by side', async (t) => {
  const b = bench(true, { flights: new Flights(1) })
  const runs = new Map<number, number>()
  const all = gate<void>()
  const load = b.cache.memoize(async function load (id: number) { runs.set(id, (runs.get(id) ?? 0) + 1); await all.promise; return id })
  const calls = [load(1), load(1), load(2), load(2)]
  all.open()
  t.strictSame(await Promise.all(calls), [1, 1, 2, 2])
  t.strictSame([...runs], [[1, 1], [2, 2]])
})
