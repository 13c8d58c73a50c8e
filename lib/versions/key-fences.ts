import { Few } from '../few.ts'

/** Stands for the fills of one key that are under way. `touched`: the key was deleted or set meanwhile. */
export interface KeyFence {
  touched: boolean
  /** Fills under way that carry it. */
  fills: number
}

/**
 * Tells a fill that its key was deleted or set in this process while it ran. Costs nothing where no fill of the key
 * is under way. Bounded: a fill whose fence had to be forgotten counts as touched, so it is not stored.
 */
export class KeyFences {
  readonly #fences = new Few<KeyFence>()
  readonly #most: number

  constructor (most = 10_000) {
    this.#most = most
  }

  /** A fill of `key` begins. */
  raise (key: string): KeyFence {
    const standing = this.#fences.get(key)
    if (standing !== undefined) {
      standing.fills++
      // To the end of the line: the one whose fill began longest ago is forgotten first.
      this.#fences.delete(key)
      this.#fences.set(key, standing)
      return standing
    }
    if (this.#fences.size >= this.#most) this.touch(this.#fences.oldest!)
    const fence: KeyFence = { touched: false, fills: 1 }
    this.#fences.set(key, fence)
    return fence
  }

  /** A fill of `key` was written; one that never is has its fence forgotten by the bound. */
  lower (key: string, fence: KeyFence): void {
    if (--fence.fills === 0 && this.#fences.get(key) === fence) this.#fences.delete(key)
  }

  touch (key: string): void {
    const fence = this.#fences.get(key)
    if (fence === undefined) return
    fence.touched = true
    this.#fences.delete(key)
  }

  touchPrefix (prefix: string): void {
    for (const [key] of this.#fences.entries()) if (key.startsWith(prefix)) this.touch(key)
  }

  touchAll (): void {
    for (const [, fence] of this.#fences.entries()) fence.touched = true
    this.#fences.clear()
  }
}
