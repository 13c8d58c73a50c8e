import t from 'tap'
import type { Entry } from '../lib/entry.ts'
import { entrySize, replyBytes } from '../lib/entry-size.ts'

const base = { created: 0, freshUntil: 0, staleWhileRevalidate: 0, staleIfError: 0, names: [], marks: [], sequence: 0 }
const value = (payload: unknown): Entry => ({ ...base, kind: 'value', payload })
const reply = { ...base, kind: 'reply' as const, payload: { status: 200, headers: ['a', 'bcd', 'link', ['12', '345']], body: Buffer.alloc(100), date: 0, age: 0, etag: undefined, size: 100, text: false, lastModified: undefined } }

t.test('a reply: headers and body', async (t) => {
  t.equal(replyBytes(reply), 1 + 3 + 4 + 5 + 100)
  t.equal(replyBytes({ ...reply, payload: { ...reply.payload, body: null, size: 0 } }), 13)
})

t.test('an entry: its key, what it holds, and a fixed overhead', async (t) => {
  const overhead = entrySize('', value(Buffer.alloc(0)))
  t.ok(overhead > 100)
  for (const [entry, bytes] of [
    [value('text'), 4], [value(Buffer.alloc(50)), 50], [value(5), 8], [value(true), 8], [value(null), 8], [value(2n ** 800n), 100],
    [value({ live: {} }), 8 - 8], [value({ live: Buffer.alloc(7) }), 7], [reply, 113],
    [{ ...base, kind: 'variants', payload: { fields: ['ab'], stored: ['cde'] } }, 5], [{ ...value('text'), names: ['abc', 'd'] }, 8]
  ] as Array<[Entry, number]>) t.equal(entrySize('key', entry) - overhead - 3, bytes)
})
