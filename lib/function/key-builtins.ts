import { types } from 'node:util'

import { textKey } from './key-text.ts'
import type { KeyWalk } from './key-walk.ts'

type Encoder = (value: never, walk: KeyWalk) => string

const ERRORS = [Error, TypeError, RangeError, SyntaxError, ReferenceError, EvalError, URIError, AggregateError]

// Float16Array exists from Node 24 on.
const VIEWS = ['Int8Array', 'Uint8Array', 'Uint8ClampedArray', 'Int16Array', 'Uint16Array', 'Int32Array', 'Uint32Array', 'Float16Array',
  'Float32Array', 'Float64Array', 'BigInt64Array', 'BigUint64Array', 'DataView', 'Buffer']

/**
 * By prototype, which deep equality compares too: a subclass is not its base class, and says by itself what it is. The
 * second word is the brand, without which the prototype is borrowed.
 */
const BUILTINS = new Map<object, readonly [brand: (value: unknown) => boolean, encode: Encoder]>([
  [Array.prototype, [Array.isArray, arrayKey]],
  [Date.prototype, [types.isDate, (value: Date, walk: KeyWalk) => `d${value.getTime()};${extras(value, walk)}`]],
  [RegExp.prototype, [types.isRegExp, (value: RegExp, walk: KeyWalk) => `r${textKey(value.source)}${textKey(value.flags)}${value.lastIndex};${extras(value, walk)}`]],
  [URL.prototype, [(value) => value instanceof URL, (value: URL, walk: KeyWalk) => `l${textKey(value.href)}${extras(value, walk)}`]],
  [Map.prototype, [types.isMap, mapKey]],
  [Set.prototype, [types.isSet, setKey]],
  [ArrayBuffer.prototype, [types.isArrayBuffer, (value: ArrayBuffer, walk: KeyWalk) => `b${bytesKey(Buffer.from(value))}${extras(value, walk)}`]],
  [SharedArrayBuffer.prototype, [types.isSharedArrayBuffer, (value: SharedArrayBuffer, walk: KeyWalk) => `B${bytesKey(Buffer.from(value))}${extras(value, walk)}`]],
  [Number.prototype, [types.isNumberObject, boxedKey]],
  [String.prototype, [types.isStringObject, boxedKey]],
  [Boolean.prototype, [types.isBooleanObject, boxedKey]],
  [BigInt.prototype, [types.isBigIntObject, boxedKey]]
])

for (const kind of ERRORS) {
  BUILTINS.set(kind.prototype, [types.isNativeError, (value: Error, walk: KeyWalk) => errorKey(kind.name, value, walk)])
}
for (const name of VIEWS) {
  const view = (globalThis as Record<string, unknown>)[name] as { prototype: object } | undefined
  if (view !== undefined) BUILTINS.set(view.prototype, [ArrayBuffer.isView, (value: ArrayBufferView) => `v${textKey(name)}${viewKey(value)}`])
}

/** The key of a built-in object; `undefined` where it is none. */
export function builtinKey (value: object, walk: KeyWalk): string | undefined {
  const found = BUILTINS.get(Object.getPrototypeOf(value))
  return found !== undefined && found[0](value) ? found[1](value as never, walk) : undefined
}

function arrayKey (value: readonly unknown[], walk: KeyWalk): string {
  let key = `a${value.length}:`
  for (let i = 0; i < value.length; i++) {
    const item = value[i]
    if (item === undefined && !Object.hasOwn(value, i)) return sparseKey(value, walk)
    key += walk.part(`[${i}]`, item)
  }
  return key + ownNames(value, Object.keys(value).slice(value.length), walk)
}

/** A hole is not `undefined`; an array of a billion holes must not be walked hole by hole. */
function sparseKey (value: readonly unknown[], walk: KeyWalk): string {
  return `A${value.length}:${walk.properties(value, Object.keys(value))}`
}

function mapKey (value: ReadonlyMap<unknown, unknown>, walk: KeyWalk): string {
  const parts: string[] = []
  for (const [key, item] of value) {
    parts.push(walk.part('<key>', key) + walk.part(`.get(${typeof key === 'object' ? '…' : String(key)})`, item))
  }
  return `m${value.size}:${parts.sort().join('')}${extras(value, walk)}`
}

function setKey (value: ReadonlySet<unknown>, walk: KeyWalk): string {
  const parts: string[] = []
  for (const item of value) parts.push(walk.part('<member>', item))
  return `e${value.size}:${parts.sort().join('')}${extras(value, walk)}`
}

function boxedKey (value: object, walk: KeyWalk): string {
  const primitive: unknown = value.valueOf()
  const skipped = typeof primitive === 'string' ? primitive.length : 0
  return `w${walk.part('', primitive)}${ownNames(value, Object.keys(value).slice(skipped), walk)}`
}

function errorKey (kind: string, value: Error, walk: KeyWalk): string {
  let key = `E${textKey(kind)}${walk.part('.name', value.name)}${walk.part('.message', value.message)}`
  // Neither is enumerable, and both are part of what deep equality sees.
  for (const name of ['cause', 'errors'] as const) {
    const own = Object.getOwnPropertyDescriptor(value, name)
    key += own === undefined || own.enumerable === true ? '-' : walk.part(`.${name}`, (value as Error & { errors?: unknown })[name])
  }
  return key + extras(value, walk)
}

/** The bytes decide, as in deep equality: 0 and -0 differ. Properties beside the items are not looked for: it would list every item. */
function viewKey (value: ArrayBufferView): string {
  return bytesKey(Buffer.from(value.buffer as ArrayBuffer, value.byteOffset, value.byteLength))
}

function bytesKey (bytes: Buffer): string {
  return `${bytes.length}:${bytes.toString('base64')}`
}

function extras (value: object, walk: KeyWalk): string {
  return ownNames(value, Object.keys(value), walk)
}

function ownNames (value: object, names: readonly string[], walk: KeyWalk): string {
  if (names.length === 0 && Object.getOwnPropertySymbols(value).length === 0) return '.'
  return `x${walk.properties(value, names)}`
}
