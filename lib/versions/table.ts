/**
 * The purges of this process, as one growing number: a purge notes `name → number`, and whatever began under a smaller
 * number does not survive it. Bounded: forgetting the oldest notes raises the floor to theirs, which can only make
 * more things miss.
 */
export class PurgeTable {
  sequence = 0
  #floor = 0
  readonly #noted = new Map<string, number>()
  readonly #softened = new Map<string, Array<{ sequence: number, at: number }>>()
  readonly #most: number

  constructor (most = 100_000) {
    this.#most = most
  }

  /** `name` is purged now. */
  note (name: string): void {
    this.sequence++
    this.#noted.delete(name)
    this.#noted.set(name, this.sequence)
    if (this.#noted.size > this.#most) {
      const [oldest, sequence] = this.#noted.entries().next().value!
      this.#noted.delete(oldest)
      this.#floor = Math.max(this.#floor, sequence)
    }
  }

  /** Was `name` purged after `sequence`? */
  notedSince (name: string, sequence: number): boolean {
    return (this.#noted.get(name) ?? this.#floor) > sequence
  }

  anyNotedSince (names: readonly string[], sequence: number): boolean {
    if (sequence === this.sequence) return false
    for (const name of names) if (this.notedSince(name, sequence)) return true
    return false
  }

  /** What depends on `name` is stale from `at` (ms) on. */
  soften (name: string, at: number): void {
    this.sequence++
    let moments = this.#softened.get(name)
    if (moments === undefined) {
      if (this.#softened.size >= this.#most) this.#forgetSoftened()
      moments = []
      this.#softened.set(name, moments)
    }
    moments.push({ sequence: this.sequence, at })
    // The first moment after an entry's lookup is the one that counts; sixteen cover any entry that is still asked for.
    if (moments.length > 16) moments.shift()
  }

  /** When something that began at `sequence` was first made stale through one of its names; `Infinity` = never. */
  softenedSince (names: readonly string[], sequence: number): number {
    let first = Infinity
    if (this.#softened.size === 0) return first
    for (const name of names) {
      const moment = this.#softened.get(name)?.find((one) => one.sequence > sequence)
      if (moment !== undefined && moment.at < first) first = moment.at
    }
    return first
  }

  /** A softening that is forgotten must not make its entries fresh again: they are purged instead. */
  #forgetSoftened (): void {
    const [oldest, moments] = this.#softened.entries().next().value!
    this.#softened.delete(oldest)
    this.#floor = Math.max(this.#floor, moments.at(-1)!.sequence)
  }
}
