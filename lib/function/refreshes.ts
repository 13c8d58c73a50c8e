import { LATE, within } from './waiting.ts'
import type { Timers } from './waiting.ts'

const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 30_000
/** Keys whose last run failed: past this many the one that failed first is forgotten, which costs one run. */
const MOST_FAILURES = 10_000

interface Failure { readonly until: number, readonly pause: number }

interface Settings {
  readonly timers: Timers
  readonly now: () => number
  /** Runs at a time; past it a stale or ageing entry is simply served without one. */
  readonly most: number
  /** How long one may take, ms. */
  readonly bound: number
}

/** Background runs: one per key, a bounded number, and after a failure a growing pause (1 s, doubling to 30 s). */
export class Refreshes {
  readonly #settings: Settings
  readonly #keys = new Set<string>()
  readonly #failures = new Map<string, Failure>()

  constructor (settings: Settings) {
    this.#settings = settings
  }

  get size (): number { return this.#keys.size }

  /** The last run of the key failed a moment ago: spare what is behind it. */
  pausing (key: string): boolean {
    const failure = this.#failures.get(key)
    return failure !== undefined && this.#settings.now() < failure.until
  }

  mayStart (key: string): boolean {
    return this.#keys.size < this.#settings.most && !this.#keys.has(key) && !this.pausing(key)
  }

  /**
   * Starts one; the caller has asked `mayStart`. Never rejects: nobody waits for it.
   *
   * @param late called when it has been given up: its slot is free again, though the run may still end
   */
  async start (key: string, run: () => Promise<unknown>, late: () => void): Promise<void> {
    this.#keys.add(key)
    try {
      const outcome = await within(this.#settings.timers, run(), this.#settings.bound)
      if (outcome === LATE) late()
      this.note(key, outcome !== LATE)
    } catch {
      this.note(key, false)
    } finally {
      this.#keys.delete(key)
    }
  }

  /** How a run of the key ended. */
  note (key: string, well: boolean): void {
    const before = this.#failures.get(key)
    if (before !== undefined) this.#failures.delete(key)
    if (well) return
    const pause = before === undefined ? FIRST_PAUSE : Math.min(before.pause * 2, LONGEST_PAUSE)
    this.#failures.set(key, { pause, until: this.#settings.now() + pause })
    if (this.#failures.size > MOST_FAILURES) this.#failures.delete(this.#failures.keys().next().value as string)
  }
}
