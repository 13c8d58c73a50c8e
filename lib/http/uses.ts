const MOST = 20_000

/** How often a key was missed, for `minUses`: two generations of counts, so that memory is bounded and old counts die. */
export class Uses {
  #young = new Map<string, number>()
  #old = new Map<string, number>()

  /** Counts one miss; the number of misses so far. */
  count (key: string): number {
    const uses = (this.#young.get(key) ?? this.#old.get(key) ?? 0) + 1
    if (this.#young.size >= MOST && !this.#young.has(key)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, uses)
    return uses
  }
}
