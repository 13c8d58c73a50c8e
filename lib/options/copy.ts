const DEEPEST = 32

/** The user's own enumerable properties, each read once; what says "the default" (`undefined`, `null`) is left out. */
export function ownEntries (object: object): Array<[string, unknown]> {
  const entries: Array<[string, unknown]> = []
  for (const key of Object.keys(object)) {
    const value = (object as Record<string, unknown>)[key]
    if (value !== undefined && value !== null) entries.push([key, value])
  }
  return entries
}

export function isPlainObject (value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  // A plain object of another realm (a vm context) has a foreign Object.prototype, whose own prototype is null.
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/**
 * A copy of plain data (objects and lists, however nested), so that what the caller does to it later changes nothing.
 * Everything else (clients, stores, functions, Buffers, Dates) has an identity and is kept as it is.
 */
export function copyData (value: unknown): unknown {
  return copy(value, new Map(), 0)
}

function copy (value: unknown, seen: Map<object, unknown>, depth: number): unknown {
  if (typeof value !== 'object' || value === null || depth > DEEPEST) return value
  const known = seen.get(value)
  if (known !== undefined) return known
  if (Array.isArray(value)) {
    const list: unknown[] = []
    seen.set(value, list)
    for (let i = 0; i < value.length; i++) list.push(copy(value[i], seen, depth + 1))
    return list
  }
  if (!isPlainObject(value)) return value
  const target: Record<string, unknown> = {}
  seen.set(value, target)
  for (const key of Object.keys(value)) define(target, key, copy(value[key], seen, depth + 1))
  return target
}

/** Sets an own property whatever its name: assigning to `__proto__` would change the prototype instead. */
export function define (target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, enumerable: true, writable: true, configurable: true })
}

/** Freezes a copy made by `copyData`, and the plain data in it down to `levels`. */
export function freezeData<T> (value: T, levels = DEEPEST): T {
  if (levels < 0 || typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  if (!Array.isArray(value) && !isPlainObject(value)) return value
  Object.freeze(value)
  for (const item of Object.values(value)) freezeData(item, levels - 1)
  return value
}
