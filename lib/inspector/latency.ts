import type { FastifyReply, FastifyRequest } from 'fastify'
import { exchangeOf } from '../http/exchange.ts'
import type { Inspection } from '../inspection.ts'

/** Sums since the start: what a page shows is the difference of two readings. */
export interface Timing {
  count: number
  ms: number
}

export interface Latency {
  /** Replies that came from the store. */
  readonly served: Timing
  /** Replies that a handler made. */
  readonly made: Timing
  /** Operations of the backend. */
  readonly backend: Timing
}

/** ms after the last reading that measuring goes on: with no page open nothing is measured. */
const WATCHED = 30_000

/** Measures the replies and backends of a server's caches while somebody looks. */
export class Latencies {
  readonly #byCache = new Map<Inspection, Latency>()
  readonly #caches: () => readonly Inspection[]
  readonly #ends: Array<() => void> = []
  #until = 0

  constructor (caches: () => readonly Inspection[]) {
    this.#caches = caches
  }

  /** Of one cache; and goes on measuring for a while. */
  read (cache: Inspection): Latency {
    this.#until = Date.now() + WATCHED
    return this.#of(cache)
  }

  /** A reply is out. */
  note (request: FastifyRequest, reply: FastifyReply): void {
    if (this.#until === 0 || Date.now() > this.#until) return
    const exchange = exchangeOf(request)
    if (exchange === undefined || exchange.detached !== undefined) return
    const cache = this.#caches().find(({ engine }) => engine === exchange.route.engine)
    if (cache === undefined) return
    const latency = this.#of(cache)
    add(exchange.served ? latency.served : latency.made, reply.elapsedTime)
  }

  close (): void {
    for (const end of this.#ends) end()
  }

  #of (cache: Inspection): Latency {
    const known = this.#byCache.get(cache)
    if (known !== undefined) return known
    const latency = { served: timing(), made: timing(), backend: timing() }
    this.#byCache.set(cache, latency)
    this.#ends.push(cache.health.onLatency((ms) => add(latency.backend, ms)))
    return latency
  }
}

const timing = (): Timing => ({ count: 0, ms: 0 })

function add (timing: Timing, ms: number): void {
  timing.count++
  timing.ms += ms
}
