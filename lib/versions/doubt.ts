/**
 * Keys whose removal the backend did not confirm. While a key is in doubt, this process reads a miss; the removal is
 * retried in the background until it holds. Bounded: past `most` keys everything is in doubt at once, and one purge of
 * the whole cache stands for them all.
 */
export class Doubt {
  readonly #retries = new Map<string, () => Promise<unknown>>()
  readonly #prefixes = new Map<string, () => Promise<unknown>>()
  readonly #everything: () => Promise<unknown>
  readonly #most: number
  #all = false
  #timer: NodeJS.Timeout | undefined
  #wait = FIRST_WAIT
  #closed = false

  /** @param everything purges the whole cache; called on overflow */
  constructor (everything: () => Promise<unknown>, most = 10_000) {
    this.#everything = everything
    this.#most = most
  }

  get size (): number { return this.#all ? Infinity : this.#retries.size + this.#prefixes.size }

  has (key: string): boolean {
    if (this.#all || (this.#retries.size > 0 && this.#retries.has(key))) return true
    for (const prefix of this.#prefixes.keys()) if (key.startsWith(prefix)) return true
    return false
  }

  /** @param retry removes the key from the backend; rejects when that failed again */
  add (key: string, retry: () => Promise<unknown>): void {
    this.#note(this.#retries, this.#most, key, retry)
  }

  /** As `add`, for every key that begins so. What is written under the prefix meanwhile goes with it. */
  addPrefix (prefix: string, retry: () => Promise<unknown>): void {
    this.#note(this.#prefixes, MOST_PREFIXES, prefix, retry)
  }

  /** The key was written or removed after all. */
  settle (key: string): void {
    if (this.#retries.size > 0) this.#retries.delete(key)
  }

  close (): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#retries.clear()
    this.#prefixes.clear()
  }

  #note (map: Map<string, () => Promise<unknown>>, most: number, key: string, retry: () => Promise<unknown>): void {
    if (this.#closed || this.#all) return
    if (map.size >= most && !map.has(key)) {
      this.#all = true
      this.#retries.clear()
      this.#prefixes.clear()
    } else {
      map.set(key, retry)
    }
    this.#schedule()
  }

  #schedule (): void {
    if (this.#timer !== undefined || this.#closed) return
    this.#timer = setTimeout(() => {
      this.#retryAll().then((done) => {
        this.#timer = undefined
        this.#wait = done ? FIRST_WAIT : Math.min(this.#wait * 2, LONGEST_WAIT)
        if (!done) this.#schedule()
      })
    }, this.#wait)
    this.#timer.unref()
  }

  async #retryAll (): Promise<boolean> {
    if (this.#all && !await this.#holds(this.#everything)) return false
    this.#all = false
    for (const map of [this.#prefixes, this.#retries]) {
      for (const [key, retry] of [...map]) {
        // Written or removed while others were retried: it would be the new value that goes.
        if (map.get(key) !== retry) continue
        // One that fails does not hold up the others: theirs may be another server.
        if (!await this.#holds(retry)) continue
        // A doubt that arose while the retry ran is a new one.
        if (map.get(key) === retry) map.delete(key)
      }
    }
    return this.size === 0
  }

  async #holds (retry: () => Promise<unknown>): Promise<boolean> {
    try {
      await retry()
      return true
    } catch {
      return false
    }
  }
}

const FIRST_WAIT = 100
/** Each is compared with every key that is read while it stands. */
const MOST_PREFIXES = 100
const LONGEST_WAIT = 2_000
