import type { Packed } from './entry.ts'
import { errors } from './errors.ts'
import { readJson, writeJson } from './serializer/json.ts'
import { readMsgpack } from './serializer/msgpack-read.ts'
import { writeMsgpack } from './serializer/msgpack-write.ts'
import { describe, Unstorable } from './serializer/plain.ts'

export { Unstorable } from './serializer/plain.ts'

/** An application's own way from values to bytes and back (`CACHE_SERIALIZER`). Both run synchronously. */
export interface Serializer {
  serialize (value: unknown): Uint8Array
  deserialize (bytes: Buffer): unknown
}

/** Values as they are kept. A packed value shares no memory with the caller's, nor with what `unpack` gives. */
export interface Packer {
  /** Stands in every stored entry: the bytes of another serializer are a miss. */
  readonly id: 'msgpack' | 'json' | 'custom'
  /** @throws {Unstorable} the reason; `refusal` makes the public error of it */
  pack (value: unknown): Packed
  /** @throws when the bytes are not what the serializer wrote: a miss */
  unpack (packed: Packed): unknown
}

export interface PackerOptions {
  /** `false`: objects are kept by reference, which only a store in memory can do. Default `true`. */
  readonly copy?: boolean
}

/**
 * Strings, numbers, bigints, booleans and `null` are kept as they are; everything else becomes the serializer's bytes.
 *
 * @param choice `'msgpack'`, `'json'` or the application's own
 */
export function makeSerializer (choice: 'msgpack' | 'json' | Serializer = 'msgpack', options: PackerOptions = {}): Packer {
  const [id, write, read] = codec(choice)
  const keep = options.copy === false ? (value: object): Packed => ({ live: value }) : write
  return {
    id,
    pack: (value) => {
      if (isPrimitive(value)) return value
      if (typeof value !== 'object') throw new Unstorable(value === undefined ? 'undefined is no value; use null, or delete the key' : `it is ${describe(value)}`)
      return keep(value as object)
    },
    unpack: (packed) => {
      if (packed instanceof Uint8Array) return read(packed)
      return isPrimitive(packed) ? packed : packed.live
    }
  }
}

/** The public error of what `pack` threw for the value of `key`. What is no refusal is handed back as it is. */
export function refusal (key: string, error: unknown): unknown {
  return error instanceof Unstorable ? new errors.FST_CACHE_ERR_VALUE(key, error.message) : error
}

function isPrimitive (value: unknown): value is string | number | bigint | boolean | null {
  return value === null || typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint'
}

type Codec = readonly [id: Packer['id'], write: (value: object) => Uint8Array, read: (bytes: Uint8Array) => unknown]

function codec (choice: 'msgpack' | 'json' | Serializer): Codec {
  if (choice === 'msgpack') return ['msgpack', guarded(writeMsgpack), readMsgpack]
  if (choice === 'json') return ['json', guarded(writeJson), readJson]
  return ['custom', (value) => customBytes(choice, value), (bytes) => choice.deserialize(ownCopy(bytes))]
}

/** A getter or a `toJSON` of the application's may throw: that value cannot be stored either. */
function guarded (write: (value: unknown) => Uint8Array) {
  return (value: unknown): Uint8Array => {
    try {
      return write(value)
    } catch (error) {
      throw error instanceof Unstorable ? error : new Unstorable(`reading it failed: ${reason(error)}`)
    }
  }
}

function customBytes (serializer: Serializer, value: unknown): Buffer {
  let bytes: unknown
  try {
    bytes = serializer.serialize(value)
  } catch (error) {
    throw new Unstorable(`CACHE_SERIALIZER.serialize threw: ${reason(error)}`)
  }
  if (bytes instanceof Uint8Array) return ownCopy(bytes)
  throw new Unstorable(`CACHE_SERIALIZER.serialize must return a Buffer; it returned ${bytes === null ? 'null' : describe(bytes)}`)
}

/** Not from Node's shared pool, and no slice: neither may be written to by others or keep a larger buffer alive. */
function ownCopy (bytes: Uint8Array): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length)
  own.set(bytes)
  return own
}

function reason (error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
