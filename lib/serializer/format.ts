/**
 * MessagePack with these extension types. Numbers are int32/uint32 or float64, so that `-0`, `NaN` and every integer
 * come back as they were; bigints are always an extension, so that they stay bigints whatever their size.
 */
export const EXT = {
  undefined: 0,
  bigint: 1,
  date: 2,
  map: 3,
  set: 4,
  error: 5,
  typedArray: 6,
  nullPrototype: 7,
  /** An array with holes or properties of its own. */
  oddArray: 8,
  /** The n-th container of this value again: a cycle, or a shared part. */
  reference: 9,
  /** A string that UTF-8 cannot hold: UTF-16. */
  utf16: 10
} as const

/** Nesting past this is refused on both sides: recursion must end before the stack does. */
export const MAX_DEPTH = 1000

/** The position is what is stored: append only. */
export const ERROR_CLASSES = [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError] as const

type Bits = new (buffer: ArrayBuffer) => ArrayBufferView | ArrayBuffer
const named = (name: string) => (globalThis as Record<string, unknown>)[name] as Bits | undefined

/** The position is what is stored: append only. Float16Array is missing before Node 24. */
export const VIEW_CLASSES: ReadonlyArray<readonly [name: string, make: Bits | undefined, unit: number]> = [
  ['ArrayBuffer', named('ArrayBuffer'), 1], ['DataView', named('DataView'), 1],
  ['Uint8Array', named('Uint8Array'), 1], ['Int8Array', named('Int8Array'), 1], ['Uint8ClampedArray', named('Uint8ClampedArray'), 1],
  ['Uint16Array', named('Uint16Array'), 2], ['Int16Array', named('Int16Array'), 2],
  ['Uint32Array', named('Uint32Array'), 4], ['Int32Array', named('Int32Array'), 4],
  ['Float32Array', named('Float32Array'), 4], ['Float64Array', named('Float64Array'), 8],
  ['BigInt64Array', named('BigInt64Array'), 8], ['BigUint64Array', named('BigUint64Array'), 8],
  ['Float16Array', named('Float16Array'), 2]
]
