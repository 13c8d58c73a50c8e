const MOST_KEPT = 2_000
const LONGEST_KEPT = 64
/** How many more keys than were known may be unknown before it is given up, and for how many calls. */
const PATIENCE = 5_000
const PAUSE = 100_000

/**
 * Keys with a prefix in front. What is put together anew must be written out and hashed at every look-up in a Map: to find it
 * again by the key, which has its hash as long as it lives, takes 85 ns less of a hit of 370. Where nearly every key is
 * another one it takes 80 ns more, so that it is not tried there but now and then.
 */
export class PrefixedKeys {
  readonly #prefix: string
  readonly #kept = new Map<string, string>()
  #credit = PATIENCE
  #pause = 0

  constructor (prefix: string) {
    this.#prefix = prefix
  }

  of (key: string): string {
    if (this.#pause > 0) {
      this.#pause--
      return this.#prefix + key
    }
    const kept = this.#kept.get(key)
    if (kept === undefined) return this.#missed(key)
    if (this.#credit < PATIENCE) this.#credit++
    return kept
  }

  #missed (key: string): string {
    const made = this.#prefix + key
    if (--this.#credit < 0) {
      this.#kept.clear()
      this.#credit = PATIENCE
      this.#pause = PAUSE
    } else if (key.length <= LONGEST_KEPT && this.#kept.size < MOST_KEPT) {
      // By the key's part of it: the caller's own may be a slice that holds a whole text in memory.
      this.#kept.set(made.slice(this.#prefix.length), made)
    }
    return made
  }
}
