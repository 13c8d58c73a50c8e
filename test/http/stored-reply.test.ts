import t from 'tap'
import type { Captured } from '../../lib/http/exchange.ts'
import { TakenReply, type Body } from '../../lib/http/stored-reply.ts'

const captured = { status: 200, headers: [], date: 0, lifetime: { age: 0 } } as unknown as Captured
const taken = (body: Body): TakenReply => new TakenReply(captured, undefined, body)
const every = Buffer.from(Array.from({ length: 256 }, (_, i) => i))

t.test('the body of a stored reply: the same bytes each time, in memory of their own', async (t) => {
  const large = Buffer.allocUnsafeSlow(100_000).fill(every)
  const cases: Array<[body: string | Buffer, bytes: Buffer]> = [
    ['', Buffer.alloc(0)], ['text', Buffer.from('text')], ['Grüße, 世界 🎉', Buffer.from('Grüße, 世界 🎉')], ['lone \ud800', Buffer.from('lone \ufffd')],
    [Buffer.from(''), Buffer.alloc(0)], [Buffer.from(every), every], [Buffer.from('Grüße'), Buffer.from('Grüße')], [large, large],
    [large.subarray(10, 90_000), large.subarray(10, 90_000)]
  ]
  for (const [body, bytes] of cases) {
    const reply = taken(body)
    t.equal(reply.size, bytes.length)
    t.equal(reply.text, typeof body === 'string')
    const first = reply.body!
    t.ok(first.equals(bytes))
    t.equal(reply.body, first, 'made once')
    t.equal(first.buffer.byteLength, bytes.length, 'no larger buffer is kept alive')
  }
  t.equal(taken(null).body, null)
})
