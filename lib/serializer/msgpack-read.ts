import { EXT, ERROR_CLASSES, MAX_DEPTH, VIEW_CLASSES } from './format.ts'
import { define } from './plain.ts'
import { propertyName } from './property-names.ts'

interface Input {
  readonly bytes: Buffer
  at: number
  readonly end: number
  /** Containers in the order in which they begin, where there are references to them. */
  readonly containers: object[] | undefined
}

/** Not for users: there is a reference, so the bytes are read again with a list. Few have one, and the list took 8 % of a read. */
const TRACK = new Error('tracking needed')

/**
 * The value of bytes that `writeMsgpack` made. It shares no memory with them. The bytes are taken as hostile: nothing
 * is run, no class is chosen by name, and nothing is allocated that the bytes present do not account for.
 * @throws {Error} for anything that is not exactly one value
 */
export function readMsgpack (bytes: Uint8Array): unknown {
  const buffer = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  try {
    return read({ bytes: buffer, at: 0, end: buffer.length, containers: undefined })
  } catch (error) {
    if (error !== TRACK) throw error
    return read({ bytes: buffer, at: 0, end: buffer.length, containers: [] })
  }
}

function read (input: Input): unknown {
  const value = any(input, 0)
  if (input.at !== input.end) throw malformed()
  return value
}

function malformed (): Error {
  return new Error('not the bytes of one value')
}

/** Moves on by `length` bytes, which must be there; where they begin. */
function take (input: Input, length: number): number {
  const start = input.at
  if (length > input.end - start) throw malformed()
  input.at = start + length
  return start
}

function u32 (input: Input): number {
  return input.bytes.readUInt32BE(take(input, 4))
}

/** A count of things of at least `least` bytes each. */
function count (input: Input, least: number): number {
  const n = u32(input)
  if (n * least > input.end - input.at) throw malformed()
  return n
}

function any (input: Input, depth: number): unknown {
  if (depth > MAX_DEPTH + 1) throw malformed()
  const { bytes } = input
  const code = bytes[take(input, 1)]!
  if (code < 0x80) return code
  if (code < 0x90) return fill(input, note(input, {}), code & 0x0f, depth)
  if (code < 0xa0) return smallArray(input, code & 0x0f, depth)
  if (code < 0xc0) return text(input, code & 0x1f)
  switch (code) {
    case 0xc0: return null
    case 0xc2: return false
    case 0xc3: return true
    case 0xc6: return ownBytes(input, u32(input))
    case 0xc9: return extension(input, depth)
    case 0xcb: return bytes.readDoubleBE(take(input, 8))
    case 0xcd: return bytes.readUInt16BE(take(input, 2))
    case 0xce: return u32(input)
    case 0xd2: return bytes.readInt32BE(take(input, 4))
    case 0xd9: return text(input, bytes[take(input, 1)]!)
    case 0xdb: return text(input, u32(input))
    case 0xdd: return array(input, count(input, 1), depth)
    case 0xdf: return fill(input, note(input, {}), count(input, 2), depth)
  }
  if (code >= 0xe0) return code - 0x100
  throw malformed()
}

function note<T extends object> (input: Input, value: T): T {
  input.containers?.push(value)
  return value
}

function text (input: Input, length: number): string {
  return decoded(input.bytes, take(input, length), length)
}

function decoded (bytes: Buffer, start: number, length: number): string {
  const end = start + length
  if (length > 12) return bytes.toString('utf8', start, end)
  let out = ''
  for (let i = start; i < end; i++) {
    const code = bytes[i]!
    if (code > 0x7f) return bytes.toString('utf8', start, end)
    out += String.fromCharCode(code)
  }
  return out
}

/** @param remember it may come again */
function key (input: Input, remember = false): string {
  const { bytes, at } = input
  const code = bytes[at] ?? 0
  if (remember && code >= 0xa0 && code < 0xc0) {
    input.at = at + 1
    const length = code & 0x1f
    return propertyName(bytes, take(input, length), length, decoded)
  }
  const name = any(input, MAX_DEPTH) // a string, or its UTF-16 form: nothing nested
  if (typeof name !== 'string') throw malformed()
  return name
}

/** Objects of more properties are dictionaries, whose names do not come again: looking for these took a quarter longer. */
const MOST_REMEMBERED = 100

function fill<T extends object> (input: Input, target: T, size: number, depth: number): T {
  for (let i = 0; i < size; i++) {
    const name = key(input, size <= MOST_REMEMBERED)
    const value = any(input, depth + 1)
    if (name === '__proto__') define(target, name, value)
    else (target as Record<string, unknown>)[name] = value
  }
  return target
}

/** Exactly as long as it is: one that grows begins with room for 17, and took 10 % of a call whose result holds one. */
function smallArray (input: Input, length: number, depth: number): unknown[] {
  const out: unknown[] = note(input, new Array(length))
  for (let i = 0; i < length; i++) out[i] = any(input, depth + 1)
  return out
}

/** Grows with what is read: nested counts, each believed in advance, would add up to far more than the bytes. */
function array (input: Input, length: number, depth: number): unknown[] {
  const out: unknown[] = note(input, [])
  for (let i = 0; i < length; i++) out.push(any(input, depth + 1))
  return out
}

function ownBytes (input: Input, length: number): Buffer {
  const start = take(input, length)
  const own = Buffer.allocUnsafeSlow(length)
  input.bytes.copy(own, 0, start, input.at)
  return own
}

function extension (input: Input, depth: number): unknown {
  const length = u32(input)
  const type = input.bytes[take(input, 1)]!
  const end = input.at + length
  if (end > input.end) throw malformed()
  const value = extensionValue(input, type, length, depth)
  if (input.at !== end) throw malformed()
  return value
}

function extensionValue (input: Input, type: number, length: number, depth: number): unknown {
  switch (type) {
    case EXT.undefined: take(input, 1); return undefined
    case EXT.bigint: return bigint(input, length)
    case EXT.date: return new Date(input.bytes.readDoubleBE(take(input, 8)))
    case EXT.map: return map(input, depth)
    case EXT.set: return set(input, depth)
    case EXT.error: return error(input, depth)
    case EXT.typedArray: return view(input, length)
    case EXT.nullPrototype: return fill(input, note(input, Object.create(null)), propertyCount(input), depth)
    case EXT.oddArray: return oddArray(input, depth)
    case EXT.reference: return reference(input)
    case EXT.utf16: return ownBytes(input, length).toString('utf16le')
  }
  throw malformed()
}

function propertyCount (input: Input): number {
  const code = input.bytes[take(input, 1)]!
  if (code >= 0x80 && code < 0x90) return code & 0x0f
  if (code === 0xdf) return count(input, 2)
  throw malformed()
}

function bigint (input: Input, length: number): bigint {
  const start = take(input, length)
  if (length < 2) throw malformed()
  const magnitude = BigInt(`0x${input.bytes.toString('hex', start + 1, input.at)}`)
  return input.bytes[start] === 1 ? -magnitude : magnitude
}

function map (input: Input, depth: number): Map<unknown, unknown> {
  const out = note(input, new Map<unknown, unknown>())
  const size = count(input, 2)
  for (let i = 0; i < size; i++) {
    const name = any(input, depth + 1)
    out.set(name, any(input, depth + 1))
  }
  return out
}

function set (input: Input, depth: number): Set<unknown> {
  const out = note(input, new Set<unknown>())
  const size = count(input, 1)
  for (let i = 0; i < size; i++) out.add(any(input, depth + 1))
  return out
}

const HIDDEN = new Set(['message', 'name', 'stack', 'cause', 'errors'])

function error (input: Input, depth: number): Error {
  const kind = ERROR_CLASSES[input.bytes[take(input, 1)]!]
  if (kind === undefined) throw malformed()
  const out = note(input, kind === AggregateError ? new AggregateError([]) : new (kind as ErrorConstructor)())
  for (const name of ['message', 'stack', 'errors']) Reflect.deleteProperty(out, name)
  const hidden = propertyCount(input)
  for (let i = 0; i < hidden; i++) {
    const name = key(input)
    if (!HIDDEN.has(name)) throw malformed()
    Object.defineProperty(out, name, { value: any(input, depth + 1), writable: true, enumerable: false, configurable: true })
  }
  const own = propertyCount(input)
  for (let i = 0; i < own; i++) define(out, key(input), any(input, depth + 1))
  return out
}

function view (input: Input, length: number): unknown {
  if (length < 1) throw malformed()
  const [, View, unit] = VIEW_CLASSES[input.bytes[take(input, 1)]!] ?? []
  if (View === undefined || (length - 1) % unit! !== 0) throw malformed()
  const own = ownBytes(input, length - 1)
  return View === ArrayBuffer ? own.buffer : new View(own.buffer as ArrayBuffer)
}

/** A length is only a number in the bytes: `length = n` would allocate for it, an element far out makes a table instead. */
function oddArray (input: Input, depth: number): unknown[] {
  const out: unknown[] = note(input, [])
  const length = u32(input)
  const size = propertyCount(input)
  for (let i = 0; i < size; i++) {
    const name = key(input)
    if (name === 'length') throw malformed()
    define(out, name, any(input, depth + 1))
  }
  if (out.length > length) throw malformed()
  if (out.length < length) {
    out[length - 1] = undefined
    delete out[length - 1]
  }
  return out
}

function reference (input: Input): object {
  if (input.containers === undefined) throw TRACK
  const value = input.containers[u32(input)]
  if (value === undefined) throw malformed()
  return value
}
