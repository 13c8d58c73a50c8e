/** Why a value cannot be stored. Carries no key: who knows the key makes the public error of it. */
export class Unstorable extends Error {
  override name = 'Unstorable'
}

type Shape = 'plain' | 'null-prototype' | 'class'

/**
 * Plain, or an instance of something? Objects of another realm (`node:vm`) are plain; so are those whose prototype
 * is an empty object without one of its own, which routers and query parsers make for `params` and `query`.
 */
export function shapeOf (value: object): Shape {
  const prototype = Object.getPrototypeOf(value)
  if (prototype === Object.prototype) return 'plain'
  if (prototype === null) return 'null-prototype'
  if (Object.getPrototypeOf(prototype) !== null) return 'class'
  if (!Object.hasOwn(prototype, 'constructor')) return 'null-prototype'
  return Object.hasOwn(prototype, 'isPrototypeOf') && prototype.constructor?.name === 'Object' ? 'plain' : 'class'
}

/** What to call a value in a message, without showing it. */
export function describe (value: unknown): string {
  if (value === null || typeof value !== 'object') return `a ${typeof value}`
  const name: unknown = value.constructor?.name
  return typeof name === 'string' && name !== '' ? `an instance of ${name}` : 'an object'
}

/** What `toJSON` gives for a value that has one; `undefined` where it has none. */
export function fromToJSON (value: object): { readonly json: unknown } | undefined {
  const { toJSON } = value as { toJSON?: unknown }
  if (typeof toJSON !== 'function') return undefined
  const json: unknown = toJSON.call(value, '')
  if (json === value) throw new Unstorable(`toJSON() of ${describe(value)} returns the object itself`)
  return { json }
}

/** A property that cannot reach the prototype, whatever its name. */
export function define (target: object, key: string, value: unknown): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable: true, configurable: true })
}
