import type { FastifyReply } from 'fastify'
import { isPromise } from '../awaitable.ts'
import type { Entry, StoredReply } from '../entry.ts'
import { countHit } from './outcomes.ts'
import { hitStatus } from './cache-status.ts'
import { difference, type Headers } from './difference.ts'
import type { Exchange } from './exchange.ts'
import type { Found } from '../versions/versioned.ts'
import { currentAge, ttl, usableOnError } from './policy/freshness.ts'
import { mergeInto, putHeaders, replayBody } from './replay.ts'
import { resumed } from './resume.ts'
import { end } from './verdict.ts'

/** A client that says `no-cache` where that holds wants no stored reply at all. */
export function refusesStale ({ directives, route }: Exchange): boolean {
  return directives?.noCache === true && route.settings.requestDirectives
}

/**
 * The stale entry, as it stands after the handler's run: what was purged meanwhile, here or by another process, stands
 * in for nothing. A backend that fails just now changes nothing.
 */
export function standing (exchange: Exchange, next: (entry: Entry<StoredReply> | undefined) => void): void {
  const { fallback, found, stamp, route, key } = exchange
  const { versioned, now } = route.engine
  if (fallback === undefined || found === undefined) return next(undefined)
  const purged = versioned.outdated(key, { names: fallback.names, marks: [], sequence: found.sequence, fence: stamp?.fence ?? { touched: false, fills: 0 } })
  if (purged) return next(undefined)
  if (versioned.immediate) return next(usableOnError(fallback, found.softened, now()) ? fallback : undefined)
  const again = (standing: Found): Entry<StoredReply> | undefined => {
    const entry = standing.entry as Entry<StoredReply> | undefined
    if (entry?.kind !== 'reply' || !usableOnError(entry, standing.softened, now())) return undefined
    exchange.found = standing
    return entry
  }
  const looked = versioned.lookup(key, exchange.address!.names)
  if (isPromise(looked)) looked.then(again, () => fallback).then(resumed(exchange, next))
  else next(again(looked))
}

/**
 * Puts a stale entry in the place of a reply that failed (RFC 5861 §4): its status, headers and body, on the very reply
 * that Fastify is about to send. What the failed handler added to the headers goes.
 */
export function replaceByStale (exchange: Exchange, reply: FastifyReply, entry: Entry<StoredReply>): unknown {
  const { route } = exchange
  const { engine } = route
  const softened = exchange.found?.softened ?? Infinity
  const now = engine.now()
  exchange.served = true
  exchange.skipped = 'error'
  exchange.forward = undefined
  exchange.failure = Math.max(reply.statusCode, 500)
  countHit(exchange, 'stale-if-error')

  const baseline = exchange.baseline ?? {}
  const added = difference(baseline, reply.getHeaders() as Headers)
  for (let i = 0; i < added.length; i += 2) restore(reply, added[i] as string, baseline)
  for (const name of ['etag', 'set-cookie']) restore(reply, name, baseline)
  reply.removeHeader('content-length')
  putHeaders(reply, entry.payload, false)
  if (entry.payload.etag !== undefined) reply.header('etag', entry.payload.etag)
  for (const name of route.varyNames) mergeInto(reply, 'vary', name)
  reply.header('age', currentAge(entry.payload, now))
  const name = engine.settings.statusHeader
  if (name !== false) mergeInto(reply, 'cache-status', hitStatus(name, ttl(entry, softened, now)))
  reply.code(entry.payload.status)
  end(exchange, { entry, fields: [], variant: '', stale: softened })
  return replayBody(route, entry.payload)
}

/** The stale reply failed too, in a later hook: the failure's own status, and nothing of the entry. */
export function failAgain ({ failure }: Exchange, reply: FastifyReply): void {
  if (failure !== undefined && reply.statusCode < 400) reply.code(failure)
  for (const name of ['etag', 'age', 'cache-status']) reply.removeHeader(name)
}

function restore (reply: FastifyReply, name: string, baseline: Headers): void {
  const before = baseline[name]
  reply.removeHeader(name)
  // Fastify adds to Set-Cookie instead of replacing it.
  for (const one of before === undefined ? [] : Array.isArray(before) ? before : [before]) reply.header(name, one)
}
