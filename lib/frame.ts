import { crc32 } from 'node:zlib'
import type { Entry, EntryKind, Packed, StoredReply, Variants } from './entry.ts'
import { isStoredReply, isVariants } from './frame/check.ts'
import { packedOf, partsOf } from './frame/packed.ts'
import { readCount, writeCount } from './stores/count.ts'

/*
 * magic (3 bytes, the first of which no text begins with) · version (1) · CRC-32 of all that follows (4) ·
 * length of the meta (4) · meta (JSON: one parse costs less than reading a dozen strings) · body (raw bytes)
 */
const MAGIC = 0xf7_66_63
const VERSION = 1
const HEAD = 12

/** Lists, not objects: no name in the bytes can name a property. */
type Meta = [key: string, serializer: string, kind: EntryKind, created: number, freshUntil: number | null, staleWhileRevalidate: number,
  staleIfError: number, names: string[], marks: string[], payload: unknown]

/**
 * An entry as the bytes of a backend. A whole number that depends on nothing becomes its decimal text, so that the
 * backend can count on it: its lifetime is then the backend's alone.
 *
 * @throws {TypeError} a value that is kept by reference
 */
export function encodeEntry (key: string, entry: Entry, serializerId: string): Buffer {
  if (isCountable(entry)) return writeCount(entry.payload as number)
  const [payload, body] = split(entry)
  const meta: Meta = [key, serializerId, entry.kind, entry.created, entry.freshUntil === Infinity ? null : entry.freshUntil,
    entry.staleWhileRevalidate, entry.staleIfError, entry.names as string[], entry.marks as string[], payload]
  const text = JSON.stringify(meta)
  const metaLength = Buffer.byteLength(text)
  const bytes = Buffer.allocUnsafeSlow(HEAD + metaLength + body.length)
  bytes.writeUIntBE(MAGIC, 0, 3)
  bytes[3] = VERSION
  bytes.writeUInt32BE(metaLength, 8)
  bytes.write(text, HEAD)
  bytes.set(body, HEAD + metaLength)
  bytes.writeUInt32BE(crc32(bytes.subarray(8)), 4)
  return bytes
}

/**
 * The entry that these bytes hold, if they are one: whole, of this version, of this key and of this serializer.
 * Never throws, whatever a backend hands over. Bodies are views of `bytes`.
 */
export function decodeEntry (key: string, bytes: unknown, serializerId: string): Entry | undefined {
  try {
    const buffer = toBuffer(bytes)
    if (buffer === undefined) return undefined
    return buffer[0] === MAGIC >> 16 ? framed(key, buffer, serializerId) : counted(buffer)
  } catch {
    return undefined // malformed in a way that the checksum allows: written by somebody else on purpose
  }
}

/** What a store of the application's may make of bytes. */
function toBuffer (bytes: unknown): Buffer | undefined {
  if (Buffer.isBuffer(bytes)) return bytes
  if (bytes instanceof Uint8Array) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (typeof bytes === 'string') return Buffer.from(bytes, 'latin1')
  return Number.isSafeInteger(bytes) ? writeCount(bytes as number) : undefined
}

function isCountable ({ kind, payload, names, marks, staleWhileRevalidate, staleIfError }: Entry): boolean {
  return kind === 'value' && Number.isSafeInteger(payload) && !Object.is(payload, -0) && names.length === 0 && marks.length === 0 &&
    staleWhileRevalidate === 0 && staleIfError === 0
}

function counted (buffer: Buffer): Entry | undefined {
  const payload = readCount(buffer)
  if (payload === undefined) return undefined
  return { kind: 'value', payload, created: 0, freshUntil: Infinity, staleWhileRevalidate: 0, staleIfError: 0, names: [], marks: [], sequence: 0 }
}

function split (entry: Entry): [payload: unknown, body: Uint8Array] {
  switch (entry.kind) {
    case 'reply': {
      const { status, headers, body, text, date, age, etag, lastModified } = entry.payload as StoredReply
      return [[status, headers, date, age, etag ?? null, lastModified ?? null, body !== null, text], body ?? NOTHING]
    }
    case 'variants': {
      const { fields, stored } = entry.payload as Variants
      return [[fields, stored], NOTHING]
    }
    case 'value':
      return partsOf(entry.payload as Packed)
  }
}

const NOTHING = new Uint8Array(0)

function framed (key: string, buffer: Buffer, serializerId: string): Entry | undefined {
  if (buffer.length < HEAD || buffer.readUIntBE(0, 3) !== MAGIC || buffer[3] !== VERSION) return undefined
  const bodyAt = HEAD + buffer.readUInt32BE(8)
  if (bodyAt > buffer.length || crc32(buffer.subarray(8)) !== buffer.readUInt32BE(4)) return undefined
  const meta: unknown = JSON.parse(buffer.toString('utf8', HEAD, bodyAt))
  if (!Array.isArray(meta) || meta[0] !== key || meta[1] !== serializerId || meta.length !== 10) return undefined
  const [, , kind, created, freshUntil, staleWhileRevalidate, staleIfError, names, marks, parts] = meta as Meta
  if (!isTime(created) || !(freshUntil === null || isTime(freshUntil)) || !isSpan(staleWhileRevalidate) || !isSpan(staleIfError)) return undefined
  if (!isTexts(names) || !isTexts(marks)) return undefined
  const payload = payloadOf(kind, parts, buffer.subarray(bodyAt))
  if (payload === undefined) return undefined
  return { kind, payload, created, freshUntil: freshUntil ?? Infinity, staleWhileRevalidate, staleIfError, names, marks, sequence: 0 }
}

function payloadOf (kind: EntryKind, parts: unknown, body: Buffer): unknown {
  if (!Array.isArray(parts)) return undefined
  switch (kind) {
    case 'reply': {
      const [status, headers, date, age, etag, lastModified, hasBody, text] = parts
      if (hasBody === false && body.length > 0) return undefined
      const reply: StoredReply = { status, headers, body: hasBody === true ? body : null, size: body.length, text, date, age, etag: etag ?? undefined, lastModified: lastModified ?? undefined }
      return isStoredReply(reply) ? reply : undefined
    }
    case 'variants': {
      const variants = { fields: parts[0], stored: parts[1] }
      return isVariants(variants) ? variants : undefined
    }
    case 'value':
      return packedOf(parts[0], body)
  }
}

function isTime (value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

function isSpan (value: unknown): value is number {
  return isTime(value) && value >= 0
}

function isTexts (value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string')
}
