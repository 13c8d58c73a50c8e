import type { FastifyReply } from 'fastify'
import { emit } from '../events.ts'
import { hitStatus } from './cache-status.ts'
import { difference, type Headers } from './difference.ts'
import type { Exchange } from './exchange.ts'
import { currentAge, ttl } from './policy/freshness.ts'
import { mergeInto, putHeaders, replayBody } from './replay.ts'
import { end } from './verdict.ts'

/**
 * Puts a stale entry in the place of a reply that failed (RFC 5861 §4): its status, headers and body, on the very reply
 * that Fastify is about to send. What the failed handler added to the headers goes.
 */
export function replaceByStale (exchange: Exchange, reply: FastifyReply): unknown {
  const { route } = exchange
  const { engine } = route
  const entry = exchange.fallback!
  const now = engine.now()
  exchange.served = true
  exchange.skipped = 'error'
  engine.counters.stale++
  emit('hit', engine.name, 'route', exchange.key, route.where, 'stale-if-error')

  const baseline = exchange.baseline ?? {}
  const added = difference(baseline, reply.getHeaders() as Headers)
  for (let i = 0; i < added.length; i += 2) restore(reply, added[i] as string, baseline)
  reply.removeHeader('content-length')
  putHeaders(reply, entry.payload, false)
  if (entry.payload.etag !== undefined) reply.header('etag', entry.payload.etag)
  for (const name of route.varyNames) mergeInto(reply, 'vary', name)
  reply.header('age', currentAge(entry.payload, now))
  const name = engine.settings.statusHeader
  if (name !== false) mergeInto(reply, 'cache-status', hitStatus(name, ttl(entry, exchange.found?.softened ?? Infinity, now)))
  reply.code(entry.payload.status)
  end(exchange, { entry, fields: [], variant: '' })
  return replayBody(route, entry.payload)
}

function restore (reply: FastifyReply, name: string, baseline: Headers): void {
  const before = baseline[name]
  reply.removeHeader(name)
  if (before !== undefined) reply.header(name, before)
}
