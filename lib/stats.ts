/** What `fastify.cache.stats()` answers: numbers since the start, of this process. */
export interface CacheStats {
  /** Fresh entries served. */
  hits: number
  /** Look-ups that brought nothing usable. */
  misses: number
  /** Stale entries served. */
  stale: number
  /** Entries written. */
  stores: number
  /** Requests and calls that were served by another one's run. */
  coalesced: number
  /** Background runs begun. */
  refreshes: number
  /** Waits for another process's fill. */
  lockWaits: number
  /** Failed operations of the backend. */
  errors: number
  /** Entries held, where the backend knows. */
  entries?: number
  /** Bytes held, where the backend knows. */
  bytes?: number
  /** Requests that went round the cache, by reason. */
  bypasses: Record<string, number>
}

/** The counters of one cache. */
export class Counters {
  hits = 0
  misses = 0
  stale = 0
  stores = 0
  coalesced = 0
  refreshes = 0
  lockWaits = 0
  errors = 0
  readonly #bypasses = new Map<string, number>()

  bypass (reason: string): void {
    this.#bypasses.set(reason, (this.#bypasses.get(reason) ?? 0) + 1)
  }

  snapshot (size?: { entries: number, bytes: number }): CacheStats {
    const { hits, misses, stale, stores, coalesced, refreshes, lockWaits, errors } = this
    return { hits, misses, stale, stores, coalesced, refreshes, lockWaits, errors, ...size, bypasses: Object.fromEntries(this.#bypasses) }
  }
}
