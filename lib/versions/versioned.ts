import type { Entry } from '../entry.ts'
import type { Awaitable } from '../stores/store.ts'
import type { KeyFence } from './key-fences.ts'

/** An entry without what the versions add to it. */
export type Draft = Omit<Entry, 'marks' | 'sequence'>

/**
 * What a look-up brought, with the versions as they were at that moment. A fill that follows hands it back to
 * `begin`, so that a purge that comes in between is never undone by the fill.
 */
export interface Found {
  readonly key: string
  /** Undefined: nothing there, or what is there was purged, has ended, or cannot be trusted. */
  readonly entry: Entry | undefined
  /** When the entry was made stale by `soften`, ms; `Infinity` = it was not. */
  readonly softened: number
  readonly names: readonly string[]
  /** The versions of `names`; `undefined` for one that nobody has needed yet. Empty in memory. */
  readonly marks: ReadonlyArray<string | undefined>
  readonly sequence: number
  /** The moment of the look-up, ms, where it is the present one still: in memory. */
  readonly at?: number
  /** The look-up took about all the time that an operation may take: one of several servers is silent. */
  readonly late?: boolean
}

/** The versions that a fill is made under. */
export interface Stamp {
  readonly names: readonly string[]
  readonly marks: readonly string[]
  readonly sequence: number
  /** Touched: the key was deleted or set in this process since. */
  readonly fence: KeyFence
}

/**
 * Entries under versions: the one mechanism behind every invalidation. An entry records the versions of the names
 * that it depends on as they were at its lookup; a read that finds another version is a miss. A purge moves versions
 * and touches no entry.
 *
 * Reads and writes reject when the backend is down (the caller fails open); so do purges.
 */
export interface Versioned {
  /** In memory: every method answers at once. */
  readonly immediate: boolean
  /** The purge counter of this process. */
  sequence (): number
  /**
   * The group of what depends on this name foremost: entries whose key shows it (`tagged`), and which depend on its part
   * of the cache's version (`cacheName`), lie where that version and this name's lie. '' where all lies in one place.
   */
  group (name: string): string
  /** The entry under `key` with the versions of `names`, as one operation of the backend. */
  lookup (key: string, names: readonly string[]): Awaitable<Found>
  /** In the order of `keys`. */
  lookupMany (keys: readonly string[]): Awaitable<Found[]>
  /** Makes sure that each name of the lookup has a version, before the fill's work begins. `life`: ms, how long it is needed. */
  begin (found: Found, life: number): Awaitable<Stamp>
  /** Was one of the stamp's names, or its key, purged in this process since? */
  outdated (key: string, stamp: Stamp): boolean
  /**
   * Beyond `outdated`: may the run under this stamp have to do with something that was made stale, or with a tag that was
   * purged, in this process since? It may be stored, but who comes later does not wait for it.
   */
  disturbed? (stamp: Stamp): boolean
  /**
   * Writes a draft made under `stamp`. Its `names` may hold tags beyond the stamp's, which then must hold `FENCE`, that is
   * watched and never depended on.
   * `false`: refused, or purged meanwhile.
   */
  write (key: string, draft: Draft, stamp: Stamp): Awaitable<boolean>
  /** Writes a value that comes from no fill; a fill of the key that began earlier in this process is not stored. */
  put (key: string, draft: Draft): Awaitable<boolean>
  /** As `put`, only where nothing is. */
  add (key: string, draft: Draft): Awaitable<boolean>
  /** The key is about to change in the backend by other means (a counter): a fill that began earlier is not stored, and what a failed deletion left there goes first. */
  touchKey (key: string): Awaitable<void>
  /** As `touchKey`, for every key that begins so. */
  touchKeys (prefix: string): void
  /** What stands under the key was superseded, and what supersedes it could not be written: nobody here believes it until it is removed. */
  distrust (key: string): void
  /** The removal of every key that begins so has failed: they read as misses here until `retry` has succeeded. */
  distrustKeys (prefix: string, retry: () => Promise<unknown>): void
  /** Moves the versions of names: every entry that depends on one of them is gone. */
  purge (names: readonly string[]): Awaitable<void>
  /** Makes every entry that depends on one of them stale, from now on. */
  soften (names: readonly string[]): Awaitable<void>
  /** May anything that is stored depend on one of these names? */
  anyDependent (names: readonly string[]): Awaitable<boolean>
  /** Removes one entry. A fill of the key that began earlier in this process is not stored. `true`: it was there. */
  remove (key: string): Awaitable<boolean>
  /** Removes every key under `prefix`, and whatever depends on `CACHE`. */
  clear (prefix: string): Awaitable<boolean>
  /** Stops what runs in the background. */
  close (): void
}
