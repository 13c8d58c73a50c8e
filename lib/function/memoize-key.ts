import { createHash } from 'node:crypto'

import { errors } from '../errors.ts'
import { argumentsKey } from './arguments-key.ts'
import { textKey } from './key-text.ts'
import { KeyWalk, className } from './key-walk.ts'
import { KnownCalls } from './known-calls.ts'

/** Longer texts are hashed: a key is repeated in every entry, and backends have their bounds. */
const LONGEST = 128

export interface KeyRules {
  /** For messages. */
  readonly label: string
  readonly name: string
  /** The prefix of the cache, and what tells functions from everything else in it. */
  readonly space: string
  readonly argsToIgnore: readonly number[]
  /** The text of the source, where it is part of the key. */
  readonly source: string | undefined
  readonly hashMethod: string
  readonly needsIdentity: boolean
  readonly makeCacheKey: ((...args: readonly unknown[]) => unknown) | undefined
}

export interface MemoizeKey {
  readonly key: string
  /** Of the instance, for a method; '' for a function. */
  readonly identity: string
}

/** The keys of one memoized function. */
export class MemoizeKeys {
  readonly #rules: KeyRules
  readonly start: string
  readonly #known = new KnownCalls<MemoizeKey>()

  constructor (rules: KeyRules) {
    this.#rules = rules
    const ignored = [...new Set(rules.argsToIgnore)].sort((a, b) => a - b)
    // What is left out of the key is part of it: two ways to memoize one function must not read each other's arguments.
    this.start = rules.space + textKey(rules.name) +
      (ignored.length === 0 ? '' : `~${ignored.join(',')};`) +
      (rules.source === undefined ? '' : `$${this.#hash(rules.source)};`)
  }

  /**
   * @throws FST_CACHE_ERR_FUNCTION for an argument without a key, or an instance without an identity
   * @returns `undefined` where the function's own `makeCacheKey` brought no key; `fault` was told
   */
  of (self: unknown, args: readonly unknown[], fault: (error: unknown) => void): MemoizeKey | undefined {
    const identity = this.identity(self)
    const { makeCacheKey } = this.#rules
    if (makeCacheKey === undefined) return identity === '' ? this.#remembered(this.#counted(args)) : this.#derived(identity, this.#counted(args))
    const own = this.#own(makeCacheKey, self, args, fault)
    return own === undefined ? undefined : { key: [this.start, identity, 'M', this.#short(textKey(own))].join(''), identity }
  }

  /** The instance's part of the key; '' where there is none. */
  identity (self: unknown): string {
    const { needsIdentity, label } = this.#rules
    if (!hasIdentity(self)) {
      if (!needsIdentity) return ''
      throw new errors.FST_CACHE_ERR_FUNCTION(`${label}: it uses this, so that its results are those of an instance, and ` +
        `${described(self)} has no method cachingId() that says of which; add one, or pass what it reads as an argument`)
    }
    const id = self.cachingId()
    if (id === undefined || id === null) {
      throw new errors.FST_CACHE_ERR_FUNCTION(`${label}: cachingId() of its this returned ${String(id)}; it must return what tells the instance from others`)
    }
    const name = typeof self === 'function' ? String((self as { name?: unknown }).name) : className(self)
    return `@${this.#short(textKey(name) + new KeyWalk(`${label}: cachingId() of its this`).key(id))}`
  }

  #remembered (args: readonly unknown[]): MemoizeKey {
    const known = this.#known.get(args)
    if (known !== undefined) return known
    const place = this.#known.place(args)
    const made = this.#derived('', args)
    if (place !== undefined) place.value = made
    return made
  }

  /**
   * Joined: a concatenation stays a tree of its pieces for as long as an entry holds it, 100 bytes more, and is put together
   * by each look-up that finds something (0.03 µs of a hit of 0.55).
   */
  #derived (identity: string, args: readonly unknown[]): MemoizeKey {
    return { key: [this.start, identity, this.#short(argumentsKey(args, this.#rules.label))].join(''), identity }
  }

  #counted (args: readonly unknown[]): readonly unknown[] {
    const { argsToIgnore } = this.#rules
    return argsToIgnore.length === 0 ? args : args.filter((_, i) => !argsToIgnore.includes(i))
  }

  #own (makeCacheKey: NonNullable<KeyRules['makeCacheKey']>, self: unknown, args: readonly unknown[], fault: (error: unknown) => void): string | undefined {
    try {
      const key = makeCacheKey.apply(self, [...args])
      if (typeof key === 'string' && key !== '') return key
      if (key instanceof Promise) key.catch(() => {})
      fault(new errors.FST_CACHE_ERR_FUNCTION(`${this.#rules.label}: makeCacheKey must return a non-empty string; got ${key === '' ? "''" : described(key)}`))
    } catch (error) {
      fault(error)
    }
    return undefined
  }

  /** Its length or its hash in front, so that what follows cannot be taken for it. */
  #short (text: string): string {
    return text.length <= LONGEST ? `${text.length}=${text}` : `#${this.#hash(text)};`
  }

  #hash (text: string): string {
    return createHash(this.#rules.hashMethod).update(text).digest('base64url')
  }
}

export function hasIdentity (self: unknown): self is { cachingId (): unknown } {
  return self !== null && (typeof self === 'object' || typeof self === 'function') && typeof (self as { cachingId?: unknown }).cachingId === 'function'
}

function described (value: unknown): string {
  if (value === null || typeof value !== 'object') return typeof value === 'function' ? 'a function' : String(value)
  return `an instance of ${className(value) || 'an unnamed class'}`
}
