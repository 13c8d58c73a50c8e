import { errors } from '../errors.ts'
import { builtinKey } from './key-builtins.ts'
import { primitiveKey, textKey } from './key-text.ts'

/** JSON of a client may be nested deeper than the stack is; deeper than this is refused, with a message. */
const MOST_LEVELS = 1_000
/** An object that is shared inside itself, level by level, unfolds exponentially: an end to it. */
const MOST_OBJECTS = 1_000_000

const toTag = Object.prototype.toString

interface Identified {
  cachingId?: unknown
  toJSON?: unknown
}

/** Walks one argument. Holds the way to where it is, for cycles and for the message of a refusal. */
export class KeyWalk {
  readonly #subject: string
  readonly #ancestors: object[] = []
  readonly #path: string[] = []
  #objects = 0

  /** @param subject how a refusal names what is walked: `memoize(f): argument 1` */
  constructor (subject: string) {
    this.#subject = subject
  }

  /** The key of anything, or a FST_CACHE_ERR_FUNCTION that says what has none and where. */
  key (value: unknown): string {
    return primitiveKey(value) ?? this.#objectKey(value as object)
  }

  /** The key of a part of what is being walked. */
  part (step: string, value: unknown): string {
    const simple = primitiveKey(value)
    if (simple !== undefined) return simple
    this.#path.push(step)
    const key = this.#objectKey(value as object)
    this.#path.pop()
    return key
  }

  /** Own enumerable properties, whatever their order. */
  properties (value: object, names: readonly string[]): string {
    const symbols = enumerableSymbols(value)
    let key = `${names.length + symbols.length}:`
    for (const name of inOrder(names)) {
      const item = (value as Record<string, unknown>)[name]
      key += textKey(name) + (primitiveKey(item) ?? this.part(`.${name}`, item))
    }
    return symbols.length === 0 ? key : key + this.#symbols(value, symbols)
  }

  refuse (what: string): never {
    const at = this.#path.length === 0 ? '' : `, at ${this.#path.join('').slice(0, 200)},`
    throw new errors.FST_CACHE_ERR_FUNCTION(`${this.#subject}${at} ${what}`)
  }

  #objectKey (value: object | symbol): string {
    if (typeof value === 'function') this.refuse('is a function, which cannot be part of a cache key; pass plain data, or name its position in argsToIgnore')
    if (typeof value === 'symbol') this.refuse('is a symbol, which cannot be part of a cache key; pass a string, or name its position in argsToIgnore')
    // A cycle is as far up as its deep equal's: the distance says it, whatever the object.
    const above = this.#ancestors.lastIndexOf(value)
    if (above !== -1) return `c${this.#ancestors.length - above};`
    if (this.#ancestors.length >= MOST_LEVELS) this.refuse(`is nested more than ${MOST_LEVELS} levels deep; pass less, or give makeCacheKey`)
    if (++this.#objects > MOST_OBJECTS) this.refuse(`unfolds into more than ${MOST_OBJECTS} objects; pass less, or give makeCacheKey`)
    this.#ancestors.push(value)
    const key = this.#identity(value) ?? builtinKey(value, this) ?? this.#plain(value) ?? this.#serialized(value)
    this.#ancestors.pop()
    return key
  }

  #plain (value: object): string | undefined {
    const prototype = Object.getPrototypeOf(value)
    if (prototype !== null && prototype !== Object.prototype) return undefined
    const tag = toTag.call(value)
    const kind = (prototype === null ? 'O' : 'o') + (tag === '[object Object]' ? '' : `g${textKey(tag)}`)
    return kind + this.properties(value, Object.keys(value))
  }

  /** What an object says of itself comes before what it is made of. */
  #identity (value: object): string | undefined {
    const { cachingId } = value as Identified
    return typeof cachingId === 'function' ? this.#instance(value, 'cachingId', cachingId.call(value)) : undefined
  }

  #serialized (value: object): string {
    const { toJSON } = value as Identified
    if (typeof toJSON === 'function') return this.#instance(value, 'toJSON', toJSON.call(value, ''))
    return this.refuse(`is an instance of ${className(value) || 'an unnamed class'}, which has neither cachingId() nor toJSON(); ` +
      'give it one of them, pass plain data, or name its position in argsToIgnore')
  }

  #instance (value: object, method: string, id: unknown): string {
    const name = className(value)
    if (id === undefined || id === null || id === value) {
      const got = id === value ? 'the instance itself' : String(id)
      this.refuse(`is an instance of ${name || 'an unnamed class'} whose ${method}() returned ${got}; it must return what tells it from other instances`)
    }
    return `k${textKey(name)}${this.part(`.${method}()`, id)}`
  }

  #symbols (value: object, symbols: readonly symbol[]): string {
    const parts = symbols.map((symbol) => {
      // Only a registered symbol is the same one in every process.
      const registered = Symbol.keyFor(symbol)
      if (registered === undefined) this.refuse(`has the property ${String(symbol)}, and only registered symbols (Symbol.for) can be part of a cache key`)
      return `y${textKey(registered as string)}${this.part(`[${String(symbol)}]`, (value as Record<symbol, unknown>)[symbol])}`
    })
    return parts.sort().join('')
  }
}

const NO_SYMBOLS: readonly symbol[] = []

function enumerableSymbols (value: object): readonly symbol[] {
  const symbols = Object.getOwnPropertySymbols(value)
  return symbols.length === 0 ? NO_SYMBOLS : symbols.filter((symbol) => Object.prototype.propertyIsEnumerable.call(value, symbol))
}

/** Many objects have theirs in order: to see that, and not to sort, takes 150 ns less for two names. */
function inOrder (names: readonly string[]): readonly string[] {
  for (let i = 1; i < names.length; i++) {
    if (names[i - 1]! > names[i]!) return [...names].sort()
  }
  return names
}

/** Empty where it has none. */
export function className (value: object): string {
  const { constructor } = value as { constructor?: unknown }
  return typeof constructor === 'function' ? String(constructor.name) : ''
}
