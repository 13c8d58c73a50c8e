import type { DeleteCachedOptions } from '../lib/http/delete-cached.ts'
import type { CacheStats } from '../lib/stats.ts'
import type { Store } from '../lib/stores/store.ts'
import type { SetOptions } from '../lib/values.ts'
import type { Functions } from './functions.ts'

export type { CacheStats, DeleteCachedOptions, SetOptions }

/**
 * `fastify.cache`. Timeouts are seconds: `undefined` or `null` is `CACHE_DEFAULT_TIMEOUT`, 0 never expires. Reads and
 * writes fail open while the backend is down; deletions, `clear` and the tag methods reject then (unless
 * `CACHE_IGNORE_ERRORS`), `add`, `inc` and `dec` always.
 */
export interface Cache extends Functions {
  /** The value, or `undefined` where there is none. */
  get<T = unknown> (key: string): Promise<T | undefined>
  /** In the order of `keys`. */
  getMany<T = unknown> (keys: readonly string[]): Promise<Array<T | undefined>>
  /** By key; an object without a prototype. */
  getDict<T = unknown> (keys: readonly string[]): Promise<Record<string, T | undefined>>
  /** Is there a value that has not expired? */
  has (key: string): Promise<boolean>
  /** `false`: not stored; what was there before is gone. */
  set (key: string, value: unknown, options?: SetOptions): Promise<boolean>
  /** The keys that were stored. */
  setMany (entries: Readonly<Record<string, unknown>> | ReadonlyMap<string, unknown>, options?: SetOptions): Promise<string[]>
  /** Only where nothing is, atomically between processes. `true`: stored. */
  add (key: string, value: unknown, options?: SetOptions): Promise<boolean>
  /** `true`: it was there. */
  delete (key: string): Promise<boolean>
  /** The keys that were there. A failure half way rejects with what was removed in the error's `deleted`. */
  deleteMany (keys: readonly string[]): Promise<string[]>
  /** Removes the values whose key starts so; how many there were. The memcached types refuse it. */
  deleteByPrefix (prefix: string): Promise<number>
  /** As `deleteMany`; the memory is freed in the background on Redis. */
  unlink (...keys: string[]): Promise<string[]>
  /** Adds a whole number, atomically between processes; an absent key counts from 0. `timeout` is for a key made by it. */
  inc (key: string, delta?: number, options?: { timeout?: number | null | undefined }): Promise<number>
  /** Subtracts a whole number. */
  dec (key: string, delta?: number, options?: { timeout?: number | null | undefined }): Promise<number>
  /** Removes everything of this cache, and nothing else. */
  clear (): Promise<boolean>
  /** Removes what is stored for a path of a cached route. `true`: something was. */
  deleteCached (path: string, options?: DeleteCachedOptions): Promise<boolean>
  /** Removes every entry that has one of the tags, at once, whatever their number. */
  invalidateTags (...tags: string[]): Promise<void>
  /** Makes every entry that has one of the tags stale: `staleWhileRevalidate` and `staleIfError` may still use it. */
  expireTags (...tags: string[]): Promise<void>
  /** Counters of this process since its start. */
  stats (): CacheStats
  /** The backend. */
  readonly store: Store<never>
}
