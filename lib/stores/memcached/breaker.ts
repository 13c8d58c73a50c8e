const FIRST_PROBE = 100
const LAST_PROBE = 2000
const FAILURES_IN_A_ROW = 3

/** When a server's requests are failed at once, and when it is tried again. Knows neither sockets nor timers. */
export class Breaker {
  readonly #random: () => number
  #failures = 0
  #probes = 0

  constructor (random: () => number = Math.random) {
    this.#random = random
  }

  /** A request got no answer. `true`: it was the third in a row, so the server counts as gone. */
  failed (): boolean {
    return ++this.#failures >= FAILURES_IN_A_ROW
  }

  /** The server answered. */
  answered (): void {
    this.#failures = 0
    this.#probes = 0
  }

  /** Milliseconds until the next attempt: from 100, doubling to 2,000, with a fifth of jitter so that processes do not knock together. */
  nextProbe (): number {
    const wait = Math.min(FIRST_PROBE * 2 ** this.#probes++, LAST_PROBE)
    return wait * (0.8 + 0.2 * this.#random())
  }
}
