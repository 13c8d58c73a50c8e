import t from 'tap'
import { startRedis } from '../../helpers/redis.ts'
import { bytes, lines, open } from './helpers.ts'

t.test('RedisCache on one server', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const store = await open({ port: server.port })
  t.teardown(() => store.close())

  t.test('what is written comes back byte for byte', async (t) => {
    const value = Buffer.from([0, 255, 13, 10, 36, 45, 49, 13, 10, 128])
    t.equal(await store.get('absent'), undefined)
    t.equal(await store.set('bytes', value), true)
    t.same(await store.get('bytes'), value)
    await store.set('empty', Buffer.alloc(0))
    t.same(await store.get('empty'), Buffer.alloc(0))
  })

  t.test('any text is a key of its own', async (t) => {
    const keys = ['a', 'A', ' a', 'a\n', 'a\r\nGET b', '../../a', '__proto__', 'constructor', 'ü', 'u\u0308', '\ud800', '\udfff', '\ufffd', '😀', '{a}b', '*', 'x'.repeat(10_000)]
    for (const key of keys) t.equal(await store.set(key, bytes(`value of ${key.slice(0, 20)}${key.length}`)), true)
    const values = await store.getMany(keys)
    for (const [i, key] of keys.entries()) {
      if (!/\p{Surrogate}/u.test(key)) t.equal(values[i]?.toString(), `value of ${key.slice(0, 20)}${key.length}`)
    }
    t.same(await store.deleteMany(keys), keys.map(() => true), 'each was there by itself')
  })

  t.test('lifetimes are milliseconds, rounded up, and capped where Redis would overflow', async (t) => {
    for (const [ttl, least, most] of [[1500, 1400, 1500], [0.2, -2, 1], [undefined, -1, -1], [Infinity, -1, -1], [1e300, 4e15, 5e15]] as const) {
      await store.set('ttl', bytes('x'), ttl)
      const left = Number(await server.cli('pttl', 'ttl'))
      t.ok(left >= least && left <= most, `${ttl} leaves ${left}`)
    }
  })

  t.test('add writes only where nothing is', async (t) => {
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => store.add('once', bytes(String(i)), 5000)))
    t.equal(results.filter(Boolean).length, 1)
    t.equal((await store.get('once'))?.toString(), String(results.indexOf(true)))
  })

  t.test('increment counts from 0, keeps a lifetime, and gives one only to a key that it creates', async (t) => {
    t.equal(await store.increment('n', 5, 60_000), 5)
    t.ok(Number(await server.cli('pttl', 'n')) > 50_000)
    await server.cli('pexpire', 'n', '20000')
    t.equal(await store.increment('n', -7, 60_000), -2)
    t.ok(Number(await server.cli('pttl', 'n')) <= 20_000, 'an existing key keeps its lifetime')
    t.equal(await store.increment('endless', 1), 1)
    t.equal(Number(await server.cli('pttl', 'endless')), -1)
    await store.set('endless-2', bytes('3'))
    t.equal(await store.increment('endless-2', 1, 1000), 4)
    t.equal(Number(await server.cli('pttl', 'endless-2')), -1)
    t.equal(await store.increment('big', 2 ** 52), 2 ** 52)
    t.equal(await store.increment('big2', -(2 ** 52), 1000), -(2 ** 52))
    const sums = await Promise.all(Array.from({ length: 50 }, () => store.increment('race', 1, 5000)))
    t.same(sums.sort((a, b) => a - b), Array.from({ length: 50 }, (_, i) => i + 1))
    for (const value of ['', 'abc', '1.5', ' 1', '9999999999999999999']) {
      await store.set('text', bytes(value))
      await t.rejects(store.increment('text', 1, 1000), { code: 'FST_CACHE_ERR_NOT_A_NUMBER' })
      await t.rejects(store.increment('text', 1), { code: 'FST_CACHE_ERR_NOT_A_NUMBER' })
      t.equal((await store.get('text'))?.toString(), value)
    }
  })

  t.test('deleteIf, replaceIf and touch act only on what they were meant for', async (t) => {
    await store.set('lock', bytes('mine'), 60_000)
    t.equal(await store.deleteIf('lock', bytes('yours')), false)
    t.equal(await store.replaceIf('lock', bytes('yours'), bytes('x')), false)
    t.equal(await store.replaceIf('lock', bytes('mine'), bytes('still mine'), 30_000), true)
    t.ok(Number(await server.cli('pttl', 'lock')) <= 30_000)
    t.equal(await store.touch('lock', 10_000), true)
    t.ok(Number(await server.cli('pttl', 'lock')) > 20_000, 'never shortened')
    t.equal(await store.touch('lock', 90_000), true)
    t.ok(Number(await server.cli('pttl', 'lock')) > 80_000)
    t.equal(await store.touch('lock'), true)
    t.equal(await server.cli('pttl', 'lock'), '-1')
    t.equal(await store.touch('lock', 10_000), true)
    t.equal(await server.cli('pttl', 'lock'), '-1')
    t.equal(await store.touch('nothing', 10_000), false)
    t.equal(await store.deleteIf('lock', bytes('still mine')), true)
    t.equal(await store.has('lock'), false)
    t.equal(await store.deleteIf('lock', bytes('still mine')), false)
    t.equal(await store.replaceIf('lock', bytes('still mine'), bytes('x')), false)
  })

  t.test('scripts are sent again to a server that has forgotten them', async (t) => {
    await server.cli('script', 'flush')
    t.equal(await store.increment('forgotten', 2, 5000), 2)
    await server.cli('script', 'flush')
    await store.set('forgotten-lock', bytes('mine'))
    t.equal(await store.deleteIf('forgotten-lock', bytes('mine')), true)
  })

  t.test('keys of another kind of value are a miss, not a fault', async (t) => {
    await server.cli('rpush', 'list', 'a')
    t.equal(await store.get('list'), undefined)
    t.same(await store.getMany(['list', 'bytes']), [undefined, await store.get('bytes')])
    t.equal(await store.deleteIf('list', bytes('a')), false)
    await t.rejects(store.increment('list', 1), { code: 'FST_CACHE_ERR_NOT_A_NUMBER' })
    t.equal(await store.set('list', bytes('x')), true)
  })

  t.test('removing by prefix takes the prefix literally', async (t) => {
    const mine = 'c[ab]*?\\^-:'
    const foreign = ['ca1', 'cb2', 'c[ab]', 'c[ab]x', 'C[AB]*?\\^-:1', 'shop_eu:1']
    await store.setMany([...foreign, 'shop:1', ...Array.from({ length: 2500 }, (_, i) => `${mine}${i}`)].map((key) => [key, bytes('x')]))
    t.equal(await store.deleteByPrefix(mine), 2500)
    t.same(await store.getMany(foreign), foreign.map(() => bytes('x')))
    t.equal(await store.clear('shop:'), true)
    t.equal(await store.has('shop:1'), false)
    t.equal(await store.has('shop_eu:1'), true)
    t.equal(await store.deleteByPrefix('nothing'), 0)
  })

  t.test('the reads of one turn are one command, and equal keys are asked once', async (t) => {
    await store.setMany([['r1', bytes('1')], ['r2', bytes('2')]], 60_000)
    await server.cli('config', 'resetstat')
    const [a, b, many] = await Promise.all([store.get('r1'), store.get('r2'), store.getMany(['r1', 'r2', 'r3', 'r1']), store.get('r1')])
    t.equal(a?.toString(), '1')
    t.equal(b?.toString(), '2')
    t.same(many?.map(String), ['1', '2', 'undefined', '1'])
    t.match(await server.cli('info', 'commandstats'), /cmdstat_mget:calls=1,/)
    t.match(await server.cli('info', 'stats'), /keyspace_hits:2\r?\nkeyspace_misses:1/)
  })

  t.test('more keys than one command takes', async (t) => {
    const keys = Array.from({ length: 1200 }, (_, i) => `many${i}`)
    t.same(await store.setMany(keys.map((key) => [key, bytes(key)])), keys.map(() => true))
    t.same((await store.getMany(keys)).map(String), keys)
    t.same(await store.getMany([]), [])
    t.same(await store.setMany([]), [])
    t.same(await store.deleteMany([...keys, 'not there']), [...keys.map(() => true), false])
  })
})

t.test('a server that is full refuses, keeps answering, and what was to be replaced is gone', async (t) => {
  const server = await startRedis({ conf: ['maxmemory 3mb', 'maxmemory-policy noeviction'] })
  t.teardown(() => server.stop())
  const log = lines()
  const store = await open({ port: server.port, log })
  t.teardown(() => store.close())
  const value = Buffer.alloc(100_000, 1)
  await store.set('old', bytes('old'))
  await store.set('lock', bytes('mine'))
  let stored = true
  for (let i = 0; stored && i < 100; i++) stored = await store.set(`fill${i}`, value)
  t.equal(stored, false)
  t.equal(await store.set('old', value), false)
  t.equal(await store.get('old'), undefined)
  t.same(await store.get('fill0'), value, 'reads still hit')
  t.same(await store.setMany([['a', value], ['b', value]]), [false, false])
  await t.rejects(store.add('c', value), { code: 'FST_CACHE_ERR_BACKEND' })
  await server.cli('config', 'set', 'maxmemory', '1')
  await t.rejects(store.increment('n', 1, 1000), { code: 'FST_CACHE_ERR_BACKEND', message: /OOM/ })
  t.equal(await store.deleteIf('lock', bytes('mine')), true, 'a lock is released')
  t.equal(log.lines.filter((line) => /OOM/.test(line)).length, 1, 'said once')
  t.equal(await store.delete('fill0'), true)
})
