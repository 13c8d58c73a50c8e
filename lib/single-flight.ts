import { Few } from './few.ts'

/** One run under way for a key, and those who wait for it. Settled exactly once, never rejected. */
export class Flight<T> {
  readonly key: string
  /** What the leader found at its lookup: tells a later caller whether it may join. */
  readonly origin: unknown
  /** The outcome, where it is known before the flight ends: what is left is only its write. */
  ready: T | undefined
  /** How many wait. */
  followers = 0
  settled = false
  #outcome: Promise<T | undefined> | undefined
  #result: T | undefined
  #resolve: ((outcome: T | undefined) => void) | undefined

  constructor (key: string, origin: unknown) {
    this.key = key
    this.origin = origin
  }

  /** Resolves with what the followers may share; `undefined` = nothing. Made for the first who waits: most flights have none. */
  get outcome (): Promise<T | undefined> {
    this.#outcome ??= this.settled ? Promise.resolve(this.#result) : new Promise((resolve) => { this.#resolve = resolve })
    return this.#outcome
  }

  /** `false`: it had been settled before. */
  settle (outcome: T | undefined): boolean {
    if (this.settled) return false
    this.settled = true
    this.#result = outcome
    this.#resolve?.(outcome)
    return true
  }
}

const MOST_ENDED = 1_000

/** The runs under way, by key. Knows nothing of what is run. */
export class Flights<T> {
  readonly #byKey = new Few<Flight<T>>()
  readonly #ended = new Map<string, number>()
  readonly #most: number
  #ticks = 0
  /** Can a look-up be under way while a flight ends? In memory none can: remembering the ends cost a miss 0.5 µs there. */
  remembersEnds = true

  /** @param most the largest number of flights at a time; past it nobody leads, and runs go side by side */
  constructor (most = 10_000) {
    this.#most = most
  }

  get size (): number { return this.#byKey.size }

  /** A moment, in the order of all that was asked for. */
  tick (): number { return ++this.#ticks }

  /**
   * Did a flight of the key end after that moment? A backend may have answered "nothing" just before a flight wrote, and
   * the answer arrive just after it ended. The last thousand are remembered; forgetting one costs a run.
   */
  endedSince (key: string, moment: number): boolean {
    return (this.#ended.get(key) ?? 0) > moment
  }

  get (key: string): Flight<T> | undefined {
    return this.#byKey.get(key)
  }

  /**
   * Starts a flight, in place of one that may be under way (whose followers keep it). `undefined`: too many flights;
   * run without one.
   */
  lead (key: string, origin: unknown): Flight<T> | undefined {
    if (this.#byKey.size >= this.#most && this.#byKey.get(key) === undefined) return undefined
    const flight = new Flight<T>(key, origin)
    this.#byKey.set(key, flight)
    return flight
  }

  /** Ends a flight with what its followers may share. Idempotent. */
  settle (flight: Flight<T>, outcome: T | undefined): void {
    if (!flight.settle(outcome)) return
    const { key } = flight
    if (this.#byKey.get(key) === flight) this.#byKey.delete(key)
    if (!this.remembersEnds) return
    this.#ended.delete(key)
    this.#ended.set(key, this.tick())
    if (this.#ended.size > MOST_ENDED) this.#ended.delete(this.#ended.keys().next().value!)
  }

  /** Ends every flight with nothing to share: the server is closing. */
  settleAll (): void {
    for (const [, flight] of this.#byKey.entries()) this.settle(flight, undefined)
  }
}
