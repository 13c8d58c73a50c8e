/** How the backend of a cache is: what the breaker in front of it last said. */
export interface HealthState {
  /** `false`: an outage lasts, and the backend is gone round. */
  readonly up: boolean
  /** When the outage under way began, ms since the epoch. */
  readonly since: number | undefined
  /** Why it began. */
  readonly reason: string | undefined
  /** Outages since the start. */
  readonly outages: number
}

/** Watches one backend for those who want to see it. Latencies are told to nobody while nobody listens. */
export class Health {
  #since: number | undefined
  #reason: string | undefined
  #outages = 0
  readonly #now: () => number
  readonly #listeners = new Set<(ms: number) => void>()

  constructor (now: () => number) {
    this.#now = now
  }

  get state (): HealthState {
    return { up: this.#since === undefined, since: this.#since, reason: this.#reason, outages: this.#outages }
  }

  /** @returns what ends it */
  onLatency (listener: (ms: number) => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  answered (ms: number): void {
    if (this.#listeners.size === 0) return
    for (const listener of this.#listeners) listener(ms)
  }

  outage ({ down, reason }: { readonly down: boolean, readonly reason?: string }): void {
    this.#since = down ? this.#now() : undefined
    this.#reason = down ? reason : undefined
    if (down) this.#outages++
  }
}
