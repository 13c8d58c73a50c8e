import { isNativeError } from 'node:util/types'
import { EXT, ERROR_CLASSES, MAX_DEPTH, VIEW_CLASSES } from './format.ts'
import { Output } from './output.ts'
import { describe, fromToJSON, shapeOf, Unstorable } from './plain.ts'
import { isWellFormed } from './text.ts'

/** Containers written without a table of those seen. Past it shared parts could multiply without end. */
const UNTRACKED = 2000
const UNTRACKED_DEPTH = 50

/** Not for users: the value is deep or large, so it is written again with a table of what was seen. */
const TRACK = new Unstorable('tracking needed')

interface Context {
  readonly out: Output
  readonly seen: Map<object, number> | undefined
  containers: number
}

/**
 * A value as MessagePack bytes of its own.
 * @throws {Unstorable} a function, a symbol, a class instance without `toJSON`, nesting past 1,000 levels
 */
export function writeMsgpack (value: unknown): Buffer {
  try {
    return write({ out: new Output(), seen: undefined, containers: 0 }, value)
  } catch (error) {
    if (error !== TRACK) throw error
    return write({ out: new Output(), seen: new Map(), containers: 0 }, value)
  }
}

function write (context: Context, value: unknown): Buffer {
  try {
    any(context, value, 0)
    return context.out.finish()
  } catch (error) {
    context.out.release()
    if (error instanceof RangeError && error.message.includes('call stack')) throw new Unstorable('it is nested too deeply')
    throw error
  }
}

function any (context: Context, value: unknown, depth: number): void {
  switch (typeof value) {
    case 'string': return string(context.out, value)
    case 'number': return number(context.out, value)
    case 'boolean': return context.out.u8(value ? 0xc3 : 0xc2)
    case 'object': return value === null ? context.out.u8(0xc0) : object(context, value, depth)
    case 'undefined': return extension(context.out, EXT.undefined, Buffer.of(0))
    case 'bigint': return bigint(context.out, value)
    default: throw new Unstorable(`it holds a ${typeof value}`)
  }
}

function number (out: Output, value: number): void {
  out.room(9)
  const { bytes } = out
  if (Number.isInteger(value) && value >= -0x80000000 && value <= 0xffffffff && !Object.is(value, -0)) {
    if (value >= 0) {
      if (value < 0x80) {
        bytes[out.at++] = value
      } else if (value < 0x10000) {
        bytes[out.at++] = 0xcd
        bytes[out.at++] = value >> 8
        bytes[out.at++] = value & 0xff
      } else {
        bytes[out.at++] = 0xce
        out.at = bytes.writeUInt32BE(value, out.at)
      }
    } else if (value >= -32) {
      bytes[out.at++] = value & 0xff
    } else {
      bytes[out.at++] = 0xd2
      out.at = bytes.writeInt32BE(value, out.at)
    }
    return
  }
  bytes[out.at++] = 0xcb
  out.at = bytes.writeDoubleBE(value, out.at)
}

/** Short ASCII, which is nearly every key, goes byte by byte: the call into native code costs more than the loop. */
function shortAscii (out: Output, value: string): boolean {
  const { bytes } = out
  const start = out.at
  let at = value.length < 32 ? start + 1 : start + 2
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if (code > 0x7f) return false
    bytes[at++] = code
  }
  if (value.length < 32) {
    bytes[start] = 0xa0 | value.length
  } else {
    bytes[start] = 0xd9
    bytes[start + 1] = value.length
  }
  out.at = at
  return true
}

function string (out: Output, value: string): void {
  out.room(value.length * 3 + 5)
  if (value.length < 40 && shortAscii(out, value)) return
  if (!isWellFormed(value)) return extension(out, EXT.utf16, Buffer.from(value, 'utf16le'))
  const written = out.bytes.write(value, out.at + 5, 'utf8')
  out.bytes[out.at] = 0xdb
  out.bytes.writeUInt32BE(written, out.at + 1)
  out.at += 5 + written
}

function extension (out: Output, type: number, data: Uint8Array): void {
  header(out, 0xc9, data.length)
  out.u8(type)
  out.raw(data)
}

function header (out: Output, code: number, length: number): void {
  out.u8(code)
  out.u32(length)
}

/** An extension whose data are values; its length is known only at its end. */
function nested (out: Output, type: number, fill: () => void): void {
  header(out, 0xc9, 0)
  const lengthAt = out.at - 4
  out.u8(type)
  const start = out.at
  fill()
  out.bytes.writeUInt32BE(out.at - start, lengthAt)
}

function bigint (out: Output, value: bigint): void {
  const digits = (value < 0n ? -value : value).toString(16)
  const even = digits.length % 2 === 0 ? digits : `0${digits}`
  extension(out, EXT.bigint, Buffer.from((value < 0n ? '01' : '00') + even, 'hex'))
}

function object (context: Context, value: object, depth: number): void {
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) {
    if (binary(context.out, value)) return
  } else if (isDate(value)) {
    const data = Buffer.allocUnsafe(8)
    data.writeDoubleBE(value.getTime())
    return extension(context.out, EXT.date, data)
  }
  container(context, value, depth)
}

function isDate (value: object): value is Date {
  return value instanceof Date && Object.getPrototypeOf(value) === Date.prototype
}

/** `false`: a class of the application's. */
function binary (out: Output, value: ArrayBufferView | ArrayBuffer): boolean {
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Buffer.prototype) {
    header(out, 0xc6, value.byteLength)
    out.raw(value as Buffer)
    return true
  }
  const kind = VIEW_CLASSES.findIndex(([, make]) => make !== undefined && prototype === make.prototype)
  if (kind < 0) return false
  header(out, 0xc9, value.byteLength + 1)
  out.u8(EXT.typedArray)
  out.u8(kind)
  out.raw(ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : new Uint8Array(value))
  return true
}

function container (context: Context, value: object, depth: number): void {
  if (context.seen === undefined) {
    if (depth > UNTRACKED_DEPTH || context.containers > UNTRACKED) throw TRACK
  } else {
    const before = context.seen.get(value)
    if (before !== undefined) return nested(context.out, EXT.reference, () => context.out.u32(before))
  }
  if (depth > MAX_DEPTH) throw new Unstorable(`it is nested more than ${MAX_DEPTH} levels deep`)
  const prototype = Object.getPrototypeOf(value)
  if (Array.isArray(value) && (prototype === Array.prototype || shapeOf(prototype) === 'plain')) return array(context, note(context, value), depth)
  if (prototype === Map.prototype) return map(context, note(context, value as Map<unknown, unknown>), depth)
  if (prototype === Set.prototype) return set(context, note(context, value as Set<unknown>), depth)
  if (isNativeError(value) || value instanceof Error) return error(context, note(context, value), depth)
  const shape = shapeOf(value)
  const replaced = fromToJSON(value)
  if (replaced !== undefined) return any(context, replaced.json, depth + 1)
  if (shape === 'class') throw new Unstorable(`it holds ${describe(value)}, which has no toJSON()`)
  note(context, value)
  if (shape === 'plain') return properties(context, value, Object.keys(value), depth)
  nested(context.out, EXT.nullPrototype, () => properties(context, value, Object.keys(value), depth))
}

/** Counts it where the reader will: references are these counts. */
function note<T extends object> (context: Context, value: T): T {
  context.seen?.set(value, context.containers)
  context.containers++
  return value
}

function properties (context: Context, value: object, keys: readonly string[], depth: number): void {
  const { out } = context
  const symbols = Object.getOwnPropertySymbols(value)
  if (symbols.length > 0 && symbols.some((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol))) {
    throw new Unstorable('it holds a property whose name is a symbol')
  }
  if (keys.length < 16) out.u8(0x80 | keys.length)
  else header(out, 0xdf, keys.length)
  for (const key of keys) {
    string(out, key)
    any(context, (value as Record<string, unknown>)[key], depth + 1)
  }
}

function array (context: Context, value: readonly unknown[], depth: number): void {
  const { out } = context
  if (!isDense(value)) {
    return nested(out, EXT.oddArray, () => {
      out.u32(value.length)
      properties(context, value, Object.keys(value), depth)
    })
  }
  if (value.length < 16) out.u8(0x90 | value.length)
  else header(out, 0xdd, value.length)
  const { length } = value
  for (let i = 0; i < length; i++) any(context, value[i], depth + 1)
}

/** Index keys come first and in order: as many keys as the array is long, ending in the last index, are all of them. */
function isDense (value: readonly unknown[]): boolean {
  const keys = Object.keys(value)
  return keys.length === value.length && (keys.length === 0 || keys[keys.length - 1] === String(value.length - 1))
}

function map (context: Context, value: Map<unknown, unknown>, depth: number): void {
  nested(context.out, EXT.map, () => {
    context.out.u32(value.size)
    for (const [key, item] of value) {
      any(context, key, depth + 1)
      any(context, item, depth + 1)
    }
  })
}

function set (context: Context, value: Set<unknown>, depth: number): void {
  nested(context.out, EXT.set, () => {
    context.out.u32(value.size)
    for (const item of value) any(context, item, depth + 1)
  })
}

/** The nearest built-in class, then what is not enumerable (message, stack, cause …), then the rest. */
function error (context: Context, value: Error, depth: number): void {
  const kind = Math.max(0, ERROR_CLASSES.findLastIndex((type) => value instanceof type))
  const hidden: Record<string, unknown> = Object.create(null)
  const enumerable = (name: string) => Object.prototype.propertyIsEnumerable.call(value, name)
  if (!enumerable('message') && (Object.hasOwn(value, 'message') || value.message !== '')) hidden.message = String(value.message)
  if (!enumerable('name') && value.name !== ERROR_CLASSES[kind]?.prototype.name) hidden.name = String(value.name)
  if (!enumerable('stack') && typeof value.stack === 'string') hidden.stack = value.stack
  if (!enumerable('cause') && Object.hasOwn(value, 'cause')) hidden.cause = value.cause
  if (!enumerable('errors') && Object.hasOwn(value, 'errors')) hidden.errors = (value as AggregateError).errors
  nested(context.out, EXT.error, () => {
    context.out.u8(kind)
    properties(context, hidden, Object.keys(hidden), depth)
    properties(context, value, Object.keys(value), depth)
  })
}
