/** Failures in a row that open the breaker. */
const LIMIT = 3
const FIRST_PROBE = 100
const LAST_PROBE = 2000

/** One call that was let through. */
export interface Ticket {
  /** The outage that this call probes the end of; 0 = it was let through while all was well. */
  readonly probes: number
}

export interface Outage {
  /** When the first failure of the row came, in the clock's milliseconds. */
  readonly since: number
  /** Calls that failed or were turned away, from that first failure on. */
  readonly failed: number
  readonly reason: unknown
}

const NORMAL: Ticket = Object.freeze({ probes: 0 })

/**
 * A circuit breaker: pure state under a clock that is handed in. Closed, it lets everything through; three failures
 * in a row open it, and then it lets through one probe at a time, 100 ms after the last failure, then 200, … 2,000 ms.
 */
export class Breaker {
  #row = 0
  #since = 0
  #failed = 0
  #reason: unknown
  /** Number of the outage under way; 0 = closed. */
  #outage = 0
  #outages = 0
  #wait = FIRST_PROBE
  #probeAt = 0
  #probing = false

  get open (): boolean { return this.#outage > 0 }
  /** The last call that ended was a success, or none has. */
  get well (): boolean { return !this.open && this.#row === 0 }
  /** Milliseconds from one probe to the next. */
  get wait (): number { return this.#wait }
  get outage (): Outage { return { since: this.#since, failed: this.#failed, reason: this.#reason } }

  /** May a call go through? `undefined` = turned away, and counted. */
  enter (now: number): Ticket | undefined {
    if (!this.open) return NORMAL
    const ticket = this.probe(now)
    if (ticket === undefined) this.turnAway()
    return ticket
  }

  /** Counts a call that was not let through. */
  turnAway (): undefined {
    this.#failed++
  }

  /** A ticket for a probe, where one is due and none is under way. */
  probe (now: number): Ticket | undefined {
    if (!this.open || this.#probing || now < this.#probeAt) return undefined
    this.#probing = true
    return { probes: this.#outage }
  }

  /** `true`: this ended an outage. */
  succeeded (ticket: Ticket): boolean {
    if (!this.open) {
      this.#row = 0
      this.#failed = 0
      return false
    }
    // A call from before the outage that answers now says nothing about the calls after it
    if (ticket.probes !== this.#outage) return false
    this.#outage = 0
    this.#row = 0
    this.#wait = FIRST_PROBE
    this.#probing = false
    return true
  }

  /**
   * `true`: this began an outage.
   * @param calls how many calls failed with it, that had been put together
   */
  failed (ticket: Ticket, now: number, reason: unknown, calls = 1): boolean {
    if (this.open) {
      this.#failed += calls
      if (ticket.probes === this.#outage) {
        this.#probing = false
        this.#wait = Math.min(this.#wait * 2, LAST_PROBE)
        this.#probeAt = now + this.#wait
      }
      return false
    }
    if (this.#row === 0) {
      this.#since = now
      this.#failed = 0
    }
    this.#row += calls
    this.#failed += calls
    if (this.#row < LIMIT) return false
    this.#outage = ++this.#outages
    this.#reason = reason
    this.#wait = FIRST_PROBE
    this.#probeAt = now + FIRST_PROBE
    this.#probing = false
    return true
  }
}
