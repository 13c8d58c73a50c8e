import { parseResponseDirectives } from '../cache-control.ts'
import type { ResponseDirectives } from '../cache-control.ts'
import { parseHttpDate } from '../http-date.ts'
import { parseVary } from '../vary.ts'
import { currentAge } from './freshness.ts'

/** A field as Node and Fastify hold it. */
export type HeaderValue = string | number | readonly string[] | undefined

/** What is known of a reply as it leaves. */
export interface ReplyFacts {
  status: number
  /** `name` in lower case. */
  header (name: string): HeaderValue
  /** It came after `onError`. */
  failed: boolean
  /** `reply.cache({ timeout })`, seconds; 0 = never expires. */
  explicit: number | undefined
  /** It came from `callNotFound()`. */
  notFound: boolean
  trailers: boolean
  /** A `Set-Cookie` anywhere. */
  cookie: boolean
  requestNoStore: boolean
  /** The request carried a credential. */
  authorized: boolean
}

export interface LifetimeRules {
  /** Seconds, 0 = never expires; a function has been called already. */
  timeout: number | 'headers'
  /** `false`: `timeout` is the plugin's default, which comes after the reply's own `max-age` and `Expires`. */
  hasTimeout: boolean
  /** The statuses that may be stored; a number is that status's own lifetime in seconds, 0 = never expires. */
  statuses: ReadonlyMap<number, number | true>
  /** Seconds. */
  staleWhileRevalidate: number
  /** Seconds. */
  staleIfError: number
}

export interface Lifetime {
  /** Milliseconds from now; `Infinity` = never expires; 0 or less = there is only a stale window. */
  fresh: number
  /** Milliseconds past the end of `fresh`. */
  staleWhileRevalidate: number
  /** Milliseconds past the end of `fresh`. */
  staleIfError: number
  /** Seconds that the reply has been stored upstream: its own `Age`, 0 where it has none that can be read. */
  age: number
}

export interface NotStored {
  /** Short, lower case: it is counted, logged and shown to the user. */
  skip: string
}

/**
 * May this reply be stored, and for how long? (RFC 9111 §3, §4.2)
 *
 * @param now milliseconds
 */
export function storability (reply: ReplyFacts, rules: LifetimeRules, now: number): Lifetime | NotStored {
  const directives = parseResponseDirectives(reply.header('cache-control'))
  const skip = neverStored(reply, directives, rules)
  if (skip !== undefined) return { skip }

  const age = upstreamAge(reply.header('age'))
  const declared = declaredLifetime(reply, directives, age, now)
  if (!statusAllowed(reply, rules, declared !== undefined)) return { skip: 'status' }
  const fresh = chooseLifetime(reply, rules, directives, declared)
  if (fresh === undefined) return { skip: 'no-lifetime' }

  // RFC 9111 §5.2.2.2, §5.2.2.8. `s-maxage` implies proxy-revalidate there (§5.2.2.10) but here it forbids nothing:
  // who sets a stale window on a route knows of it, and a reply can still say must-revalidate.
  const strict = directives.mustRevalidate || directives.proxyRevalidate
  const staleWhileRevalidate = strict ? 0 : (directives.staleWhileRevalidate ?? rules.staleWhileRevalidate) * 1000
  const staleIfError = strict ? 0 : (directives.staleIfError ?? rules.staleIfError) * 1000
  if (fresh + Math.max(staleWhileRevalidate, staleIfError) <= 0) return { skip: 'expired' }
  return { fresh, staleWhileRevalidate, staleIfError, age }
}

function neverStored (reply: ReplyFacts, directives: Readonly<ResponseDirectives>, rules: LifetimeRules): string | undefined {
  const { status } = reply
  // Interim replies are not final; a partial one would need range handling; a 304 is no representation at all
  if (!(status >= 200 && status <= 599) || status === 206 || status === 304) return 'status'
  if (reply.failed && !(status >= 400 && rules.statuses.has(status))) return 'error'
  if (reply.notFound) return 'not-found'
  if (reply.cookie || reply.header('set-cookie') !== undefined) return 'set-cookie'
  // Also beside must-understand, whose caches may pass over no-store (RFC 9111 §5.2.2.3): a no-store is never overruled
  if (directives.noStore) return 'no-store'
  // With field names the rest of the reply could be stored (RFC 9111 §5.2.2.4, §5.2.2.7). A hit would then lack fields
  // that the miss had, and many servers that write the qualified form mean the whole reply.
  if (directives.private || directives.privateFields.length > 0) return 'private'
  if (directives.noCache || directives.noCacheFields.length > 0) return 'no-cache'
  if (directives.mustUnderstand && !UNDERSTOOD.has(status)) return 'must-understand'
  if (parseVary(reply.header('vary')) === '*') return 'vary-star'
  if (reply.header('content-range') !== undefined) return 'content-range'
  if (reply.trailers) return 'trailers'
  if (reply.requestNoStore) return 'request-no-store'
  // RFC 9111 §3.5 would allow it beside `public`; frameworks add that too freely to be trusted with a user's data
  if (rules.timeout === 'headers' && reply.authorized) return 'authorization'
  return undefined
}

/** The final statuses of RFC 9110 §15 (and 428–511 of RFC 6585), whose demands on caches are met here. */
const UNDERSTOOD: ReadonlySet<number> = new Set([
  200, 201, 202, 203, 204, 205, 300, 301, 302, 303, 305, 307, 308,
  400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 421, 422, 426,
  428, 429, 431, 451, 500, 501, 502, 503, 504, 505, 511
])

// Under 'headers' any final status that declares its freshness (RFC 9111 §3); otherwise what the route lists.
function statusAllowed (reply: ReplyFacts, rules: LifetimeRules, declared: boolean): boolean {
  return rules.statuses.has(reply.status) || (rules.timeout === 'headers' && declared)
}

function chooseLifetime (reply: ReplyFacts, rules: LifetimeRules, directives: Readonly<ResponseDirectives>, declared: number | undefined): number | undefined {
  if (reply.explicit !== undefined) return configured(reply.explicit)
  if (directives.sMaxage !== undefined) return declared
  const own = rules.statuses.get(reply.status)
  if (typeof own === 'number') return configured(own)
  if (rules.hasTimeout && rules.timeout !== 'headers') return configured(rules.timeout)
  if (declared !== undefined) return declared
  return rules.timeout === 'headers' ? undefined : configured(rules.timeout)
}

// What a person configured: 0 = never expires. What a header says is never read so: its 0 is "not fresh".
function configured (seconds: number): number | undefined {
  if (seconds === 0) return Infinity
  return seconds > 0 ? seconds * 1000 : undefined
}

/** What is left of the lifetime that the reply's headers declare, in ms (RFC 9111 §4.2.1), or `undefined`: none. */
function declaredLifetime (reply: ReplyFacts, directives: Readonly<ResponseDirectives>, age: number, now: number): number | undefined {
  const seconds = directives.sMaxage ?? directives.maxAge
  const expires = seconds === undefined ? reply.header('expires') : undefined
  if (seconds === undefined && expires === undefined) return undefined
  const date = dateOf(reply.header('date'), now)
  const spent = currentAge({ date, age }, now) * 1000
  // An Expires before Date declares a lifetime of 0, however long ago it is: what "0" and "1970" mean by it
  const lifetime = seconds === undefined ? Math.max(0, expiresAt(expires, now) - date) : seconds * 1000
  return lifetime - spent
}

// Without a Date that can be read, the second in which the reply is being sent: Node would write just that.
function dateOf (value: HeaderValue, now: number): number {
  const date = typeof value === 'string' ? parseHttpDate(value, now) : undefined
  return date ?? Math.floor(now / 1000) * 1000
}

// RFC 9111 §5.3: an invalid date, "0" above all, is a time in the past. Of several the earliest.
function expiresAt (value: HeaderValue, now: number): number {
  if (typeof value !== 'object') return parseHttpDate(String(value), now) ?? -Infinity
  return Math.min(...value.map(line => parseHttpDate(line, now) ?? -Infinity))
}

const LARGEST_AGE = 2 ** 31

/** Seconds. RFC 9111 §5.1: of several the first, and one that is no number is ignored. */
function upstreamAge (value: HeaderValue): number {
  if (value === undefined) return 0
  const first = typeof value === 'object' ? value[0] : value
  const text = String(first ?? '').split(',', 1)[0]?.trim() ?? ''
  return /^\d+$/.test(text) ? Math.min(Number(text), LARGEST_AGE) : 0
}
