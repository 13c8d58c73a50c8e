import { randomBytes } from 'node:crypto'
import t from 'tap'
import { eventually, openStore, startMemcacheds } from '../../helpers/memcached.ts'
import type { Memcached } from '../../helpers/memcached.ts'

const MEGABYTE = 1_048_576
const bytes = (text: string) => Buffer.from(text)

await t.test('spread over three servers', async (t) => {
  const servers = await startMemcacheds(3, { sasl: true, args: ['-m', '256'] })
  t.teardown(async () => { await Promise.all(servers.map(async (server) => await server.stop())) })
  const settings = { kind: 'spread', operationTimeout: 5000 } as const

  await t.test('a value of 30 MB, with each server killed in turn', async (t) => {
    const { store } = await openStore(servers, settings)
    const value = randomBytes(30 * MEGABYTE)
    t.equal(await store.set('test_large', value, 3_600_000), true)
    t.ok((await store.get('test_large'))?.equals(value))
    for (const server of servers) {
      await server.kill()
      t.equal(await store.get('test_large').catch(() => undefined), undefined, 'a miss, not a part of it')
      const stored = await store.set('test_large', value, 3_600_000).catch(() => 'its server is away')
      if (stored === true) t.ok((await store.get('test_large'))?.equals(value), 'shared out over those that are up')
      await server.restart()
      await eventually(async () => await store.set('test_large', value, 3_600_000).catch(() => false))
      // Which servers have the pieces depends on which were up: all are, before the next is killed.
      await eventually(async () => {
        await store.set('test_large', value, 3_600_000)
        return (await store.get('test_large'))?.equals(value) === true
      })
    }
    await store.close()
  })

  await t.test('small values stay one key; larger ones come back whole, at every edge', async (t) => {
    const { store } = await openStore(servers, { ...settings, options: { chunkSize: 1000, maxChunks: 20 } })
    for (const size of [0, 1, 999, 1000, 1001, 1999, 2000, 2001, 16_000, 16_001, 19_999, 20_000]) {
      const value = randomBytes(size)
      t.equal(await store.set('test_edge', value), true)
      t.ok((await store.get('test_edge'))?.equals(value), `${size} bytes`)
      t.equal(await store.add('test_edge', randomBytes(5000)), false)
      t.equal(await store.touch('test_edge', 3_600_000), true)
      t.equal(await store.deleteIf('test_edge', randomBytes(size + 1)), false)
      t.equal(await store.replaceIf('test_edge', value, bytes('short')), true)
      t.equal(await store.replaceIf('test_edge', bytes('short'), value), true)
      t.equal(await store.deleteIf('test_edge', value), true)
      t.equal(await store.add('test_edge', value), true)
      t.ok((await store.get('test_edge'))?.equals(value))
      t.equal(await store.delete('test_edge'), true)
      t.equal(await store.delete('test_edge'), false)
    }
    t.equal(store.maxValueBytes, 20_000)
    await store.set('test_edge', bytes('before'))
    t.equal(await store.set('test_edge', randomBytes(20_001)), false)
    t.equal(await store.get('test_edge'), undefined)
    await t.rejects(async () => {
      await store.set('test_edge', randomBytes(3000))
      await store.increment('test_edge', 1)
    }, { code: 'FST_CACHE_ERR_NOT_A_NUMBER' })
    await store.close()
  })

  await t.test('writers at the same time never mix; writes that are not awaited keep their order', async (t) => {
    const options = { chunkSize: 1000, maxChunks: 50 }
    const stores = await Promise.all([1, 2, 3].map(async () => (await openStore(servers, { ...settings, options })).store))
    const uniform = (letter: string, size: number) => Buffer.alloc(size, letter)
    const counts = { whole: 0, missed: 0, mixed: 0 }
    await Promise.all(stores.map(async (store, n) => {
      for (let round = 0; round < 60; round++) {
        const letter = String.fromCharCode(97 + (n * 60 + round) % 26)
        await store.set('test_race', uniform(letter, 5000 + 500 * ((n + round) % 20)))
        const value = await store.get('test_race')
        if (value === undefined) counts.missed++
        else counts[value.every((byte) => byte === value[0]) ? 'whole' : 'mixed']++
      }
    }))
    t.comment(`racing writers: ${JSON.stringify(counts)}`)
    t.equal(counts.mixed, 0)
    t.ok(counts.whole > counts.missed)
    const [one] = stores as [typeof stores[0]]
    for (let round = 0; round < 20; round++) {
      await Promise.all([one?.set('test_order', uniform('a', 9000)), one?.set('test_order', bytes('short')), one?.set('test_order', uniform('c', 30_000)), one?.delete('test_order'), one?.set('test_order', bytes('last'))])
      t.same(await one?.get('test_order'), bytes('last'))
    }
    await Promise.all(stores.map(async (store) => await store.close()))
  })
})

await t.test('pieces that nobody points to any more end by themselves; those known of are removed', async (t) => {
  const pieces: Array<{ extras: Buffer, op: number }> = []
  const { Pieces, LONGEST_LIFE } = await import('../../../lib/stores/memcached/pieces.ts')
  const { Items } = await import('../../../lib/stores/memcached/items.ts')
  const { createKeys } = await import('../../../lib/stores/memcached/keys.ts')
  const empty = Buffer.alloc(0)
  const items = new Items(async (_, request) => {
    pieces.push({ extras: request.extras ?? empty, op: request.op })
    return { op: request.op, status: 0, opaque: 0, cas: 1n, extras: empty, key: empty, value: empty }
  }, Date.now)
  const spread = new Pieces({ items, keys: createKeys('p_'), names: ['a:1'], place: () => 0, isUp: () => true, chunkSize: 100 })
  for (const [ttl, seconds] of [[60_000, 61], [1, 2], [undefined, LONGEST_LIFE / 1000], [1e15, LONGEST_LIFE / 1000]] as const) {
    pieces.length = 0
    const manifest = await spread.write(Buffer.alloc(950), ttl)
    t.equal(pieces.length, 10)
    for (const { extras } of pieces) {
      const expiry = extras.readUInt32BE(4)
      t.ok(expiry === seconds || (seconds > 1e6 && Math.abs(expiry - Date.now() / 1000 - seconds) < 60), `${expiry}`)
    }
    pieces.length = 0
    spread.drop(manifest as Buffer)
    await new Promise(setImmediate)
    t.equal(pieces.length, 10)
  }
})

await t.test('a value that was written with other servers is a miss', async (t) => {
  const servers = await startMemcacheds(2, { sasl: true })
  t.teardown(async () => { await Promise.all(servers.map(async (server: Memcached) => await server.stop())) })
  const { store } = await openStore(servers, { kind: 'spread' })
  const { store: less } = await openStore(servers.slice(0, 1), { kind: 'spread' })
  const keys = Array.from({ length: 8 }, (_, i) => `test_${i}`)
  for (const key of keys) t.equal(await store.set(key, Buffer.alloc(3_000_000)), true)
  for (const key of keys) t.equal(await less.get(key), undefined)
  await Promise.all([store.close(), less.close()])
})
