import assert from 'node:assert/strict'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Store } from './store.ts'

/** What one check works on. Made anew, and empty, for each. */
export interface ContractSubject {
  readonly store: Store
  close (): unknown
  /** A second connection to the same data, as another process has. Without it the checks between processes are left out. */
  another? (): Promise<Store> | Store
  /** Moves the store's clock. Without it the suite waits in real time, with the shortest lifetimes that `ttlResolutionMs` allows. */
  advance? (ms: number): void | Promise<void>
  /** How exactly the backend expires, ms. Default 1; memcached 1,000. */
  readonly ttlResolutionMs?: number
}

type Check = (subject: ContractSubject) => Promise<void>

/**
 * What every store must do, as a list of checks for any test runner. With node:test:
 * `storeContract(test, async () => ({ store: await myStore(), close: () => … }))`.
 *
 * @param test registers one check under a name
 * @param make an empty store; `close` is called when the check has ended, however it ended
 */
export async function storeContract (test: (name: string, fn: () => Promise<void>) => unknown, make: () => Promise<ContractSubject> | ContractSubject): Promise<void> {
  for (const [name, check] of Object.entries(CHECKS)) {
    await test(name, async () => {
      const subject = await make()
      try {
        await check(subject)
      } finally {
        await subject.close()
      }
    })
  }
}

const bytes = (text: string) => Buffer.from(text)

/** The value as text: a store may answer with any kind of bytes, and with `null` where there is none. */
async function read (store: Store, key: string): Promise<string | undefined> {
  const value = await store.get(key)
  return value === undefined || value === null ? undefined : Buffer.from(value).toString()
}

async function pass (subject: ContractSubject, ms: number): Promise<void> {
  if (subject.advance !== undefined) await subject.advance(ms)
  else await sleep(ms)
}

/**
 * What has to happen while a short life lasts. Where time cannot be moved it is done again when it took longer than that,
 * since a machine may stand still in between; so `work` begins from anew each time.
 */
async function inTime<T> (subject: ContractSubject, ttl: number, work: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    const begun = performance.now()
    const result = await work()
    if (subject.advance !== undefined || performance.now() - begun < ttl || tries === 10) return result
  }
}

/** A lifetime, and a time after which it has certainly ended. */
function short (subject: ContractSubject): { ttl: number, after: number } {
  const step = subject.ttlResolutionMs ?? 1
  return step > 100 ? { ttl: step, after: 2 * step + 200 } : { ttl: 150.5, after: 151 + 2 * step + 50 }
}

const HOSTILE_KEYS = [
  ' ', 'a b', 'ab', 'a\tb', 'line\nbreak', 'a\r\nset b', '../../etc/passwd', '/', '.', '..', 'a/b', 'a\\b', '__proto__', 'constructor',
  'hasOwnProperty', 'toString', 'nul\0nul', 'nul', 'ünïcode', 'u\u0308nicode', '日本語', '😀', '\ud800', '\udfff', '\ufffd', '*', '?', '[a-z]', '{tag}',
  '%2F', 'con', 'é'.repeat(200), 'k'.repeat(249), 'k'.repeat(250), 'k'.repeat(251), 'k'.repeat(10_240), 'k'.repeat(10_239) + 'j', 'K'.repeat(250)
]

const CHECKS: Record<string, Check> = {
  'get: a miss is undefined': async ({ store }) => {
    assert.equal(await read(store, 'absent'), undefined)
  },

  'set: what was set is read, and replaced': async ({ store }) => {
    assert.equal(await store.set('key', bytes('one')), true)
    assert.equal(await read(store, 'key'), 'one')
    assert.equal(await store.set('key', bytes('another')), true)
    assert.equal(await read(store, 'key'), 'another')
  },

  'set: writes of one key that are not awaited keep their order': async ({ store }) => {
    await Promise.all(Array.from({ length: 20 }, async (_, i) => store.set('key', bytes(`${i}`))))
    assert.equal(await read(store, 'key'), '19')
  },

  'set: any bytes come back as they were': async ({ store }) => {
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    const values = [Buffer.alloc(0), all, Buffer.concat([all, all]), bytes('\r\n'), bytes('VA 3\r\nabc\r\n'), Buffer.alloc(900 * 1024, 7)]
    for (const [i, value] of values.entries()) {
      assert.equal(await store.set(`key${i}`, value), true, `${value.length} bytes`)
      const got = await store.get(`key${i}`)
      assert.ok(got !== undefined && Buffer.from(got).equals(value), `${value.length} bytes`)
    }
  },

  'set: a value that the caller changes later stays as it was': async ({ store }) => {
    const value = bytes('before')
    await store.set('key', value)
    value.fill(0x78)
    if (!(await isShared(store))) assert.equal(await read(store, 'key'), 'before')
  },

  'keys: every string is a key of its own': async ({ store }) => {
    for (const [i, key] of HOSTILE_KEYS.entries()) assert.equal(await store.set(key, bytes(`value ${i}`)), true, JSON.stringify(key.slice(0, 30)))
    for (const [i, key] of HOSTILE_KEYS.entries()) assert.equal(await read(store, key), `value ${i}`, JSON.stringify(key.slice(0, 30)))
    for (const key of HOSTILE_KEYS) assert.equal(await store.delete(key), true, JSON.stringify(key.slice(0, 30)))
    for (const key of HOSTILE_KEYS) assert.equal(await read(store, key), undefined, JSON.stringify(key.slice(0, 30)))
  },

  'add: only where nothing is': async ({ store }) => {
    assert.equal(await store.add('key', bytes('one')), true)
    assert.equal(await store.add('key', bytes('two')), false)
    assert.equal(await read(store, 'key'), 'one')
    await store.delete('key')
    assert.equal(await store.add('key', bytes('three')), true)
    assert.equal(await read(store, 'key'), 'three')
  },

  'add: again, after what was there has expired': async (subject) => {
    const { store } = subject
    const { ttl, after } = short(subject)
    assert.equal(await store.add('key', bytes('one'), ttl), true)
    await pass(subject, after)
    assert.equal(await store.add('key', bytes('two')), true)
    assert.equal(await read(store, 'key'), 'two')
  },

  'add: one of many at once': async ({ store }) => {
    const results = await Promise.all(Array.from({ length: 20 }, async (_, i) => store.add('key', bytes(`${i}`))))
    assert.equal(results.filter((added) => added === true).length, 1)
    assert.equal(await read(store, 'key'), String(results.indexOf(true)))
  },

  'delete: says whether something was there': async ({ store }) => {
    await store.set('key', bytes('value'))
    assert.equal(await store.delete('key'), true)
    assert.equal(await store.delete('key'), false)
    assert.equal(await store.delete('never there'), false)
    assert.equal(await read(store, 'key'), undefined)
  },

  has: async ({ store }) => {
    if (store.has === undefined) return
    await store.set('key', Buffer.alloc(0))
    assert.equal(await store.has('key'), true)
    assert.equal(await store.has('absent'), false)
  },

  'ttl: ends, and not before': async (subject) => {
    const { store } = subject
    const { ttl, after } = short(subject)
    await store.set('long', bytes('value'), 3_600_000.7)
    await store.set('for ever', bytes('value'))
    const seen = await inTime(subject, ttl, async () => {
      await store.set('short', bytes('value'), ttl)
      return await read(store, 'short')
    })
    if ((subject.ttlResolutionMs ?? 1) <= 100) assert.equal(seen, 'value')
    await pass(subject, after)
    assert.equal(await read(store, 'short'), undefined)
    assert.equal(await store.delete('short'), false)
    assert.equal(await read(store, 'long'), 'value')
    assert.equal(await read(store, 'for ever'), 'value')
  },

  'ttl: that of the last set counts': async (subject) => {
    const { store } = subject
    const { ttl, after } = short(subject)
    await store.set('longer', bytes('value'), ttl)
    await store.set('longer', bytes('value'))
    await store.set('shorter', bytes('value'))
    await store.set('shorter', bytes('value'), ttl)
    await pass(subject, after)
    assert.equal(await read(store, 'longer'), 'value')
    assert.equal(await read(store, 'shorter'), undefined)
  },

  'ttl: a month, a century, ten thousand years': async ({ store }) => {
    for (const seconds of [2_592_000, 2_592_001, 4e9, 1e10, 3e11]) {
      assert.equal(await store.set(`${seconds}`, bytes('value'), seconds * 1000), true, `${seconds} s`)
      assert.equal(await read(store, `${seconds}`), 'value', `${seconds} s`)
    }
  },

  'increment: from nothing, up and down': async ({ store }) => {
    for (const [delta, sum] of [[5, 5], [1, 6], [-2, 4], [-10, -6], [0, -6], [6, 0], [-1, -1], [101, 100], [-91, 9]] as const) {
      assert.equal(await store.increment('count', delta), sum)
      assert.equal((await read(store, 'count'))?.trimEnd(), `${sum}`)
    }
  },

  'increment: a number that was set': async ({ store }) => {
    for (const [start, delta, sum] of [['41', 1, 42], ['-3', 1, -2], ['0', -1, -1], ['10', -1, 9], ['1000', -999, 1]] as const) {
      await store.set('count', bytes(start))
      assert.equal(await store.increment('count', delta), sum)
      assert.equal((await read(store, 'count'))?.trimEnd(), `${sum}`)
    }
  },

  'increment: exact to ±2^52': async ({ store }) => {
    const far = 2 ** 52
    assert.equal(await store.increment('up', far - 1), far - 1)
    assert.equal(await store.increment('up', 1), far)
    assert.equal(await store.increment('up', -2 * far), -far)
    assert.equal(await store.increment('up', 1), -far + 1)
    assert.equal((await read(store, 'up'))?.trimEnd(), `${-far + 1}`)
  },

  'increment: rejects what is no whole number, and leaves it': async ({ store }) => {
    for (const text of ['text', '', '1.5', '0x10', '1e3', '-', '+1x']) {
      await store.set('key', bytes(text))
      await assert.rejects(async () => store.increment('key', 1), `of ${JSON.stringify(text)}`)
      assert.equal(await read(store, 'key'), text)
    }
  },

  'increment: none is lost': async ({ store }) => {
    await Promise.all(Array.from({ length: 50 }, async () => store.increment('count', 2)))
    assert.equal(await store.increment('count', 0), 100)
  },

  'increment: the lifetime is that of its creation, and is kept': async (subject) => {
    const { store } = subject
    const { ttl, after } = short(subject)
    await store.increment('long', 1)
    await store.increment('long', 1, ttl)
    await inTime(subject, ttl, async () => {
      await store.delete('short')
      await store.delete('was set')
      await store.increment('short', 1, ttl)
      await store.increment('short', 1, 3_600_000)
      await store.set('was set', bytes('1'), ttl)
      await store.increment('was set', 1)
    })
    await pass(subject, after)
    assert.equal(await store.increment('short', 1), 1)
    assert.equal(await read(store, 'was set'), undefined)
    assert.equal(await store.increment('long', 1), 3)
  },

  'clear: what begins with the prefix, and nothing else': async ({ store }) => {
    await store.set('shop:a', bytes('a'))
    await store.set('shop:b', bytes('b'))
    await store.set('shop_eu:a', bytes('eu'))
    await store.set('other shop:a', bytes('other'))
    assert.notEqual(await store.clear('shop:'), false)
    assert.equal(await read(store, 'shop:a'), undefined)
    assert.equal(await read(store, 'shop:b'), undefined)
    assert.equal(await read(store, 'shop_eu:a'), 'eu')
    assert.equal(await read(store, 'other shop:a'), 'other')
    assert.equal(await store.add('shop:a', bytes('again')), true)
  },

  'clear: the characters of patterns stand for themselves': async ({ store }) => {
    for (const [prefix, foreign] of [['c[ab]*?\\:', 'ca1?\\:'], ['a*', 'ab'], ['a?', 'ab'], ['[^x]', 'a'], ['\\', 'a'], ['%', 'a'], ['a.c', 'abc'], ['{x}', 'x']] as const) {
      await store.set(`${prefix}key`, bytes('own'))
      await store.set(`${foreign}key`, bytes('foreign'))
      assert.notEqual(await store.clear(prefix), false)
      assert.equal(await read(store, `${prefix}key`), undefined, prefix)
      assert.equal(await read(store, `${foreign}key`), 'foreign', prefix)
    }
  },

  'clear: of 1,000 keys': async ({ store }) => {
    await Promise.all(Array.from({ length: 1000 }, async (_, i) => store.set(`many:${i}`, bytes('value'))))
    await store.set('few:1', bytes('value'))
    assert.notEqual(await store.clear('many:'), false)
    for (const i of [0, 1, 500, 999]) assert.equal(await read(store, `many:${i}`), undefined)
    assert.equal(await read(store, 'few:1'), 'value')
  },

  'deleteByPrefix: counts what it removes': async ({ store }) => {
    if (store.deleteByPrefix === undefined) return
    await store.set('user:1', bytes('a'))
    await store.set('user:2', bytes('b'))
    await store.set('user', bytes('c'))
    await store.set('us*', bytes('d'))
    assert.equal(await store.deleteByPrefix('us*'), 1)
    assert.equal(await store.deleteByPrefix('user:'), 2)
    assert.equal(await store.deleteByPrefix('user:'), 0)
    assert.equal(await read(store, 'user'), 'c')
  },

  'getMany, setMany, deleteMany: in the order asked for': async ({ store }) => {
    if (store.setMany !== undefined) {
      assert.deepEqual(await store.setMany([['a', bytes('1')], ['b', bytes('2')], ['c', bytes('3')]]), [true, true, true])
    } else {
      for (const [key, value] of [['a', '1'], ['b', '2'], ['c', '3']] as const) await store.set(key, bytes(value))
    }
    if (store.getMany !== undefined) {
      const values = await store.getMany(['c', 'absent', 'a', 'c', '__proto__'])
      assert.deepEqual(values.map((value) => value === undefined || value === null ? undefined : Buffer.from(value).toString()), ['3', undefined, '1', '3', undefined])
      assert.deepEqual(await store.getMany([]), [])
    }
    if (store.deleteMany !== undefined) {
      assert.deepEqual(await store.deleteMany(['a', 'absent', 'b']), [true, false, true])
      assert.deepEqual(await store.deleteMany([]), [])
      assert.equal(await read(store, 'a'), undefined)
      assert.equal(await read(store, 'c'), '3')
    }
  },

  'setMany: one lifetime for all': async (subject) => {
    const { store } = subject
    if (store.setMany === undefined) return
    const { ttl, after } = short(subject)
    await store.setMany([['a', bytes('1')], ['b', bytes('2')]], ttl)
    await pass(subject, after)
    assert.equal(await read(store, 'a'), undefined)
    assert.equal(await read(store, 'b'), undefined)
  },

  'deleteIf: only while it holds exactly this': async ({ store }) => {
    if (store.deleteIf === undefined) return
    assert.equal(await store.deleteIf('lock', bytes('token')), false)
    await store.set('lock', bytes('token'))
    assert.equal(await store.deleteIf('lock', bytes('toke')), false)
    assert.equal(await store.deleteIf('lock', bytes('TOKEN')), false)
    assert.equal(await read(store, 'lock'), 'token')
    assert.equal(await store.deleteIf('lock', bytes('token')), true)
    assert.equal(await read(store, 'lock'), undefined)
  },

  'replaceIf: only while it holds exactly this': async (subject) => {
    const { store } = subject
    if (store.replaceIf === undefined) return
    const { ttl, after } = short(subject)
    assert.equal(await store.replaceIf('key', bytes('one'), bytes('two')), false)
    assert.equal(await read(store, 'key'), undefined)
    await store.set('key', bytes('one'))
    assert.equal(await store.replaceIf('key', bytes('other'), bytes('two')), false)
    assert.equal(await read(store, 'key'), 'one')
    const [replaced, seen] = await inTime(subject, ttl, async () => {
      await store.set('key', bytes('one'))
      return [await store.replaceIf!('key', bytes('one'), bytes('two'), ttl), await read(store, 'key')]
    })
    assert.equal(replaced, true)
    if ((subject.ttlResolutionMs ?? 1) <= 100) assert.equal(seen, 'two')
    await pass(subject, after)
    assert.equal(await read(store, 'key'), undefined)
  },

  'touch: lengthens a life, never shortens it, never makes or changes anything': async (subject) => {
    const { store } = subject
    if (store.touch === undefined) return
    const { ttl, after } = short(subject)
    assert.equal(await store.touch('absent', 3_600_000), false)
    assert.equal(await read(store, 'absent'), undefined)
    const longer = (subject.ttlResolutionMs ?? 1) > 100 ? 3 * after : ttl
    await store.set('for ever', bytes('value'))
    const touched = await inTime(subject, longer, async () => {
      await store.set('key', bytes('value'), longer)
      return await store.touch!('key', 3_600_000)
    })
    assert.equal(touched, true)
    assert.equal(await store.touch('for ever', ttl), true)
    await pass(subject, Math.max(after, longer + after - ttl))
    assert.equal(await read(store, 'key'), 'value')
    assert.equal(await read(store, 'for ever'), 'value')
  },

  'two connections see the same': async (subject) => {
    const [one, two] = await pair(subject)
    if (two === undefined) return
    await one.set('key', bytes('value'))
    assert.equal(await read(two, 'key'), 'value')
    assert.equal(await two.add('key', bytes('other')), false)
    assert.equal(await two.delete('key'), true)
    assert.equal(await read(one, 'key'), undefined)
  },

  'two connections: one add of many': async (subject) => {
    const [one, two] = await pair(subject)
    if (two === undefined) return
    for (let round = 0; round < 5; round++) {
      const results: boolean[] = await Promise.all(Array.from({ length: 20 }, async (_, i) => (i % 2 === 0 ? one : two).add(`key${round}`, bytes(`${i}`))))
      assert.equal(results.filter((added) => added === true).length, 1)
      assert.equal(await read(one, `key${round}`), String(results.indexOf(true)))
    }
  },

  'two connections: increments add up': async (subject) => {
    const [one, two] = await pair(subject)
    if (two === undefined) return
    const sums = await Promise.all(Array.from({ length: 60 }, async (_, i) => (i % 2 === 0 ? one : two).increment('count', 1)))
    assert.equal(new Set(sums).size, 60)
    assert.equal(await one.increment('count', 0), 60)
  },

  'two connections: a value is replaced once': async (subject) => {
    const [one, two] = await pair(subject)
    if (two?.replaceIf === undefined) return
    await one.set('key', bytes('first'))
    const results: unknown[] = await Promise.all(Array.from({ length: 10 }, async (_, i) => (i % 2 === 0 ? one : two).replaceIf?.('key', bytes('first'), bytes(`${i}`))))
    assert.equal(results.filter((replaced) => replaced === true).length, 1)
    assert.equal(await read(two, 'key'), String(results.indexOf(true)))
  },

  'two connections: clear reaches what the other wrote': async (subject) => {
    const [one, two] = await pair(subject)
    if (two === undefined) return
    await two.set('a:1', bytes('value'))
    await one.clear('a:')
    assert.equal(await read(two, 'a:1'), undefined)
  }
}

async function pair (subject: ContractSubject): Promise<[Store, Store | undefined]> {
  return [subject.store, await subject.another?.()]
}

/** A store in memory may keep the very Buffer: the cache above it hands over bytes that nobody else holds. */
async function isShared (store: Store): Promise<boolean> {
  const value = bytes('probe')
  await store.set('probe', value)
  return (await store.get('probe')) === value
}
