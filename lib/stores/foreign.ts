/**
 * What a store of the application's answers to `get`, as bytes; `undefined` for a miss. Text that holds only bytes is
 * taken for them; what cannot be bytes is a miss.
 */
export function toBytes (value: unknown): Buffer | undefined {
  if (value === undefined || value === null) return undefined
  if (Buffer.isBuffer(value)) return value
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength)
  if (typeof value === 'string') return Buffer.from(value, /[^\0-\xff]/.test(value) ? 'utf8' : 'latin1')
  if (typeof value === 'number' || typeof value === 'bigint') return Buffer.from(String(value))
  return fromJson(value)
}

/** A Buffer that went through JSON on its way. */
function fromJson (value: unknown): Buffer | undefined {
  const { type, data } = value as { type?: unknown, data?: unknown }
  return type === 'Buffer' && Array.isArray(data) ? Buffer.from(data) : undefined
}

const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  delete: ['del', 'remove', 'destroy'],
  increment: ['inc', 'incr', 'incrBy'],
  clear: ['flush', 'reset'],
  add: ['setnx', 'setNX'],
  set: ['put'],
  get: ['read', 'fetch']
}

/** A missing method, with the one of the object's that is likely meant. */
export function nearestText (name: string, theirs: Readonly<Record<string, unknown>>): string {
  const other = OTHER_NAMES[name]?.find((candidate) => typeof theirs[candidate] === 'function')
  return other === undefined ? `${name}()` : `${name}() (it has ${other}())`
}
