import t from 'tap'
import { parseAddress, parseAddresses } from '../../../lib/stores/memcached/address.ts'
import { Breaker } from '../../../lib/stores/memcached/breaker.ts'
import { counted, decode, encode, encodeCounter, encodeValue } from '../../../lib/stores/memcached/item.ts'
import { createKeys, newMark } from '../../../lib/stores/memcached/keys.ts'
import { cleared, freshMarks, markOf, marksText, MOST_CLEARED, parseMarks } from '../../../lib/stores/memcached/marks.ts'
import type { Marks } from '../../../lib/stores/memcached/marks.ts'
import { frame, OP, opaqueOf, opcodeOf, ReplyReader } from '../../../lib/stores/memcached/protocol.ts'
import type { Reply } from '../../../lib/stores/memcached/protocol.ts'
import { serverExpiry } from '../../../lib/stores/memcached/ttl.ts'

const NOW = Date.parse('2026-06-01T00:00:00.500Z')
const DAY = 86_400_000

await t.test('addresses', async (t) => {
  for (const [text, name] of [
    ['127.0.0.1:11211', '127.0.0.1:11211'], ['cache.example', 'cache.example:11211'], [' Cache.Example:1 ', 'cache.example:1'],
    ['[::1]:2', '[::1]:2'], ['[2001:DB8::1]', '[2001:db8::1]:11211'], ['::1', '[::1]:11211'], ['/run/mc.sock', '/run/mc.sock'], ['unix:/run/mc.sock', '/run/mc.sock']
  ] as const) t.equal(parseAddress(text).name, name, text)
  for (const text of ['', ' ', ':1', 'a:b', 'a:0', 'a:65536', 'a b', 'http://a', 'user:pw@a:1', '[::1', '[a]:']) {
    t.throws(() => parseAddress(text), { code: 'FST_CACHE_ERR_OPTIONS' }, JSON.stringify(text))
  }
  t.same(parseAddresses(['A:1', 'a:1', 'b']).map(({ name }) => name), ['a:1', 'b:11211'], 'each once')
})

await t.test('what memcached is told of a lifetime', async (t) => {
  const today = Math.ceil(NOW / 1000)
  for (const [ttl, expiry] of [
    [undefined, 0], [Infinity, 0], [1, 2], [1000, 2], [1001, 3], [0, 2], [-5, 2], [2_591_999_000, 2_592_000],
    [2_592_000_000, today + 2_592_001], [2_592_001_000, today + 2_592_002], [4e12, 0xfffffffe], [Number.MAX_VALUE, 0xfffffffe]
  ] as const) t.equal(serverExpiry(ttl, NOW), expiry, `${ttl} ms`)
  t.throws(() => serverExpiry(NaN), { code: 'FST_CACHE_ERR_TIMEOUT' })
})

await t.test('names on the server: distinct, at most 250 bytes, no byte that a tool chokes on', async (t) => {
  const keys = ['a b', 'ab', 'a\tb', 'a\nb', '\0', 'a\0', '\ud800', '\udfff', '\ufffd', '😀', 'é'.repeat(200), 'é'.repeat(201), '', ' ', '#', ':', 'x'.repeat(5000), '__proto__',
    ...[120, 200, 235, 236, 237, 238, 250, 251].map((length) => 'k'.repeat(length))]
  for (const prefix of ['', 'p_', 'with space', 'ü', 'x'.repeat(120), 'x'.repeat(121), '\ud800']) {
    const names = createKeys(prefix)
    const mark = newMark()
    const all = [...keys.map((key) => names.item(mark, prefix + key)), names.namespace, names.piece(mark, 0), names.piece(mark, 1), names.piece(newMark(), 0), ...keys.map((key) => names.item(newMark(), prefix + key))]
    t.equal(new Set(all.map(String)).size, all.length)
    t.ok(all.every((name) => name.length <= 250 && /^[\x21-\x7e]+$/.test(name.toString('latin1'))))
    if (/^[\x21-\x7e]{0,120}$/.test(prefix)) t.ok(all.every((name) => name.toString('latin1').startsWith(prefix)))
    // The names that a hashed key gets cannot be asked for as a plain key.
    const hashed = names.item(mark, `${prefix}a b`).toString('latin1')
    t.not(names.item(mark, prefix + hashed.slice(hashed.indexOf('#') + 1)).toString('latin1'), hashed)
  }
})

await t.test('breaker: the third failure in a row, probes from 100 ms doubling to 2 s', async (t) => {
  const breaker = new Breaker(() => 1)
  t.same([breaker.failed(), breaker.failed(), breaker.failed()], [false, false, true])
  t.same(Array.from({ length: 7 }, () => breaker.nextProbe()), [100, 200, 400, 800, 1600, 2000, 2000])
  breaker.answered()
  t.same([breaker.failed(), breaker.nextProbe()], [false, 100])
  const jittered = new Breaker(() => 0)
  t.equal(jittered.nextProbe(), 80)
})

await t.test('items: a value comes back, an altered one does not', async (t) => {
  for (const text of ['', 'value', '007', '-0', '1.5', '9007199254740993', '9223372036854775808', ' 5', '5 ', '+5']) {
    const value = Buffer.from(text)
    const item = encodeValue(value, NOW + 1000, NOW)
    const stored = Buffer.concat(item.pieces)
    t.same(decode(item.flags, stored, NOW), { kind: 'value', value, end: NOW + 1000 }, JSON.stringify(text))
    for (let i = 0; i < stored.length; i++) {
      const altered = Buffer.from(stored)
      altered[i] = (altered[i] as number) ^ 0x40
      t.equal(decode(item.flags, altered, NOW), undefined)
    }
    t.equal(decode(item.flags, stored.subarray(0, -1), NOW), undefined)
  }
  const never = encode('value', Buffer.from('x'), Infinity)
  t.equal(decode(never.flags, Buffer.concat(never.pieces), NOW)?.end, Infinity)
  t.equal(decode(0, Buffer.from('written by somebody else'), NOW), undefined)
  t.equal(decode(0, Buffer.alloc(0), NOW), undefined)
})

await t.test('counters: nineteen digits within ±2^53, decoded as decimal text', async (t) => {
  for (const number of [0, 1, -1, 42, 2 ** 52, -(2 ** 52), Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
    const item = encodeValue(Buffer.from(String(number)), Infinity, NOW)
    const stored = Buffer.concat(item.pieces)
    t.equal(stored.length, 19)
    t.equal(decode(item.flags, stored, NOW)?.value.toString(), String(number))
    t.equal(decode(item.flags, Buffer.concat([stored, Buffer.from('  ')]), NOW)?.value.toString(), String(number), 'padded')
    const answer = Buffer.alloc(8)
    answer.writeBigUInt64BE(5_000_000_000_000_000_000n + BigInt(number))
    t.equal(counted(answer), number)
  }
})

await t.test('counters: their end, to a hundredth of a second, over the turn of its 32 bits', async (t) => {
  for (const now of [NOW, 2 ** 32 * 10 - 5000, 0, 12_345]) {
    for (const ttl of [1, 999, 60_000, DAY, 199 * DAY]) {
      const item = encodeCounter(5, now + ttl, now)
      const at = (when: number) => decode(item.flags, Buffer.concat(item.pieces), when)?.end as number
      t.ok(Math.abs(at(now) - (now + ttl)) <= 20, `${ttl} ms from ${now}`)
      t.ok(at(now + ttl + 2000) <= now + ttl + 20 + 2000 && at(now + ttl + 2000) < now + ttl + 2000, 'over')
    }
    for (const ttl of [201 * DAY, Infinity]) t.equal(decode(encodeCounter(5, now + ttl, now).flags, Buffer.concat(encodeCounter(5, now, now).pieces), now)?.end, Infinity)
  }
})

await t.test('marks: a clear moves those keys and no other', async (t) => {
  const start = freshMarks()
  const of = (marks: Marks, key: string) => markOf(marks, key, key.startsWith('own_'))
  const all = cleared(start, 'own_', 'own_') as Marks
  t.not(of(all, 'own_a'), of(start, 'own_a'))
  t.equal(of(all, 'foreign'), of(start, 'foreign'))
  const part = cleared(start, 'own_a', 'own_') as Marks
  t.not(of(part, 'own_a1'), of(start, 'own_a1'))
  t.equal(of(part, 'own_b'), of(start, 'own_b'))
  const wider = cleared(part, '', 'own_') as Marks
  for (const key of ['own_a1', 'own_b', 'foreign']) t.not(of(wider, key), of(part, key))
  t.equal(wider.cleared.length, 1)
  t.same(parseMarks(marksText(wider)), wider)
  for (const text of ['', 'null', '{}', '[]', '["short"]', '["123456789012",1]', '["123456789012",["a"]]', '["123456789012"']) t.equal(parseMarks(text), undefined, text)
  let many: Marks | undefined = start
  for (let i = 0; i < MOST_CLEARED; i++) many = cleared(many as Marks, `own_${i}:`, 'own_')
  t.equal(cleared(many as Marks, 'own_more:', 'own_'), undefined, 'bounded')
  t.ok(cleared(many as Marks, 'own_', 'own_'))
})

await t.test('frames: cut anywhere, read the same', async (t) => {
  const request = frame({ op: OP.set, key: Buffer.from('key'), extras: Buffer.alloc(8), value: [Buffer.from('va'), Buffer.from('lue')], cas: 7n }, 0xfffffffe)
  t.same([opcodeOf(request), opaqueOf(request), request.length], [OP.set, 0xfffffffe, 24 + 3 + 8 + 5])
  const replies = Buffer.concat([5, 0, 300].map((length, i) => {
    const reply = frame({ op: OP.get, key: Buffer.from('k'), extras: Buffer.alloc(4), value: [Buffer.alloc(length, i)] }, i)
    reply[0] = 0x81
    return reply
  }))
  for (let cut = 1; cut < replies.length; cut++) {
    const reader = new ReplyReader(1000)
    const got: Reply[] = []
    for (const piece of [replies.subarray(0, cut), replies.subarray(cut)]) t.equal(reader.push(piece, (reply) => got.push(reply) > 0), undefined)
    t.same(got.map(({ opaque, value }) => [opaque, value.length, value[0]]), [[0, 5, 0], [1, 0, undefined], [2, 300, 2]])
    t.equal(reader.partial, false)
  }
  const bytewise = new ReplyReader(1000)
  let count = 0
  for (const byte of replies) bytewise.push(Buffer.from([byte]), () => ++count > 0)
  t.equal(count, 3)
  t.match(new ReplyReader(100).push(replies, () => true), /impossible/)
  t.match(new ReplyReader(100).push(Buffer.from('H'), () => true), /not a reply/)
})
