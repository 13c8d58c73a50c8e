import { errors } from '../errors.ts'
import { readCount } from './count.ts'
import { nearestText, toBytes } from './foreign.ts'
import type { Awaitable, Store } from './store.ts'

type Method = (...args: unknown[]) => unknown

const NEEDED = ['get', 'set', 'add', 'delete', 'increment', 'clear'] as const

/**
 * A store of the application's, as the cache uses it: bytes in, bytes or `undefined` out, booleans where booleans are
 * meant. Its methods are called on itself, and answer at once where they do. What they throw goes through.
 *
 * @throws FST_CACHE_ERR_OPTIONS when a method is missing
 */
export function customStore (userStore: unknown): Store<Buffer> {
  const theirs = checked(userStore)
  const call = (name: string, ...args: unknown[]) => theirs[name]!(...args)
  const optional = <T>(name: string, method: T): { [name: string]: T } => typeof theirs[name] === 'function' ? { [name]: method } : {}

  function increment (key: string, delta: number, ttl?: number): Awaitable<number> {
    const step = () => then(call('increment', key, delta, ttl), (sum) => toNumber(key, sum))
    // one that takes no lifetime would make a key that never ends: so it is made here, with one
    const run = () => theirs.increment!.length >= 3 ? step() : then(call('add', key, Buffer.from('0'), ttl), step)
    try {
      const sum = run()
      return typeof sum === 'number' ? sum : sum.catch((error: unknown) => uncountable(key, error))
    } catch (error) {
      return uncountable(key, error)
    }
  }

  /** A store says in its own words that it cannot count on a value: that is an answer, and no outage. */
  function uncountable (key: string, error: unknown): Awaitable<never> {
    return then(call('get', key), (value) => {
      const bytes = toBytes(value)
      if (bytes !== undefined && readCount(bytes) === undefined) throw new errors.FST_CACHE_ERR_NOT_A_NUMBER(JSON.stringify(key))
      throw error
    })
  }

  return {
    get: (key) => then(call('get', key), toBytes),
    set: (key, value, ttl) => then(call('set', key, value, ttl), isNotFalse),
    add: (key, value, ttl) => then(call('add', key, value, ttl), Boolean),
    delete: (key) => then(call('delete', key), Boolean),
    increment,
    clear: (prefix) => then(call('clear', prefix), isNotFalse),
    ...optional('getMany', (keys: readonly string[]) => then(call('getMany', keys), (values) => list('getMany', values, keys.length).map(toBytes))),
    ...optional('setMany', (entries: ReadonlyArray<readonly [string, Buffer]>, ttl?: number) => then(call('setMany', entries, ttl), (done) => answers(done, entries.length, isNotFalse))),
    ...optional('deleteMany', (keys: readonly string[]) => then(call('deleteMany', keys), (gone) => list('deleteMany', gone, keys.length).map(Boolean))),
    ...optional('has', (key: string) => then(call('has', key), Boolean)),
    ...optional('deleteByPrefix', (prefix: string) => then(call('deleteByPrefix', prefix), (gone) => toNumber(prefix, gone))),
    ...optional('deleteIf', (key: string, value: Buffer) => then(call('deleteIf', key, value), Boolean)),
    ...optional('replaceIf', (key: string, expected: Buffer, value: Buffer, ttl?: number) => then(call('replaceIf', key, expected, value, ttl), Boolean)),
    ...optional('touch', (key: string, ttl?: number) => then(call('touch', key, ttl), Boolean)),
    ...optional('close', () => then(call('close'), () => undefined)),
    ...(typeof theirs.maxValueBytes === 'number' ? { maxValueBytes: theirs.maxValueBytes } : {})
  }
}

function checked (userStore: unknown): Record<string, Method> & { maxValueBytes?: unknown } {
  if (typeof userStore !== 'object' || userStore === null) {
    throw new errors.FST_CACHE_ERR_OPTIONS(`CACHE_TYPE must be a type's name or a Store object; got ${userStore === null ? 'null' : typeof userStore}`)
  }
  const theirs = userStore as Record<string, Method>
  const missing = NEEDED.filter((name) => typeof theirs[name] !== 'function')
  if (missing.length === 0) return theirs
  const hints = missing.map((name) => nearestText(name, theirs))
  throw new errors.FST_CACHE_ERR_OPTIONS(`the Store object given as CACHE_TYPE lacks the method${missing.length > 1 ? 's' : ''} ${hints.join(', ')}; it needs ${NEEDED.join(', ')}`)
}

/** Goes on at once where there is nothing to wait for. */
function then<T> (value: unknown, next: (value: unknown) => Awaitable<T>): Awaitable<T> {
  const isPromise = typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  return isPromise ? Promise.resolve(value).then(next) : next(value)
}

/** Writers that answer nothing (a Map's `set` answers itself) have written. */
function isNotFalse (value: unknown): boolean {
  return value !== false
}

function toNumber (key: string, value: unknown): number {
  const number = typeof value === 'number' ? value : Number(typeof value === 'string' || typeof value === 'bigint' ? value : NaN)
  if (Number.isFinite(number)) return number
  throw new errors.FST_CACHE_ERR_BACKEND(`the store answered no number for ${JSON.stringify(key)}`)
}

function list (method: string, value: unknown, length: number): unknown[] {
  if (Array.isArray(value) && value.length === length) return value
  throw new errors.FST_CACHE_ERR_BACKEND(`the store's ${method} must answer a list of ${length}`)
}

function answers (value: unknown, length: number, read: (value: unknown) => boolean): boolean[] {
  if (Array.isArray(value) && value.length === length) return value.map(read)
  return Array.from({ length }, () => read(value))
}
