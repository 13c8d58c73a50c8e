import type { Packed } from '../entry.ts'
import { isWellFormed } from '../serializer/text.ts'

/** One letter says what the body's bytes are. */
type Tag = 'z' | 't' | 'f' | 's' | 'u' | 'd' | 'i' | 'x'

const NOTHING = Buffer.alloc(0)

/** @throws {TypeError} a value that is kept by reference has no bytes */
export function partsOf (value: Packed): [payload: [Tag], body: Uint8Array] {
  switch (typeof value) {
    case 'string': return isWellFormed(value) ? [['s'], Buffer.from(value)] : [['u'], Buffer.from(value, 'utf16le')]
    case 'number': return [['d'], double(value)]
    case 'bigint': return [['i'], Buffer.from((value < 0n ? '-' : '+') + (value < 0n ? -value : value).toString(16))]
    case 'boolean': return [[value ? 't' : 'f'], NOTHING]
  }
  if (value === null) return [['z'], NOTHING]
  if (value instanceof Uint8Array) return [['x'], value]
  throw new TypeError('a value that is kept by reference cannot leave the process')
}

/** `undefined`: not what `partsOf` makes. */
export function packedOf (tag: unknown, body: Buffer): Packed | undefined {
  switch (tag as Tag) {
    case 's': return body.toString()
    case 'u': return body.toString('utf16le')
    case 'd': return body.length === 8 ? body.readDoubleBE() : undefined
    case 'i': return bigint(body.toString('latin1'))
    case 't': return true
    case 'f': return false
    case 'z': return null
    case 'x': return body
  }
}

function double (value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeDoubleBE(value)
  return bytes
}

function bigint (text: string): bigint | undefined {
  if (!/^[+-][0-9a-f]+$/.test(text)) return undefined
  const magnitude = BigInt(`0x${text.slice(1)}`)
  return text.startsWith('-') ? -magnitude : magnitude
}
