/**
 * Keys whose removal the backend did not confirm. While a key is in doubt, this process reads a miss; the removal is
 * retried in the background until it holds. Bounded: past `most` keys everything is in doubt at once, and one purge of
 * the whole cache stands for them all.
 */
export class Doubt {
  readonly #retries = new Map<string, () => Promise<unknown>>()
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

  get size (): number { return this.#all ? Infinity : this.#retries.size }

  has (key: string): boolean {
    return this.#all || (this.#retries.size > 0 && this.#retries.has(key))
  }

  hasAny (keys: readonly string[]): boolean {
    if (this.#all) return true
    if (this.#retries.size === 0) return false
    return keys.some((key) => this.#retries.has(key))
  }

  /** @param retry removes the key from the backend; rejects when that failed again */
  add (key: string, retry: () => Promise<unknown>): void {
    if (this.#closed || this.#all) return
    if (this.#retries.size >= this.#most && !this.#retries.has(key)) {
      this.#all = true
      this.#retries.clear()
    } else {
      this.#retries.set(key, retry)
    }
    this.#schedule()
  }

  /** The key was written or removed after all. */
  settle (key: string): void {
    if (this.#retries.size > 0) this.#retries.delete(key)
  }

  close (): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#retries.clear()
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
    try {
      if (this.#all) {
        await this.#everything()
        this.#all = false
      }
      for (const [key, retry] of [...this.#retries]) {
        // Written or removed while others were retried: it would be the new value that goes.
        if (this.#retries.get(key) !== retry) continue
        await retry()
        // A doubt that arose while the retry ran is a new one.
        if (this.#retries.get(key) === retry) this.#retries.delete(key)
      }
      return this.#retries.size === 0 && !this.#all
    } catch {
      return false
    }
  }
}

const FIRST_WAIT = 100
const LONGEST_WAIT = 2_000
