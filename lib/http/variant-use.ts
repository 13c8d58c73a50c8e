const MOST = 20_000

/** In which order keys were last used, as far as this process has seen; bounded, the oldest are forgotten. */
export class VariantUse {
  readonly #used = new Map<string, number>()
  #clock = 0

  note (key: string): void {
    this.#used.delete(key)
    if (this.#used.size >= MOST) this.#used.delete(this.#used.keys().next().value!)
    this.#used.set(key, ++this.#clock)
  }

  /** Least recently used first; keys that were never seen stay in front, in their order. */
  sorted (keys: readonly string[]): string[] {
    return [...keys].sort((a, b) => (this.#used.get(a) ?? 0) - (this.#used.get(b) ?? 0))
  }
}
