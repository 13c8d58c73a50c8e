import t from 'tap'
import { whenHeardFor } from '../../lib/stores/deadline.ts'
import { Exchange } from '../../lib/stores/memcached/exchange.ts'
import { frame, OP } from '../../lib/stores/memcached/protocol.ts'
import { startRedis } from '../helpers/redis.ts'
import { bytes, open } from './redis/helpers.ts'

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** The application computes something, and nothing else happens in this process. */
const block = (ms: number) => { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms) }

t.test('a wait goes on where the process has stood still for longer than all of it', async (t) => {
  let over = false
  const end = new Promise<void>((resolve) => { whenHeardFor(80, () => { over = true; resolve() }) })
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(alive))
  block(100)
  // As many turns as there are slices, less two, cannot use it up, however long each takes
  for (let i = 0; i < 6; i++) await turn()
  t.equal(over, false)
  await end
})

t.test('a wait that was ended does not come to its end', async (t) => {
  let over = 0
  const ends = [whenHeardFor(16, () => { over++ }), whenHeardFor(1, () => { over++ })]
  ends[0]!()
  block(5)
  ends[1]!()
  await new Promise<void>((resolve) => {
    whenHeardFor(40, resolve)
    const alive = setInterval(() => {}, 5)
    t.teardown(() => clearInterval(alive))
  })
  t.equal(over, 0)
})

t.test('memcached: an answer that has come while the process stood still is taken', async (t) => {
  const exchange = new Exchange(20, () => { t.fail('no request is late') })
  const request = frame({ op: OP.noop }, 7)
  const answered = new Promise((resolve, reject) => { exchange.add(request, { respond: resolve, fail: reject }) })
  const empty = Buffer.alloc(0)
  // Where the socket is read: behind the timers
  setImmediate(() => exchange.accept({ op: OP.noop, status: 0, opaque: 7, cas: 0n, extras: empty, key: empty, value: empty }))
  block(50)
  t.match(await answered, { opaque: 7 })
})

t.test('Redis: a start that is held up by other work of the process', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  for (const turns of [0, 1, 2, 3, 5]) {
    const opening = open({ port: server.port })
    for (let i = 0; i < turns; i++) await turn()
    block(1500)
    const store = await opening
    t.equal(await store.set('k', bytes('v')), true, `after ${turns} turns`)
    await store.close()
  }
})
