import { connect } from 'node:net'
import t from 'tap'
import { createPlacement } from '../../../lib/stores/memcached/placement.ts'
import { eventually, openStore, startMemcached, startMemcacheds } from '../../helpers/memcached.ts'
import type { Memcached, MemcachedOptions } from '../../helpers/memcached.ts'

const bytes = (text: string) => Buffer.from(text)
interface Tap { teardown (run: () => unknown): void }

async function servers (t: Tap, count: number, options: MemcachedOptions = {}): Promise<Memcached[]> {
  const started = await startMemcacheds(count, options)
  t.teardown(async () => { await Promise.all(started.map(async (server) => await server.stop())) })
  return started
}

/** What a plain memcached has, by the text protocol: key → seconds left, -1 = for ever. */
async function dump (server: Memcached): Promise<Map<string, number>> {
  const text = await new Promise<string>((resolve) => {
    let all = ''
    const socket = connect(server.port, '127.0.0.1', () => { socket.write('lru_crawler metadump all\r\n') })
    socket.on('data', (data) => {
      all += String(data)
      if (all.endsWith('END\r\n')) { resolve(all); socket.destroy() }
    })
  })
  const now = Date.now() / 1000
  return new Map(text.split('\n').flatMap((line) => {
    const found = /^key=(\S+) exp=(-?\d+)/.exec(line)
    return found === null ? [] : [[decodeURIComponent(found[1] as string), found[2] === '-1' ? -1 : Number(found[2]) - now] as const]
  }))
}

await t.test('lifetimes as the server has them', async (t) => {
  const begun = Date.now()
  const [server] = await servers(t, 1) as [Memcached]
  const { store } = await openStore([server])
  const lives = { week: 604_800, month: 2_592_000, 'month and a second': 2_592_001, year: 31_536_000 }
  for (const [name, seconds] of Object.entries(lives)) {
    await store.set(`test_set:${seconds}`, bytes('value'), seconds * 1000)
    await store.add(`test_add:${seconds}`, bytes('value'), seconds * 1000)
    await store.setMany([[`test_many:${seconds}`, bytes('value')]], seconds * 1000)
    await store.increment(`test_inc:${seconds}`, 1, seconds * 1000)
    await store.set(`test_touch:${seconds}`, bytes('value'), 60_000)
    t.equal(await store.touch(`test_touch:${seconds}`, seconds * 1000), true, name)
  }
  await store.set('test_ever:', bytes('value'))
  await store.set('test_past 2106:', bytes('value'), 4e12)
  t.same(await store.get('test_past 2106:'), bytes('value'))
  const held = await dump(server)
  const passed = (Date.now() - begun) / 1000
  for (const [key, left] of held) {
    const seconds = Number(/:(\d+)$/.exec(key)?.[1])
    if (Number.isNaN(seconds)) continue
    t.ok(left > seconds - 3 - passed && left <= seconds + 4, `${key} has ${left} s left`)
  }
  t.equal([...held].filter(([key]) => /:\d+$/.test(key)).length, 20)
  t.equal([...held].find(([key]) => key.endsWith(':ever:'))?.[1], -1)
  t.ok([...held.keys()].every((key) => key.startsWith('test_')), 'every name begins with the prefix')
  await store.close()
})

await t.test('a lifetime is exact to the millisecond, though those of memcached are not', async (t) => {
  const [server] = await servers(t, 1) as [Memcached]
  let now = Date.now()
  const { store } = await openStore([server], { now: () => now })
  for (let i = 0; i < 20; i++) {
    await store.set(`test_${i}`, bytes('value'), 60_000)
    now += 37
  }
  now += 59_999 - 20 * 37
  t.ok((await store.getMany(Array.from({ length: 20 }, (_, i) => `test_${i}`))).every((value) => value !== undefined))
  t.ok(await store.has('test_0'))
  now += 1
  t.equal(await store.has('test_0'), false)
  t.ok(await store.has('test_1'))
  now += 19 * 37
  t.ok((await store.getMany(Array.from({ length: 20 }, (_, i) => `test_${i}`))).every((value) => value === undefined))
  t.equal(await store.has('test_0'), false)
  t.equal(await store.deleteIf('test_0', bytes('value')), false)
  t.equal(await store.touch('test_0', 1000), false)
  t.equal(await store.set('test_0', bytes('value'), 0), true)
  t.equal(await store.get('test_0'), undefined, 'nothing is not for ever')
  await store.close()
})

await t.test('a counter keeps its lifetime, and memcached itself ends it', async (t) => {
  const [server] = await servers(t, 1) as [Memcached]
  const { store } = await openStore([server])
  await store.increment('test_short', -5, 1)
  await store.increment('test_long', 1, 100_000)
  for (let i = 0; i < 5; i++) await store.increment('test_long', -1, 5_000_000)
  const left = [...await dump(server)].find(([key]) => key.endsWith(':long'))?.[1] as number
  t.ok(left > 60 && left < 105, `${left} s left`)
  await eventually(async () => ![...(await dump(server)).keys()].some((key) => key.endsWith(':short')))
  t.equal(await store.increment('test_short', 3), 3)
  await store.close()
})

await t.test('too large: refused once in the log, and what it superseded is gone', async (t) => {
  const [server] = await servers(t, 1) as [Memcached]
  const { store, logged } = await openStore([server])
  const fits = Buffer.alloc(store.maxValueBytes, 7)
  t.equal(await store.set('test_key', fits), true)
  t.ok((await store.get('test_key'))?.equals(fits))
  t.equal(await store.set('test_key', Buffer.alloc(store.maxValueBytes + 1)), false)
  t.equal(await store.get('test_key'), undefined)
  t.equal(await store.add('test_key', Buffer.alloc(5_000_000)), false)
  t.equal(logged.length, 1)
  t.match(logged[0]?.message, /a value of \d+ bytes is not stored/)
  await store.close()
  const { store: boasting, logged: complaints } = await openStore([server], { options: { maxItemSize: 4_000_000 } })
  await boasting.set('test_key', bytes('old'))
  t.equal(await boasting.set('test_key', Buffer.alloc(3_000_000)), false, 'the server itself refuses')
  t.equal(await boasting.get('test_key'), undefined)
  t.match(complaints[0]?.message, /memcached refused it/)
  await boasting.close()
})

await t.test('a larger item size, where the server has it', async (t) => {
  const [server] = await servers(t, 1, { args: ['-I', '4m'] }) as [Memcached]
  const { store } = await openStore([server], { options: { maxItemSize: 4 * 1024 * 1024 } })
  const value = Buffer.alloc(3_500_000, 'x')
  t.equal(await store.set('test_key', value), true)
  t.ok((await store.get('test_key'))?.equals(value))
  await store.close()
})

await t.test('clear: this prefix only, at once, in another process too', async (t) => {
  const three = await servers(t, 3)
  const { store } = await openStore(three)
  const { store: other } = await openStore(three)
  const { store: foreign } = await openStore(three, { prefix: 'test_eu_' })
  const keys = Array.from({ length: 30 }, (_, i) => `test_${i}`)
  await store.setMany(keys.map((key) => [key, bytes('value')]))
  await foreign.set('test_eu_key', bytes('value'))
  t.ok((await other.getMany(keys)).every((value) => value !== undefined))
  t.equal(await store.clear('test_'), true)
  t.ok((await store.getMany(keys)).every((value) => value === undefined))
  t.ok((await other.getMany(keys)).every((value) => value === undefined))
  t.same(await foreign.get('test_eu_key'), bytes('value'))
  await Promise.all([store, other, foreign].map(async (one) => await one.close()))
})

await t.test('clear: what another process writes or deletes right after it goes where it belongs', async (t) => {
  const [server] = await servers(t, 1) as [Memcached]
  const { store: one } = await openStore([server])
  const { store: two } = await openStore([server])
  for (let round = 0; round < 20; round++) {
    await two.set('test_key', bytes('before'))
    await one.clear('test_')
    t.equal(await one.add('test_lock', bytes('one')), true)
    t.equal(await two.add('test_lock', bytes('two')), false, 'a lock holds for who has not yet seen the clear')
    await two.set('test_key', bytes('after'))
    t.same(await one.get('test_key'), bytes('after'))
    await one.set('test_gone', bytes('value'))
    t.equal(await two.delete('test_gone'), true)
    t.equal(await one.get('test_gone'), undefined)
    await one.increment('test_count', 1)
    t.equal(await two.increment('test_count', 1), 2)
  }
  await Promise.all([one.close(), two.close()])
})

await t.test('clear while a server is down: rejects, and holds when the server is back', async (t) => {
  const three = await servers(t, 3)
  const { store: writer } = await openStore(three)
  const { store } = await openStore(three, { operationTimeout: 200 })
  const keys = Array.from({ length: 30 }, (_, i) => `test_${i}`)
  await writer.setMany(keys.map((key) => [key, bytes('value')]))
  three[1]?.freeze()
  await t.rejects(store.clear('test_'))
  three[1]?.thaw()
  await eventually(async () => await store.set('test_probe', bytes('x')).then(() => true, () => false))
  for (const key of keys) t.equal(await store.get(key).catch(() => undefined), undefined)
  await eventually(async () => await store.clear('test_').catch(() => false))
  t.ok((await writer.getMany(keys)).every((value) => value === undefined))
  await Promise.all([writer.close(), store.close()])
})

await t.test('reads of one turn share a request, and see the writes before them', async (t) => {
  const [server] = await servers(t, 1) as [Memcached]
  const { store } = await openStore([server])
  await store.set('test_key', bytes('one'))
  const results = await Promise.all([store.get('test_key'), store.get('test_key'), store.set('test_key', bytes('two')), store.get('test_key')])
  t.equal(results[0], results[1], 'the same Buffer')
  t.same(results[3], bytes('two'))
  await store.close()
})

await t.test('a full server: no error, no wrong value', async (t) => {
  const [server] = await servers(t, 1, { args: ['-m', '2'] }) as [Memcached]
  const { store } = await openStore([server], { operationTimeout: 2000 })
  const value = (i: number) => Buffer.alloc(50_000, `value ${i} `)
  for (let i = 0; i < 300; i += 20) await store.setMany(Array.from({ length: 20 }, (_, n) => [`test_${i + n}`, value(i + n)] as const))
  const got = await store.getMany(Array.from({ length: 300 }, (_, i) => `test_${i}`))
  t.ok(got.every((found, i) => found === undefined || found.equals(value(i))))
  t.ok(got.some((found) => found === undefined))
  await store.close()
})

await t.test('one of three away: its keys are misses at once, their deletes reject, the others go on, nothing old comes back', async (t) => {
  const three = await servers(t, 3)
  const { store, logged } = await openStore(three)
  const place = createPlacement(three.map(({ server }) => server))
  const keys = Array.from({ length: 60 }, (_, i) => `test_${i}`)
  const dead = keys.filter((key) => place(key) === 0)
  await store.setMany(keys.map((key) => [key, bytes(`old ${key}`)]))
  await three[0]?.kill()
  await eventually(() => logged.length > 0)
  const values = await store.getMany(keys)
  t.same(values.map((value) => value !== undefined), keys.map((key) => !dead.includes(key)))
  t.equal(await store.get(dead[0] as string), undefined)
  await t.rejects(store.delete(dead[0] as string), { code: 'FST_CACHE_ERR_BACKEND_DOWN' })
  await t.rejects(store.set(dead[0] as string, bytes('new')), { code: 'FST_CACHE_ERR_BACKEND_DOWN' })
  const half = await store.deleteMany(keys).then(() => undefined, (error: Error & { deleted?: string[] }) => error)
  t.same(half?.deleted, keys.filter((key) => !dead.includes(key)))
  await store.ping()
  await three[0]?.restart()
  await eventually(async () => await store.set(dead[0] as string, bytes('new')).catch(() => false))
  t.same(await store.get(dead[0] as string), bytes('new'))
  t.same(logged.map(({ level, details }) => [level, details['server']]), [['warn', three[0]?.server], ['info', three[0]?.server]])
  await store.close()
})

await t.test('the names of a prefix that memcached cannot show', async (t) => {
  const server = await startMemcached()
  t.teardown(async () => { await server.stop() })
  for (const prefix of ['with space ', 'ü', '\ud800', 'x'.repeat(300)]) {
    const { store } = await openStore([server], { prefix })
    t.equal(await store.set(`${prefix}key`, bytes(prefix.slice(0, 5))), true)
    t.same(await store.get(`${prefix}key`), bytes(prefix.slice(0, 5)))
    t.equal(await store.clear(prefix), true)
    t.equal(await store.get(`${prefix}key`), undefined)
    await store.close()
  }
})
