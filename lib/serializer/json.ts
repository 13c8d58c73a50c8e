import { define, describe, fromToJSON, shapeOf, Unstorable } from './plain.ts'
import { MAX_DEPTH } from './format.ts'

/**
 * A value as JSON text, refused where JSON would bring back something else without a word.
 *
 * Kept: strings, booleans, `null`, finite numbers, arrays, plain objects. What has a `toJSON` (`Date`, `URL`, an
 * application's class) is kept as what that gives. As everywhere in JSON a property that is `undefined` is left out,
 * `-0` is 0, and an object without a prototype gets one. Refused: `undefined` and holes in arrays, `NaN`, infinities,
 * bigints, Map, Set, Buffers, typed arrays, errors and class instances without `toJSON`, functions, symbols, cycles.
 * @throws {Unstorable}
 */
export function writeJson (value: unknown): Buffer {
  const text = JSON.stringify(keepable(value, new Set()))
  const bytes = Buffer.allocUnsafeSlow(Buffer.byteLength(text))
  bytes.write(text)
  return bytes
}

/** @throws {SyntaxError} */
export function readJson (bytes: Uint8Array): unknown {
  return JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString())
}

function keepable (value: unknown, above: Set<object>): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return value
    throw new Unstorable(`it holds ${value}, which JSON cannot keep`)
  }
  if (typeof value !== 'object') throw new Unstorable(`it holds ${describe(value)}, which JSON cannot keep`)
  if (above.has(value)) throw new Unstorable('it holds itself, which JSON cannot keep')
  if (above.size > MAX_DEPTH) throw new Unstorable(`it is nested more than ${MAX_DEPTH} levels deep`)
  above.add(value)
  const kept = container(value, above)
  above.delete(value)
  return kept
}

function container (value: object, above: Set<object>): unknown {
  // A Buffer has a toJSON, but what it gives is read back as an object with a list of numbers.
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer) throw new Unstorable(`it holds ${describe(value)}, which JSON cannot keep`)
  if (Array.isArray(value)) return Array.from(value, (item) => keepable(item, above))
  const replaced = fromToJSON(value)
  if (replaced !== undefined) return keepable(replaced.json, above)
  if (shapeOf(value) === 'class') throw new Unstorable(`it holds ${describe(value)}, which has no toJSON()`)
  const out: Record<string, unknown> = {}
  for (const key of Object.keys(value)) {
    const item: unknown = (value as Record<string, unknown>)[key]
    if (item === undefined) continue
    if (key === '__proto__') define(out, key, keepable(item, above))
    else out[key] = keepable(item, above)
  }
  return out
}
