import type { RequestDirectives } from '../cache-control.ts'

export type Freshness = 'fresh' | 'stale-while-revalidate' | 'stale-if-error' | 'expired'

/** The times of an entry: moments and spans in milliseconds. */
export interface Timed {
  readonly created: number
  /** `Infinity` = never expires. */
  readonly freshUntil: number
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
}

/** An entry of a later clock than ours: by more than this it is not believed. */
const FUTURE_TOLERANCE = 5000

/**
 * In which part of its life an entry is.
 *
 * @param softened the moment (ms) at which an invalidation made it stale; `Infinity` = none did
 */
export function judge (entry: Timed, softened: number, now: number): Freshness {
  if (entry.created - now > FUTURE_TOLERANCE) return 'expired'
  const past = now - staleFrom(entry, softened)
  if (past < 0) return 'fresh'
  if (past < entry.staleWhileRevalidate) return 'stale-while-revalidate'
  return past < entry.staleIfError ? 'stale-if-error' : 'expired'
}

/** May it stand in for a run that failed? Also where `judge` says `'stale-while-revalidate'`, if both windows are open. */
export function usableOnError (entry: Timed, softened: number, now: number): boolean {
  return entry.staleIfError > 0 && entry.created - now <= FUTURE_TOLERANCE && now - staleFrom(entry, softened) < entry.staleIfError
}

/**
 * May it answer a request of these directives at once? (RFC 9111 §5.2.1) Stale entries only inside the windows that the
 * route or the reply opened: `max-stale` can narrow these but never reach past them, so that `must-revalidate` holds.
 */
export function usableUnder (directives: Readonly<RequestDirectives>, entry: Timed & { readonly payload: AgeFacts }, softened: number, now: number): boolean {
  const { maxAge, minFresh, maxStale } = directives
  if (directives.noCache) return false
  // max-age=0 asks for a new reply; a hit within the same second would be one of age 0
  if (maxAge !== undefined && (maxAge === 0 || currentAge(entry.payload, now) > maxAge)) return false
  const freshness = judge(entry, softened, now)
  if (freshness === 'expired') return false
  const left = staleFrom(entry, softened) - now
  if (minFresh !== undefined && left < minFresh * 1000) return false
  if (freshness === 'fresh') return true
  if (maxStale !== undefined) return -left <= maxStale * 1000
  // §5.2.1.1: who gives a max-age and no max-stale does not want a stale reply
  return freshness === 'stale-while-revalidate' && maxAge === undefined
}

export interface AgeFacts {
  /** The reply's `Date`, milliseconds. */
  readonly date: number
  /** Seconds that it had been stored upstream when it came. */
  readonly age: number
}

/** Whole seconds, never negative: the value of `Age` (RFC 9111 §4.2.3). */
export function currentAge (reply: AgeFacts, now: number): number {
  return Math.max(0, Math.floor((now - reply.date) / 1000)) + reply.age
}

/**
 * Whole seconds of freshness left, for `Cache-Status` (RFC 9211 §2.4): negative as soon as it is stale, `undefined` where
 * it never expires. Rounded away from 0, so that it is the lifetime less `Age`.
 */
export function ttl (entry: Timed, softened: number, now: number): number | undefined {
  const until = staleFrom(entry, softened)
  if (until === Infinity) return undefined
  const left = (until - now) / 1000
  return left > 0 ? Math.ceil(left) : Math.floor(left)
}

/** Asks once: in memory it is worked out each time (0.04 µs of a hit). */
function staleFrom (entry: Timed, softened: number): number {
  return Math.min(softened, entry.freshUntil)
}
