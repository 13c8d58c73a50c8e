import { crc32 } from 'node:zlib'
import { serverExpiry } from './ttl.ts'

/**
 * How a value lies in memcached: one byte for its kind, six for the millisecond at which it ends (memcached itself
 * expires in whole seconds, and cannot be asked for what is left), then the bytes. A CRC-32 of all is in the item's flags.
 *
 * A whole number lies as the decimal text of 5·10^18 + n, so that memcached's own unsigned arithmetic counts it, below
 * zero too, in one atomic step that keeps the lifetime. Within ±2^53 the text always has 19 digits, so a shrinking
 * number is not padded. (2^63 would be the natural zero, but for numbers from there on memcached 1.6.18 looks for a
 * minus sign past the end of the item, and now and then finds one in what lay there before: "not a number".) The kind byte of everything else is no digit: memcached refuses to count it. A counter's flags
 * hold its end (its digits change without us, so no checksum can hold).
 */
const KIND = { value: 1, manifest: 2, piece: 3, marks: 4 } as const
export type Kind = keyof typeof KIND
const KIND_NAMES = new Map<number, Kind>(Object.entries(KIND).map(([name, byte]) => [byte, name as Kind]))

const HEAD = 7
const NEVER = 2 ** 48 - 1
export const OVERHEAD = HEAD

const ZERO = 5_000_000_000_000_000_000n
const WHOLE = /^(?:0|-?[1-9]\d{0,15})$/
const COUNTER = /^[45]\d{18}$/

/** A counter's end: hundredths of a second, modulo 2^32 (497 days); so only for ends nearer than 200 days. */
const TICK = 10
const MOST_TICKS = 200 * 86_400_000 / TICK

export interface Item {
  readonly flags: number
  readonly pieces: readonly Buffer[]
}

export interface Content {
  readonly kind: Kind | 'counter'
  readonly value: Buffer
  /** ms since the epoch; `Infinity` = never, or later than can be said. */
  readonly end: number
}

export function encode (kind: Kind, value: Buffer, end: number): Item {
  const head = Buffer.allocUnsafe(HEAD)
  head[0] = KIND[kind]
  head.writeUIntBE(Math.min(Math.max(0, Math.ceil(end)), NEVER), 1, 6)
  // zlib takes an empty buffer without memory for a wish to start anew, and answers 0.
  const flags = value.length === 0 ? crc32(head) : crc32(value, crc32(head))
  return { flags, pieces: [head, value] }
}

/** A value as `Store.set` gets it: a counter where it is the text of a safe integer. */
export function encodeValue (value: Buffer, end: number, now: number): Item {
  const number = wholeNumber(value)
  return number === undefined ? encode('value', value, end) : encodeCounter(number, end, now)
}

export function wholeNumber (value: Buffer): number | undefined {
  if (value.length === 0 || value.length > 17) return undefined
  const text = value.toString('latin1')
  return WHOLE.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined
}

export function encodeCounter (number: number, end: number, now: number): Item {
  const ticks = Math.ceil(end / TICK)
  const known = end - now < MOST_TICKS * TICK
  return { flags: known ? (ticks % 2 ** 32) || 1 : 0, pieces: [Buffer.from((ZERO + BigInt(number)).toString(), 'latin1')] }
}

/** @returns `undefined` for what this version did not write, or what was altered */
export function decode (flags: number, bytes: Buffer, now: number): Content | undefined {
  const kind = KIND_NAMES.get(bytes[0] ?? 0)
  if (kind === undefined) return decodeCounter(flags, bytes, now)
  if (bytes.length < HEAD || crc32(bytes) !== flags) return undefined
  const end = bytes.readUIntBE(1, 6)
  return { kind, value: bytes.subarray(HEAD), end: end === NEVER ? Infinity : end }
}

function decodeCounter (flags: number, bytes: Buffer, now: number): Content | undefined {
  const text = bytes.toString('latin1', 0, 24).trimEnd()
  if (!COUNTER.test(text)) return undefined
  const nowTicks = Math.floor(now / TICK)
  // The signed distance on the circle: what was written ends at most 200 days from now.
  const end = flags === 0 ? Infinity : now + ((flags - nowTicks) | 0) * TICK
  return { kind: 'counter', value: Buffer.from((BigInt(text) - ZERO).toString(), 'latin1'), end }
}

/** What an increment answered: 8 bytes. */
export function counted (bytes: Buffer): number {
  return Number(bytes.readBigUInt64BE(0) - ZERO)
}

/** Flags and expiry: the extras of a `set` or `add`. */
export function storeExtras (flags: number, ttl: number | undefined): Buffer {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeUInt32BE(flags, 0)
  bytes.writeUInt32BE(serverExpiry(ttl), 4)
  return bytes
}
