/** A method may answer at once or with a promise: a store in memory costs no promise. */
export type Awaitable<T> = T | Promise<T>

/**
 * What every backend implements, and what an application can implement to bring its own.
 *
 * Keys are strings of any length and content. Values are opaque bytes, except that a whole number is handed over as
 * its decimal text (`-42`), so that a backend can count on it. `ttl` is in milliseconds, `undefined` = never expires.
 * The optional methods are capabilities: the cache uses them where they exist and does without them where they do not.
 *
 * @typeParam V what is stored: `Buffer` for every backend that lives outside the process
 */
export interface Store<V = Buffer> {
  /** The value, or `undefined` where there is none (or it has expired). */
  get (key: string): Awaitable<V | undefined>
  /** Writes, whatever was there. `false`: the backend refused, and what was there before is gone. */
  set (key: string, value: V, ttl?: number): Awaitable<boolean>
  /** Writes only where nothing is, atomically between processes. `true`: written. */
  add (key: string, value: V, ttl?: number): Awaitable<boolean>
  /** `true`: something was there. */
  delete (key: string): Awaitable<boolean>
  /**
   * Adds a whole number, atomically between processes; an absent key counts from 0. An existing key keeps its
   * lifetime; `ttl` is that of a key created by this call. Rejects when what is stored is not a whole number.
   */
  increment (key: string, delta: number, ttl?: number): Awaitable<number>
  /** Removes every key that begins with `prefix` (literally), and nothing else. */
  clear (prefix: string): Awaitable<boolean>
  /** In the order of `keys`. */
  getMany? (keys: readonly string[]): Awaitable<Array<V | undefined>>
  /** One lifetime for all. In the order of `entries`. */
  setMany? (entries: ReadonlyArray<readonly [key: string, value: V]>, ttl?: number): Awaitable<boolean[]>
  /** In the order of `keys`: was something there? */
  deleteMany? (keys: readonly string[]): Awaitable<boolean[]>
  /** Is there a value? */
  has? (key: string): Awaitable<boolean>
  /** Removes what begins with `prefix` (literally); how many there were. */
  deleteByPrefix? (prefix: string): Awaitable<number>
  /** Removes the key only while it holds exactly this value: the release of a lock. Atomic. */
  deleteIf? (key: string, value: V): Awaitable<boolean>
  /** Replaces the value only while it is `expected`; `ttl` as for `set`. Atomic. */
  replaceIf? (key: string, expected: V, value: V, ttl?: number): Awaitable<boolean>
  /** Makes the key live at least `ttl` ms from now; never changes its value, never creates it. */
  touch? (key: string, ttl?: number): Awaitable<boolean>
  /** Values longer than this are refused by `set`. */
  readonly maxValueBytes?: number
  /** Lets go of connections and timers. The store is not used after it. */
  close? (): Awaitable<void>
}

/**
 * A store that gathers the reads of one turn of the event loop into few commands. Whoever has gathered by himself what
 * he reads need not wait for the turn's end once more.
 */
export interface Gathering {
  /** Sends what has been asked so far. */
  flush (): void
}

export function isGathering (store: object): store is Gathering {
  return typeof (store as Partial<Gathering>).flush === 'function'
}
