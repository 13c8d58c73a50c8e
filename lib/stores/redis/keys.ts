import { Buffer } from 'node:buffer'
import { isWellFormed } from '../../serializer/text.ts'

/**
 * The bytes of a key. Well-formed text is UTF-8; half a surrogate pair, which UTF-8 would turn into U+FFFD, keeps
 * bytes of its own, so that no two keys are ever one.
 */
export function wireKey (key: string): string | Buffer {
  return isWellFormed(key) ? key : Buffer.concat([...key].map(bytesOf))
}

function bytesOf (character: string): Buffer {
  const code = character.charCodeAt(0)
  if (character.length > 1 || code < 0xd800 || code > 0xdfff) return Buffer.from(character)
  return Buffer.from([0xe0 | code >> 12, 0x80 | code >> 6 & 0x3f, 0x80 | code & 0x3f])
}

/** A pattern for SCAN MATCH that matches exactly what begins with `prefix`. */
export function beginsWith (prefix: string | Buffer): Buffer {
  const pattern: number[] = []
  for (const byte of Buffer.from(prefix as string)) {
    if (GLOB.includes(byte)) pattern.push(BACKSLASH)
    pattern.push(byte)
  }
  return Buffer.from([...pattern, 0x2a])
}

const BACKSLASH = 0x5c
const GLOB = Buffer.from('*?[]^-\\')

const POLYNOMIAL = 0x1021

/** CRC-16/XMODEM by table, as the cluster specification has it. */
const TABLE = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? crc << 1 ^ POLYNOMIAL : crc << 1
  return crc
})

/** The hash slot of a key: of what stands between its first `{` and the next `}`, where that is not empty. */
export function slotOf (key: string | Buffer): number {
  const bytes = Buffer.from(key as string)
  const open = bytes.indexOf(0x7b)
  const close = open < 0 ? -1 : bytes.indexOf(0x7d, open + 1)
  const [from, to] = close > open + 1 ? [open + 1, close] : [0, bytes.length]
  let crc = 0
  for (let i = from; i < to; i++) crc = (crc << 8 & 0xffff) ^ (TABLE[crc >> 8 ^ (bytes[i] as number)] as number)
  return crc & 0x3fff
}
