import { crc32 } from 'node:zlib'

/*
 * magic with version (4 bytes) · CRC-32 of all that follows (4) · expiry, ms since the epoch, double (8) ·
 * length of the key (4) · length of the value (4) · key (UTF-16: UTF-8 would merge lone surrogates) · value
 */
const MAGIC = 0x46_43_46_01
export const HEAD = 24

export interface StoredRecord {
  readonly value: Buffer
  /** Milliseconds since the epoch; `Infinity` = never. */
  readonly expires: number
}

export function encodeRecord (key: string, { value, expires }: StoredRecord): Buffer {
  const keyBytes = Buffer.from(key, 'utf16le')
  const bytes = Buffer.allocUnsafeSlow(HEAD + keyBytes.length + value.length)
  bytes.writeUInt32BE(MAGIC, 0)
  bytes.writeDoubleBE(expires, 8)
  bytes.writeUInt32BE(keyBytes.length, 16)
  bytes.writeUInt32BE(value.length, 20)
  keyBytes.copy(bytes, HEAD)
  bytes.set(value, HEAD + keyBytes.length)
  bytes.writeUInt32BE(crc32(bytes.subarray(8)), 4)
  return bytes
}

/** `undefined`: not whole, not of this version, or of another key. */
export function decodeRecord (key: string, bytes: Buffer): StoredRecord | undefined {
  const head = readHead(bytes)
  if (head === undefined || bytes.length !== HEAD + head.keyLength + head.valueLength) return undefined
  if (head.keyLength !== key.length * 2 || crc32(bytes.subarray(8)) !== bytes.readUInt32BE(4)) return undefined
  if (keyIn(bytes, head.keyLength) !== key) return undefined
  return { value: bytes.subarray(HEAD + head.keyLength), expires: head.expires }
}

export interface RecordHead {
  readonly expires: number
  readonly keyLength: number
  readonly valueLength: number
}

/** From the first bytes of a file; says nothing about the rest of it. */
export function readHead (bytes: Buffer): RecordHead | undefined {
  if (bytes.length < HEAD || bytes.readUInt32BE(0) !== MAGIC) return undefined
  const expires = bytes.readDoubleBE(8)
  return Number.isNaN(expires) ? undefined : { expires, keyLength: bytes.readUInt32BE(16), valueLength: bytes.readUInt32BE(20) }
}

export function keyIn (bytes: Buffer, keyLength: number): string {
  return bytes.toString('utf16le', HEAD, HEAD + keyLength)
}
