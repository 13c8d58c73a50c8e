import { isPromise } from './awaitable.ts'
import type { Draft, Found, Versioned } from './versions/versioned.ts'
import { tagName } from './versions/names.ts'
import type { Entry } from './entry.ts'
import { errors } from './errors.ts'
import { isCount } from './stores/count.ts'
import { isOutage } from './stores/outage.ts'
import { nearest } from './options/nearest.ts'
import { PrefixedKeys } from './prefixed-keys.ts'
import { refusal, type Packer } from './serializer.ts'
import type { Awaitable, Store } from './stores/store.ts'

/** Seconds, or seconds and tags. */
export type SetOptions = number | null | undefined | { timeout?: number | null | undefined, tags?: readonly string[] | undefined }

/** What the values of one cache work with. */
export interface ValuesDeps {
  readonly versioned: Versioned
  readonly packer: Packer
  /** The backend, for what the versions have no part in: counters and prefixes. */
  readonly store: Pick<Store<never>, 'increment' | 'deleteByPrefix'>
  /** Before every key of a value. */
  readonly prefix: string
  /** s */
  readonly defaultTimeout: number
  /** NullCache keeps nothing and counts nothing. */
  readonly none: boolean
  now (): number
  /** A read or write failed and is passed over. */
  failed (error: unknown, key: string): void
  event (name: 'hit' | 'miss' | 'store' | 'invalidate', key: string, reason?: string): void
}

/** Single values by key. Reads and writes fail open; deletions, `add` and counting reject when the backend does. */
export interface Values {
  get (key: string): Awaitable<unknown>
  getMany (keys: readonly string[]): Promise<unknown[]>
  has (key: string): Promise<boolean>
  set (key: string, value: unknown, options: SetOptions): Promise<boolean>
  add (key: string, value: unknown, options: SetOptions): Promise<boolean>
  delete (key: string): Promise<boolean>
  deleteByPrefix (prefix: string): Promise<number>
  increment (key: string, delta: number, timeout: number | null | undefined): Promise<number>
}

export function createValues (deps: ValuesDeps): Values {
  const { versioned, packer, store, prefix, now, failed, event } = deps
  const keys = new PrefixedKeys(prefix)

  /**
   * A key that an entry may hold, in one piece: a concatenation stays a tree of its pieces for as long as it is held, 32
   * bytes more. Reads leave it out, of which a miss would take 0.04 µs more.
   */
  function lasting (key: string): string {
    return [prefix, key].join('')
  }

  function read (key: string, found: Found): unknown {
    const { entry } = found
    if (entry === undefined || entry.kind !== 'value' || Math.min(entry.freshUntil, found.softened) <= (found.at ?? now())) {
      event('miss', key)
      return undefined
    }
    try {
      const value = packer.unpack(entry.payload as never)
      event('hit', key)
      return value
    } catch (error) {
      unanswered(error, key)
      return undefined
    }
  }

  /** A read that failed is a miss. */
  function unanswered (error: unknown, key: string): void {
    failed(error, key)
    event('miss', key)
  }

  function draft (key: string, value: unknown, options: SetOptions): Draft {
    const { timeout, tags } = setOptions(options)
    const seconds = secondsOf(timeout, deps.defaultTimeout)
    const at = now()
    return {
      kind: 'value',
      payload: pack(packer, key, value),
      created: at,
      freshUntil: seconds === 0 ? Infinity : at + seconds * 1000,
      staleWhileRevalidate: 0,
      staleIfError: 0,
      names: tagsOf(tags)
    }
  }

  /** Counting was refused: by a value that is no number and still stands (`true`), or by one that only its bytes are left of? */
  async function stands (key: string, refusal: unknown): Promise<boolean> {
    if (isOutage(refusal)) throw refusal
    let entry: Entry | undefined
    try {
      entry = (await versioned.lookup(prefix + key, NONE)).entry
    } catch {
      throw refusal
    }
    // A number that could be counted: the store failed for a reason of its own.
    if (entry !== undefined && entry.names.length === 0 && isCount(entry.payload)) throw refusal
    return entry !== undefined
  }

  return {
    get (key) {
      keyOf(key)
      let found: Awaitable<Found>
      try {
        found = versioned.lookup(keys.of(key), NONE)
      } catch (error) {
        unanswered(error, key)
        return undefined
      }
      if (!isPromise(found)) return read(key, found)
      return found.then((one) => read(key, one), (error: unknown) => { unanswered(error, key) })
    },

    async getMany (keys) {
      for (const key of keys) keyOf(key)
      try {
        const found = await versioned.lookupMany(keys.map((key) => prefix + key))
        return found.map((one, i) => read(keys[i]!, one))
      } catch (error) {
        failed(error, keys[0] ?? '')
        for (const key of keys) event('miss', key)
        return keys.map(() => undefined)
      }
    },

    async has (key) {
      keyOf(key)
      try {
        const { entry, softened } = await versioned.lookup(prefix + key, NONE)
        return entry !== undefined && entry.kind === 'value' && entry.freshUntil > now() && softened > now()
      } catch (error) {
        failed(error, key)
        return false
      }
    },

    async set (key, value, options) {
      const made = draft(keyOf(key), value, options)
      if (deps.none) return false
      try {
        const stored = await versioned.put(lasting(key), made)
        if (stored) event('store', key)
        return stored
      } catch (error) {
        failed(error, key)
        return false
      }
    },

    async add (key, value, options) {
      const made = draft(keyOf(key), value, options)
      if (deps.none) return false
      const stored = await versioned.add(lasting(key), made)
      if (stored) event('store', key)
      return stored
    },

    async delete (key) {
      keyOf(key)
      if (deps.none) return false
      const there = await versioned.remove(prefix + key)
      event('invalidate', key)
      return there
    },

    async deleteByPrefix (start) {
      if (typeof start !== 'string') throw new errors.FST_CACHE_ERR_ARGUMENT(`deleteByPrefix(prefix) takes a string; got ${typeof start}`)
      if (deps.none) return 0
      if (store.deleteByPrefix === undefined) throw new errors.FST_CACHE_ERR_UNSUPPORTED('this backend cannot list its keys, so deleteByPrefix() is not possible; give the values a tag and use invalidateTags()')
      versioned.touchKeys(prefix + start)
      const remove = async (): Promise<number> => await store.deleteByPrefix!(prefix + start)
      try {
        const count = await remove()
        event('invalidate', start, 'prefix')
        return count
      } catch (error) {
        versioned.distrustKeys(prefix + start, remove)
        throw error
      }
    },

    async increment (key, delta, timeout) {
      keyOf(key)
      if (!Number.isSafeInteger(delta)) throw new errors.FST_CACHE_ERR_ARGUMENT(`inc('${key}') and dec('${key}') take a whole number; got ${String(delta)}`)
      const seconds = secondsOf(timeout, deps.defaultTimeout)
      if (deps.none) return delta
      const stored = lasting(key)
      await versioned.touchKey(stored)
      const count = async (): Promise<number> => await store.increment(stored, delta, seconds === 0 ? undefined : seconds * 1000)
      try {
        return await count()
      } catch (error) {
        if (await stands(key, error)) throw new errors.FST_CACHE_ERR_NOT_A_NUMBER(`'${key}'`)
        // What stands there was purged, or has ended: an absent key counts from 0.
        await versioned.add(stored, draft(key, 0, timeout))
        return await count()
      }
    }
  }
}

const NONE: readonly string[] = []

/** What the serializer cannot keep is refused, with the key and the reason. */
export function pack (packer: Packer, key: string, value: unknown): ReturnType<Packer['pack']> {
  try {
    return packer.pack(value)
  } catch (error) {
    throw refusal(`'${key}'`, error)
  }
}

export function keyOf (key: unknown): string {
  if (typeof key === 'string' && key !== '') return key
  throw new errors.FST_CACHE_ERR_KEY(key === '' ? "''" : typeof key)
}

/** Seconds, or an object of known names. */
function setOptions (options: SetOptions): { timeout?: unknown, tags?: unknown } {
  if (typeof options !== 'object' || options === null) return { timeout: options }
  checkNames(options, ['timeout', 'tags'])
  return options
}

/** The `timeout` of `inc` and `dec`. */
export function timeoutOf (options: { timeout?: number | null | undefined } | null | undefined): number | null | undefined {
  if (options === undefined || options === null) return undefined
  checkNames(options, ['timeout'])
  return options.timeout
}

/** A name that is not known is refused with the nearest that is: a tag that is misspelt would never be invalidated. */
export function checkNames (options: unknown, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) throw new errors.FST_CACHE_ERR_ARGUMENT(`options are an object with ${known.join(', ')}; got ${Array.isArray(options) ? 'a list' : typeof options}`)
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue
    const near = nearest(name, known)
    throw new errors.FST_CACHE_ERR_ARGUMENT(`'${name}' is no option here; ${near === undefined ? `there are ${known.join(', ')}` : `did you mean '${near}'?`}`)
  }
}

/** `undefined` and `null` mean the default; 0 means never. */
export function secondsOf (timeout: unknown, fallback: number): number {
  if (timeout === undefined || timeout === null) return fallback
  if (typeof timeout === 'number' && Number.isFinite(timeout) && timeout >= 0) return timeout
  throw new errors.FST_CACHE_ERR_TIMEOUT(typeof timeout === 'number' ? String(timeout) : typeof timeout)
}

export function tagsOf (tags: unknown): readonly string[] {
  if (tags === undefined || tags === null) return NONE
  if (Array.isArray(tags) && tags.every((tag) => typeof tag === 'string' && tag !== '')) return [...new Set(tags as string[])].map(tagName)
  throw new errors.FST_CACHE_ERR_ARGUMENT('tags must be a list of non-empty strings')
}
