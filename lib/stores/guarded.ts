import { isPromise } from '../awaitable.ts'
import { errors } from '../errors.ts'
import { Breaker } from './breaker.ts'
import type { Ticket } from './breaker.ts'
import { withDeadline } from './deadline.ts'
import { isOutage } from './outage.ts'
import type { Awaitable, Store } from './store.ts'

export interface GuardLog {
  warn (data: object, message: string): void
  info (data: object, message: string): void
  error (data: object, message: string): void
}

export interface GuardSettings {
  /** What the log calls the backend: `RedisCache`. */
  readonly name: string
  /** Longest wait for one operation, ms; 0 = no bound. */
  readonly timeout: number
  readonly log: GuardLog
  /** Every operation that failed: counters and events. Not called for calls that an open breaker turned away. */
  readonly onError?: (error: Error) => void
  /** An outage began (`down: true`) or ended, with its length in ms and the operations that failed in it. */
  readonly onOutage?: (state: { readonly down: boolean, readonly reason?: string, readonly lasted: number, readonly failed: number }) => void
  /** How long an operation that answered took, ms. */
  readonly onLatency?: (ms: number) => void
  /** A clock in ms that never steps back. */
  readonly now?: () => number
}

/** What a store may offer to its guard. */
export interface GuardHints {
  /** Is the backend there? While the breaker is open this is asked in the background, and no operation is a probe. */
  ping? (): Promise<void>
  /** Methods that bound each of their own steps: a `clear` over a million keys takes longer than one operation may. */
  readonly selfBounded?: ReadonlySet<string>
  /** The keys live on several servers: those of one may be gone while the others stand. */
  readonly spread?: boolean
}

export interface GuardedStore extends Store<Buffer> {
  /** `false` while an outage lasts. */
  readonly up: boolean
  /**
   * Several calls as one operation: one decision of the breaker, one deadline for all.
   * @param calls as how many it counts where it fails: those of requests that do not depend on each other. Default 1.
   */
  operation<T> (work: (inner: Store<Buffer>) => Awaitable<T>, calls?: number): Promise<T>
  close (): Promise<void>
}

/** Methods that every store has, and those that are capabilities. */
const NEEDED = ['get', 'set', 'add', 'delete', 'increment', 'clear'] as const
const OPTIONAL = ['getMany', 'setMany', 'deleteMany', 'has', 'deleteByPrefix', 'deleteIf', 'replaceIf', 'touch'] as const

const CLOSE_BOUND = 1500

type Work = () => Awaitable<unknown>

/**
 * Wraps a store that may be slow, absent or faulty. Every operation ends within `timeout`, else it rejects with
 * FST_CACHE_ERR_BACKEND_TIMEOUT; three failures in a row open a breaker, and then every operation rejects at once
 * with FST_CACHE_ERR_BACKEND_DOWN until a probe succeeds. One log line says that an outage began and one that it
 * ended. A synchronous throw of the store is a failure like any other.
 */
export function guarded (store: Store<Buffer> & GuardHints, settings: GuardSettings): GuardedStore {
  const { timeout, name, log } = settings
  const now = settings.now ?? (() => performance.now())
  const breaker = new Breaker()
  let prober: NodeJS.Timeout | undefined
  let closed = false

  function run (work: Work, bound: number, calls = 1): Promise<unknown> {
    if (closed) return Promise.reject(new errors.FST_CACHE_ERR_CLOSED())
    // With a ping of its own, a store's operations are never spent on finding out
    const ticket = breaker.open && store.ping !== undefined ? breaker.turnAway() : breaker.enter(now())
    if (ticket === undefined) return Promise.reject(down())
    return attempt(work, bound, ticket, calls)
  }

  function attempt (work: Work, bound: number, ticket: Ticket, calls = 1): Promise<unknown> {
    const started = now()
    let answer: Awaitable<unknown>
    try {
      answer = work()
    } catch (error) {
      return Promise.reject(fail(error, ticket, calls))
    }
    if (!isPromise(answer)) {
      succeed(ticket, started)
      return Promise.resolve(answer)
    }
    return withDeadline(Promise.resolve(answer), bound, () => new errors.FST_CACHE_ERR_BACKEND_TIMEOUT(bound)).then(
      (value) => {
        succeed(ticket, started)
        return value
      },
      (error: unknown) => { throw fail(error, ticket, calls) }
    )
  }

  function succeed (ticket: Ticket, started: number): void {
    settings.onLatency?.(now() - started)
    recovered(ticket)
  }

  function recovered (ticket: Ticket): void {
    if (!breaker.succeeded(ticket)) return
    const { since, failed } = breaker.outage
    const lasted = Math.round(now() - since)
    log.info({ backend: name, lasted, failed }, `fastify-cached: ${name} is back after ${(lasted / 1000).toFixed(1)} s; ${failed} operations failed meanwhile`)
    settings.onOutage?.({ down: false, lasted, failed })
  }

  function fail (cause: unknown, ticket: Ticket, calls: number): Error {
    const error = asError(cause)
    if (!isOutage(cause)) recovered(ticket)
    else if (breaker.failed(ticket, now(), error, calls)) began(error)
    settings.onError?.(error)
    return error
  }

  function began (error: Error): void {
    const reason = reasonOf(error)
    log.warn({ backend: name, reason }, `fastify-cached: ${name} is down, the cache is gone round: ${reason}`)
    settings.onOutage?.({ down: true, reason, lasted: 0, failed: breaker.outage.failed })
    probeLater()
  }

  function probeLater (): void {
    if (store.ping === undefined || closed) return
    prober = setTimeout(probe, breaker.wait)
    prober.unref()
  }

  function probe (): void {
    const ticket = breaker.probe(now())
    if (ticket === undefined) {
      if (breaker.open) probeLater()
      return
    }
    attempt(() => store.ping?.(), timeout > 0 ? timeout : LONGEST_PING, ticket).catch(probeLater)
  }

  function down (): Error {
    return new errors.FST_CACHE_ERR_BACKEND_DOWN(`${name}: ${reasonOf(asError(breaker.outage.reason))}`)
  }

  const bounds = (method: string) => store.selfBounded?.has(method) === true ? 0 : timeout
  const methods: Record<string, (...args: never[]) => Promise<unknown>> = {}
  for (const method of [...NEEDED, ...OPTIONAL]) {
    const inner = store[method] as ((...args: never[]) => Awaitable<unknown>) | undefined
    if (typeof inner !== 'function') continue
    const bound = bounds(method)
    methods[method] = (...args) => run(() => inner.apply(store, args), bound)
  }

  return {
    ...methods as unknown as Pick<Store<Buffer>, typeof NEEDED[number] | typeof OPTIONAL[number]>,
    ...(store.maxValueBytes === undefined ? undefined : { maxValueBytes: store.maxValueBytes }),
    get up () { return !breaker.open },
    operation: <T>(work: (inner: Store<Buffer>) => Awaitable<T>, calls?: number) => run(() => work(store), timeout, calls) as Promise<T>,
    async close () {
      if (closed) return
      closed = true
      clearTimeout(prober)
      try {
        await withDeadline(Promise.resolve(store.close?.()), CLOSE_BOUND, () => new errors.FST_CACHE_ERR_BACKEND_TIMEOUT(CLOSE_BOUND))
      } catch (error) {
        // The server's own closing goes on: nothing can be lost any more.
        log.warn({ backend: name, err: asError(error) }, `fastify-cached: ${name} could not be closed`)
      }
    }
  }
}

/** A ping of a store without a time bound must still end some day. */
const LONGEST_PING = 2000

/** Errors of this plugin stay as they are; anything else becomes one. */
function asError (cause: unknown): Error {
  if (cause instanceof Error) {
    if (((cause as { code?: unknown }).code ?? '').toString().startsWith('FST_CACHE_ERR_')) return cause
    return Object.assign(new errors.FST_CACHE_ERR_BACKEND(cause.message), { cause })
  }
  return new errors.FST_CACHE_ERR_BACKEND(String(cause))
}

/** The message without the frame that one of this plugin's errors puts round it, to be put into another. */
function reasonOf ({ message }: Error): string {
  return message
    .replace(/^fastify-cached: (?:the cache backend (?:failed: |is down \())?/, '')
    .replace(/\); it is tried again in the background$/, '')
}
