import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import { eventually, openStore, startMemcached } from '../../helpers/memcached.ts'
import { startProxy } from '../../helpers/memcached-proxy.ts'
import type { Outcome } from '../../helpers/memcached-proxy.ts'

/** Longer than any answer takes, also on a machine that stands still for seconds: an operation has at most three deadlines in a row. */
const HUNG = 15_000
const DEADLINE = 200
const AT_A_TIME = 40
const KEYS = ['test_a', 'test_bb', 'test_ccc']
const valueOf = (key: string) => Buffer.from(`value of ${key}`)

type Fault = (stream: Buffer, at: number, frames: Buffer[]) => Outcome

/** What a network, a broken proxy or a broken server can do to the replies of one turn, at each of their bytes. */
const FAULTS: Record<string, Fault> = {
  cut: (stream, at) => [stream.subarray(0, at), 'cut'],
  'silent from there on': (stream, at) => [stream.subarray(0, at), 'mute'],
  'late from there on': (stream, at) => [stream.subarray(0, at), { wait: DEADLINE + 50 }, stream.subarray(at)],
  'one bit altered': (stream, at) => [altered(stream, at, 1 << (at % 8))],
  'one byte altered': (stream, at) => [altered(stream, at, 0xff)],
  'one byte lost': (stream, at) => [stream.subarray(0, at), stream.subarray(at + 1)],
  'one byte more': (stream, at) => [stream.subarray(0, at), Buffer.from([at]), stream.subarray(at)],
  'the rest twice': (stream, at) => [stream, stream.subarray(at)],
  'two pieces': (stream, at) => [stream.subarray(0, at), { wait: 1 }, stream.subarray(at)]
}

/** What can happen to whole frames. */
const SHUFFLES: Record<string, (frames: Buffer[], i: number) => Outcome> = {
  reversed: (frames) => [...frames].reverse(),
  'one twice': (frames, i) => frames.flatMap((frame, n) => n === i ? [frame, frame] : [frame]),
  'one lost': (frames, i) => frames.filter((_, n) => n !== i),
  'one for another': (frames, i) => frames.map((frame, n) => n === i ? frames[(i + 1) % frames.length] as Buffer : frame),
  'one late, behind the others': (frames, i) => [...frames.filter((_, n) => n !== i), { wait: DEADLINE + 50 }, frames[i] as Buffer],
  'numbers exchanged': (frames, i) => frames.map((frame, n) => n === i ? renumbered(frame, frames[(i + 1) % frames.length] as Buffer) : n === (i + 1) % frames.length ? renumbered(frame, frames[i] as Buffer) : frame)
}

function altered (stream: Buffer, at: number, bits: number): Buffer {
  const copy = Buffer.from(stream)
  copy[at] = (copy[at] as number) ^ bits
  return copy
}

/** With the opaque of another reply. */
function renumbered (frame: Buffer, other: Buffer): Buffer {
  return Buffer.concat([frame.subarray(0, 12), other.subarray(12, 16), frame.subarray(16)])
}

await t.test('replies with faults at every byte: never a wrong value, never a hang, always a recovery', { timeout: 120_000 }, async (t) => {
  const server = await startMemcached()
  t.teardown(async () => { await server.stop() })
  const counts = { cases: 0, right: 0, missed: 0, failed: 0, wrong: 0, hung: 0, unrecovered: 0 }

  async function lane (cases: Array<(frames: Buffer[]) => Outcome>): Promise<void> {
    const proxy = await startProxy(server)
    const { store } = await openStore([proxy.server], { operationTimeout: DEADLINE, options: { conntimeout: 0.3 } })
    for (let fault = cases.pop(); fault !== undefined; fault = cases.pop()) {
      counts.cases++
      let used = false
      // The first turn with a reply to a read of ours; the marks may be asked for in front of it.
      proxy.script = (frames) => {
        if (used || frames.length < KEYS.length) return undefined
        used = true
        return (fault as (frames: Buffer[]) => Outcome)(frames)
      }
      await Promise.all(KEYS.map(async (key) => {
        const outcome = await Promise.race([store.get(key).then((value) => ({ value }), () => 'failed' as const), sleep(HUNG, 'hung' as const, { ref: false })])
        if (outcome === 'hung' || outcome === 'failed') counts[outcome]++
        else if (outcome.value === undefined) counts.missed++
        else counts[outcome.value.equals(valueOf(key)) ? 'right' : 'wrong']++
      }))
      proxy.script = undefined
      await eventually(async () => {
        const values = await store.getMany(KEYS).catch(() => [])
        return values.length === KEYS.length && values.every((value, i) => value?.equals(valueOf(KEYS[i] as string)))
      }).catch(() => { counts.unrecovered++ })
    }
    await store.close()
    await proxy.close()
  }

  const { store } = await openStore([server])
  for (const key of KEYS) await store.set(key, valueOf(key))
  const size = KEYS.reduce((sum, key) => sum + 24 + 4 + key.length + 7 + valueOf(key).length, 0)
  const cases: Array<(frames: Buffer[]) => Outcome> = []
  for (const fault of Object.values(FAULTS)) {
    // Each byte of the first reply and of the last, and every third between them; silence costs seconds, so fewer of it.
    const step = fault === FAULTS['silent from there on'] ? 23 : 1
    for (let at = 0; at < size; at += step) cases.push((frames) => fault(Buffer.concat(frames), Math.min(at, Buffer.concat(frames).length - 1), frames))
  }
  for (const shuffle of Object.values(SHUFFLES)) for (let i = 0; i < KEYS.length; i++) cases.push((frames) => shuffle(frames, i))
  await Promise.all(Array.from({ length: AT_A_TIME }, async () => { await lane(cases) }))
  await store.close()
  t.comment(`faults in replies: ${JSON.stringify(counts)}`)
  t.match(counts, { wrong: 0, hung: 0, unrecovered: 0 })
  t.ok(counts.right > counts.cases, 'most reads are answered')
})

await t.test('a proxy that delays every third reply: own value or miss', async (t) => {
  const server = await startMemcached()
  const proxy = await startProxy(server)
  t.teardown(async () => { await proxy.close(); await server.stop() })
  const keys = Array.from({ length: 2000 }, (_, i) => `test_late_${i}`)
  const { store: direct } = await openStore([server])
  await direct.setMany(keys.map((key) => [key, valueOf(key)]))
  const { store } = await openStore([proxy.server], { operationTimeout: 2000 })
  let count = 0
  // Out of order: the others go ahead, each third comes when the deadline is over.
  proxy.script = (frames) => frames.map((frame) => ++count % 3 === 0 ? { after: 2400, bytes: frame } : frame)
  const counts = { own: 0, missed: 0, wrong: 0 }
  await Promise.all(keys.map(async (key) => {
    const value = await store.get(key).catch(() => undefined)
    counts[value === undefined ? 'missed' : value.equals(valueOf(key)) ? 'own' : 'wrong']++
  }))
  t.comment(`every third reply late: ${JSON.stringify(counts)}`)
  t.equal(counts.wrong, 0)
  t.equal(counts.own + counts.missed, 2000)
  t.ok(counts.own > 1000, 'the others are not concerned')
  proxy.script = undefined
  await eventually(async () => (await store.get(keys[0] as string).catch(() => undefined))?.equals(valueOf(keys[0] as string)) === true)
  await Promise.all([store.close(), direct.close()])
})
