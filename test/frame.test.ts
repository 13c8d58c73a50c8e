import t from 'tap'
import { crc32 } from 'node:zlib'
import type { Entry, StoredReply, Variants } from '../lib/entry.ts'
import { decodeEntry, encodeEntry } from '../lib/frame.ts'

const base = { created: 1000, freshUntil: 61_000, staleWhileRevalidate: 5, staleIfError: 7.5, names: ['cache', 'tag:ü'], marks: ['m1', 'm2'], sequence: 0 }
const reply: StoredReply = {
  status: 200,
  headers: ['content-type', 'text/plain', 'link', ['<a>', '<b>'], 'x-empty', '', 'x-latin', 'caf\xe9\t!'],
  body: Buffer.from([0, 1, 2, 255]),
  size: 4,
  text: false,
  date: 1000,
  age: 3,
  etag: 'W/"x"',
  lastModified: undefined
}
const entries: Record<string, Entry> = {
  reply: { ...base, kind: 'reply', payload: reply },
  'reply without a body': { ...base, kind: 'reply', freshUntil: Infinity, payload: { ...reply, body: null, size: 0, lastModified: 'Thu, 01 Jan 1970 00:00:00 GMT', etag: undefined } },
  'reply with an empty body': { ...base, kind: 'reply', payload: { ...reply, body: Buffer.alloc(0), size: 0 } },
  variants: { ...base, kind: 'variants', payload: { fields: ['accept-encoding'], stored: ['a', '\ud800'] } satisfies Variants },
  ...Object.fromEntries(['text', '', 'ü', '\ud800', 5, -0, 1.5, NaN, -Infinity, 2 ** 60, 0n, -(2n ** 90n), true, false, null].map((payload) => [`value ${typeof payload} ${String(payload)}`, { ...base, kind: 'value', payload }])),
  'value bytes': { ...base, kind: 'value', payload: Buffer.from('abc') },
  'number with a stale window': { ...base, kind: 'value', payload: 5, names: [], marks: [], staleIfError: 0 }
}
const KEYS = ['key', '\ud800', '__proto__', 'ü'.repeat(5000), 'a\n\0"\\']

t.test('comes back as it was', async (t) => {
  for (const [name, entry] of Object.entries(entries)) {
    for (const key of KEYS) {
      const bytes = encodeEntry(key, entry, 'msgpack')
      t.strictSame(decodeEntry(key, bytes, 'msgpack'), entry, name)
      t.equal(decodeEntry(`${key}x`, bytes, 'msgpack'), undefined, `${name}: another key`)
      t.equal(decodeEntry(key, bytes, 'json'), undefined, `${name}: another serializer`)
    }
  }
  t.equal(decodeEntry('\udfff', encodeEntry('\ud800', entries.reply!, 'x'), 'x'), undefined)
})

t.test('a whole number is text that a backend can count', async (t) => {
  const plain = { ...base, kind: 'value' as const, staleWhileRevalidate: 0, staleIfError: 0, names: [], marks: [] }
  for (const payload of [0, 1, -42, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
    const bytes = encodeEntry('key', { ...plain, payload }, 'msgpack')
    t.equal(bytes.toString(), String(payload))
    t.match(decodeEntry('key', bytes, 'msgpack'), { kind: 'value', payload, created: 0, freshUntil: Infinity })
  }
  for (const payload of [-0, 1.5, NaN, 2 ** 53, '5', 5n]) t.not(encodeEntry('key', { ...plain, payload }, 'msgpack').toString(), String(payload))
  for (const bytes of ['42', Buffer.from('42'), Buffer.from('42   '), new Uint8Array([0x34, 0x32]), 42]) t.match(decodeEntry('key', bytes, 'json'), { payload: 42 })
})

t.test('what a store makes of the bytes', async (t) => {
  const entry = entries.reply!
  const bytes = encodeEntry('key', entry, 'msgpack')
  for (const form of [bytes, new Uint8Array(bytes), new Uint8Array(Buffer.concat([Buffer.alloc(3), bytes])).subarray(3), bytes.toString('latin1')]) {
    t.strictSame(decodeEntry('key', form, 'msgpack'), entry)
  }
})

t.test('anything else is a miss', async (t) => {
  const bytes = encodeEntry('key', entries.reply!, 'msgpack')
  for (const foreign of [undefined, null, '', 'text', '1.5', '01', '-', '-0', '0x1', ' 1', '1\n', '9'.repeat(40), NaN, 1.5, true, {}, [], () => 1, Symbol('s'), 5n, Buffer.alloc(0), Buffer.from('{"a":1}'),
    Buffer.concat([bytes, Buffer.of(0)]), bytes.toString('utf8'), bytes.toString('base64'), { type: 'Buffer', data: [1] }]) {
    t.equal(decodeEntry('key', foreign, 'msgpack'), undefined, String(typeof foreign))
  }
  for (let i = 0; i < bytes.length; i++) {
    t.equal(decodeEntry('key', bytes.subarray(0, i), 'msgpack'), undefined, `cut at ${i}`)
    for (const bit of [1, 0x20, 0x80]) {
      const altered = Buffer.from(bytes)
      altered[i]! ^= bit
      t.equal(decodeEntry('key', altered, 'msgpack'), undefined, `altered at ${i}`)
    }
  }
})

/** Bytes with a right checksum, whatever they say. */
function forge (change: (meta: unknown[]) => unknown, body: Uint8Array = Buffer.from('body')): Buffer {
  const honest = encodeEntry('key', entries.reply!, 'msgpack')
  const meta = JSON.parse(honest.toString('utf8', 12, 12 + honest.readUInt32BE(8))) as unknown[]
  const text = Buffer.from(JSON.stringify(change(meta) ?? meta))
  const head = Buffer.from(honest.subarray(0, 12))
  head.writeUInt32BE(text.length, 8)
  const bytes = Buffer.concat([head, text, body])
  bytes.writeUInt32BE(crc32(bytes.subarray(8)), 4)
  return bytes
}
const inPayload = (at: number, value: unknown) => forge((meta) => { (meta[9] as unknown[])[at] = value })

t.test('what was forged with a right checksum is checked too', async (t) => {
  t.ok(decodeEntry('key', forge(() => undefined), 'msgpack'), 'the forger itself is right')
  const cases: Record<string, Buffer> = {
    ...Object.fromEntries([99, 600, 200.5, '200', null, -1].map((status) => [`status ${status}`, inPayload(0, status)])),
    ...Object.fromEntries([
      ['x'], ['a b', 'v'], ['', 'v'], ['x:y', 'v'], ['x\r\n', 'v'], ['é', 'v'], ['x', 'a\r\nset-cookie: a=b'], ['x', 'a\nb'], ['x', 'a\0'], ['x', '\x7f'], ['x', '\u0100'], ['x', ['ok', 'bad\r']],
      ['x', 5], ['x', null], ['x', {}], [5, 'x'], ['x', [5]], 'text', null, {}
    ].map((headers) => [`headers ${JSON.stringify(headers)}`, inPayload(1, headers)])),
    'date of text': inPayload(2, 'now'),
    'negative age': inPayload(3, -1),
    'etag with a line break': inPayload(4, 'a\nb'),
    'last-modified that is no text': inPayload(5, {}),
    'a body that should not be there': inPayload(6, false),
    ...Object.fromEntries([[2, 'other'], [2, 5], [3, null], [3, 'x'], [4, 'x'], [5, -1], [5, null], [6, {}], [7, 'x'], [7, [5]], [8, {}], [9, null], [9, {}], [9, []]]
      .map(([at, value]) => [`meta ${String(at)} ${JSON.stringify(value)}`, forge((meta) => { meta[at as number] = value })])),
    'variants that are none': forge((meta) => { meta[2] = 'variants' }),
    'a value without a tag': forge((meta) => { meta[2] = 'value'; meta[9] = ['?'] }),
    'half a number': forge((meta) => { meta[2] = 'value'; meta[9] = ['d'] }),
    'no bigint': forge((meta) => { meta[2] = 'value'; meta[9] = ['i'] }),
    'fields that are no names': forge((meta) => { meta[2] = 'variants'; meta[9] = [['a b'], []] }),
    'an object': forge(() => ({ 0: 'key' })),
    'no list': forge(() => 5),
    'too short': forge((meta) => meta.slice(0, 9))
  }
  for (const [name, bytes] of Object.entries(cases)) t.equal(decodeEntry('key', bytes, 'msgpack'), undefined, name)
  const nul = forge(() => undefined)
  nul.writeUInt32BE(0xffffffff, 8)
  nul.writeUInt32BE(crc32(nul.subarray(8)), 4)
  t.equal(decodeEntry('key', nul, 'msgpack'), undefined, 'a meta longer than everything')
  const noJson = forge(() => undefined)
  noJson[12] = 0x7b
  noJson.writeUInt32BE(crc32(noJson.subarray(8)), 4)
  t.equal(decodeEntry('key', noJson, 'msgpack'), undefined, 'a meta that is no JSON')
  const later = forge(() => undefined)
  later[3] = 2
  t.equal(decodeEntry('key', later, 'msgpack'), undefined, 'another version')
})

t.test('what is kept by reference stays in the process', async (t) => {
  t.throws(() => encodeEntry('key', { ...base, kind: 'value', payload: { live: {} } }, 'msgpack'), TypeError)
})
