import type { Entry, Packed, StoredReply, Variants } from './entry.ts'

/**
 * Objects and table slots of one entry, in bytes. Measured: 230 for a value, 390 for a reply, 650 for one that was a hit,
 * which has its body as bytes and its headers ready.
 */
const OVERHEAD = 512

/** Bytes of a stored reply: its headers and its body. */
export function replyBytes (entry: Entry<StoredReply>): number {
  const { headers, size } = entry.payload
  let bytes = size
  for (const part of headers) {
    if (typeof part === 'string') bytes += part.length
    else for (const line of part) bytes += line.length
  }
  return bytes
}

/**
 * Bytes that an entry counts for in a store in memory: key + headers + body, or key + value, + a fixed overhead.
 * What is kept by reference (`copy: false`) counts for the overhead alone, strings and bytes aside: its size cannot be known.
 */
export function entrySize (key: string, entry: Entry): number {
  let bytes = OVERHEAD + key.length + lengths(entry.names)
  switch (entry.kind) {
    case 'reply': bytes += replyBytes(entry as Entry<StoredReply>); break
    case 'variants': bytes += lengths((entry.payload as Variants).fields) + lengths((entry.payload as Variants).stored); break
    case 'value': bytes += packedBytes(entry.payload as Packed)
  }
  return bytes
}

function lengths (texts: readonly string[]): number {
  let bytes = 0
  for (const text of texts) bytes += text.length
  return bytes
}

function packedBytes (value: unknown): number {
  if (typeof value === 'string') return value.length
  if (value instanceof Uint8Array) return value.byteLength
  if (typeof value === 'bigint') return value.toString(16).length >> 1
  if (typeof value !== 'object' || value === null) return 8
  return 'live' in value ? packedBytes(value.live) : 0
}
