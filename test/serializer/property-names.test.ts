import t from 'tap'

import { readMsgpack } from '../../lib/serializer/msgpack-read.ts'
import { writeMsgpack } from '../../lib/serializer/msgpack-write.ts'
import { propertyName } from '../../lib/serializer/property-names.ts'

const decode = (bytes: Buffer, start: number, length: number): string => bytes.toString('utf8', start, start + length)

t.test('names are never taken for others that look alike', async (t) => {
  const letters = Array.from('abcdefghijklmnopqrstuvwxyz')
  const wrong: string[] = []
  const check = (bytes: Buffer): void => {
    for (let again = 0; again < 2; again++) {
      const framed = Buffer.concat([Buffer.from('<'), bytes, Buffer.from('>')])
      if (propertyName(framed, 1, bytes.length, decode) !== bytes.toString('utf8')) wrong.push(bytes.toString('hex'))
    }
  }
  // What UTF-8 writes in two bytes, and the name whose UTF-16 are these two bytes: many enough to meet in one place.
  for (let code = 0x80; code < 0x100; code++) {
    for (const a of letters) {
      for (const b of letters) {
        const bytes = Buffer.from(String.fromCharCode(code) + a + b)
        check(Buffer.from(bytes.toString('latin1')))
        check(bytes)
      }
    }
  }
  // Bytes that are no UTF-8, and as many ASCII characters.
  for (let i = 0; i < 20_000; i++) {
    check(Buffer.of(0x60 + i % 0x20, i % 0x100, (i >> 8) % 0x100))
  }
  for (const text of ['', '\0', '\0\0', 'a'.repeat(24), 'a'.repeat(25), '\ufffd', '😀', '__proto__']) check(Buffer.from(text))
  t.same(wrong.slice(0, 5), [])
})

t.test('objects of many names, again and again', async (t) => {
  const objects = Array.from({ length: 3_000 }, (_, i) => Object.fromEntries([`id${i}`, `größe${i}`, `${i}`, '__proto__', 'constructor', 'a', 'ok', 'tags'].map((name, at) => [name, at])))
  for (let again = 0; again < 2; again++) {
    for (const object of objects) {
      const back = readMsgpack(writeMsgpack(object)) as object
      if (JSON.stringify(Object.entries(back)) !== JSON.stringify(Object.entries(object))) t.same(back, object)
    }
  }
  t.equal(({} as { a?: unknown }).a, undefined)
})

t.test('a name that the bytes end in', async (t) => {
  readMsgpack(writeMsgpack({ name: 1 }))
  for (const bytes of [Buffer.of(0x81, 0xa4), Buffer.from([0x81, 0xa4, ...Buffer.from('nam')]), Buffer.of(0x81)]) {
    // What lies behind the end must not count.
    const longer = Buffer.concat([bytes, Buffer.from('name'), Buffer.of(1)])
    t.throws(() => readMsgpack(longer.subarray(0, bytes.length)))
  }
})
