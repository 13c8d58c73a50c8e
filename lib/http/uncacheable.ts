const LONGEST = 120_000
const MOST = 10_000

/**
 * Hit-for-miss: keys whose reply turned out not to be storable. Their requests run side by side instead of one after
 * another; the look-up and the store are as ever, and the first reply that can be stored ends it.
 */
export class Uncacheable {
  readonly #until = new Map<string, number>()

  get size (): number { return this.#until.size }

  has (key: string, now: number): boolean {
    const until = this.#until.get(key)
    if (until === undefined) return false
    if (until > now && until - now <= LONGEST) return true
    this.#until.delete(key)
    return false
  }

  add (key: string, now: number): void {
    this.#until.delete(key)
    if (this.#until.size >= MOST) this.#until.delete(this.#until.keys().next().value!)
    this.#until.set(key, now + LONGEST)
  }

  delete (key: string): void {
    this.#until.delete(key)
  }

  /** An invalidation may have changed what the replies are. */
  clear (): void {
    this.#until.clear()
  }
}
