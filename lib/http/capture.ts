import type { FastifyReply, FastifyRequest } from 'fastify'
import { cacheControlFor } from './downstream.ts'
import { headersOf304, notModified, weakTag } from './conditional.ts'
import { difference, type Headers } from './difference.ts'
import type { Captured, Exchange } from './exchange.ts'
import { formatHttpDate, parseHttpDate } from './http-date.ts'
import { storability, type Lifetime, type LifetimeRules } from './policy/response.ts'
import { ask, threw } from './predicates.ts'
import { mergeInto } from './replay.ts'
import { refusesStale, replaceByStale, standing } from './fallback.ts'
import { lateDone, type Done } from './resume.ts'
import { readAhead } from './stream.ts'
import { abandon, bodyComplete, isWatched, watch } from './verdict.ts'
import { variantKeyOf } from './variants.ts'
import { byteLength, type Body } from './stored-reply.ts'
import { absorbResponse, bodyOf, discard, isStream, tooLarge } from './payload.ts'
import { namesOf, tagsOf } from './reply-tags.ts'
import { isPlain } from './final-headers.ts'
import { headersOf, isUntrailed } from './inside.ts'
import type { CachedRoute } from './route.ts'
import { parseVary } from './vary.ts'

/**
 * Takes a reply down as the handler made it, in front of every other `onSend`: what later hooks make of it, they make
 * again on each hit.
 */
export function capture (exchange: Exchange, request: FastifyRequest, reply: FastifyReply, given: unknown, done: Done): void {
  const payload = absorbResponse(reply, given)
  // An error that comes after the capture is a later hook's: the client sees it, as without the cache.
  const late = exchange.watched && !exchange.streamed
  if (exchange.fallback === undefined || late || !replaces(exchange, reply)) return take(exchange, request, reply, payload, done)
  const later = lateDone(done)
  standing(exchange, (entry) => {
    if (entry === undefined) return take(exchange, request, reply, payload, later)
    discard(payload)
    later(null, replaceByStale(exchange, reply, entry))
  })
}

function take (exchange: Exchange, request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Done): void {
  const { failed } = exchange
  if (!exchange.fills) {
    nameVary(exchange, reply)
    watch(exchange)
    return done(null, payload)
  }
  const lifetime = lifetimeOf(exchange, request, reply, failed, headersOf(reply))
  if (lifetime === undefined || 'skip' in lifetime) return leave(exchange, lifetime?.skip ?? 'timeout', payload, done)
  const body = bodyOf(payload)
  const most = exchange.route.settings.maxEntryBytes
  if (body !== undefined && tooLarge(body, most)) return leave(exchange, 'too-large', payload, done)
  if (body === undefined && !isStream(payload)) return leave(exchange, 'body', payload, done)
  const { responseFilter } = exchange.route.settings
  if (responseFilter === undefined) return keep(exchange, request, reply, payload, body, lifetime, done)
  const later = lateDone(done)
  ask(exchange, 'responseFilter', () => responseFilter(request, reply, body === undefined || body === null ? null : Buffer.from(body as string)), (accepted) => {
    if (accepted === true) keep(exchange, request, reply, payload, body, lifetime, later)
    else leave(exchange, 'response-filter', payload, later)
  })
}

function leave (exchange: Exchange, reason: string, payload: unknown, done: Done): void {
  abandon(exchange, reason)
  nameVary(exchange, exchange.reply)
  watch(exchange)
  done(null, payload)
}

function keep (exchange: Exchange, request: FastifyRequest, reply: FastifyReply, payload: unknown, body: Body | undefined, lifetime: Lifetime, done: Done): void {
  const tags = tagsOf(exchange, request, reply)
  if (tags === undefined) return leave(exchange, 'tags', payload, done)
  const { settings, engine } = exchange.route
  const now = engine.now()
  const status = reply.statusCode
  if (settings.etag && body !== undefined && body !== null && status >= 200 && status < 300 && !reply.hasHeader('etag')) {
    reply.header('etag', weakTag(body))
  }
  const after = headersOf(reply)
  const sent = after.date
  const date = (typeof sent === 'string' ? parseHttpDate(sent, now) : undefined) ?? now
  const dateText = typeof sent === 'string' ? sent : formatHttpDate(now)
  reply.header('date', dateText)
  const headers = shared(exchange.route, asSent(exchange, payload, difference(exchange.baseline ?? {}, after).concat('date', dateText)))
  const declared = after['content-length']
  const fields = variantFields(exchange, headers)
  if (exchange.detached !== undefined && fields.some((name) => request.headers[name] !== undefined && !exchange.fields.includes(name))) {
    // Its handler did not see what it says that its reply depends on: a client's own run must make this variant.
    return leave(exchange, 'unseen-field', payload, done)
  }
  const captured: Captured = {
    status,
    headers,
    fields,
    variant: variantKeyOf(fields, request),
    lifetime,
    names: namesOf(exchange, tags),
    date,
    etag: textOf(after.etag),
    lastModified: textOf(after['last-modified']),
    body,
    allowed: false,
    sure: isSure(exchange, after)
  }
  exchange.capture = captured
  nameVary(exchange, reply)
  downstream(exchange, reply, lifetime, now)
  watch(exchange)
  if (body === undefined) {
    exchange.streamed = true
    const { stream, giveUp } = readAhead(payload as NodeJS.ReadableStream, settings.maxEntryBytes, (copy, why) => {
      if (copy === undefined) abandon(exchange, why ?? 'aborted')
      else if (declared !== undefined && Number(declared) !== copy.length) abandon(exchange, 'content-length')
      else bodyComplete(exchange, copy)
    })
    exchange.giveUp = giveUp
    return done(null, stream)
  }
  if (declared !== undefined && body !== null && Number(declared) !== byteLength(body)) {
    exchange.capture = undefined
    return leave(exchange, 'content-length', payload, done)
  }
  if (unchanged(exchange, request, captured, now)) {
    reply.code(304)
    for (let i = 0; i < headers.length; i += 2) if (!headersOf304(headers[i] as string, captured.etag !== undefined)) reply.removeHeader(headers[i] as string)
    reply.removeHeader('content-length')
    return done(null, undefined)
  }
  done(null, payload)
}

/** Asked once instead of twice where no hook comes behind: 0.3 µs of a stored miss. A nonce is looked for when the reply leaves. */
function isSure ({ route, reply, writeHead }: Exchange, headers: Headers): boolean {
  return !route.hooked && isPlain(writeHead) && isWatched(reply.raw) && isUntrailed(reply) &&
    headers['content-security-policy'] === undefined && headers['content-security-policy-report-only'] === undefined
}

/** A conditional request on a cold key fills the cache with the whole reply, and is answered as on a hit. */
function unchanged (exchange: Exchange, request: FastifyRequest, captured: Captured, now: number): boolean {
  if (exchange.detached !== undefined) return false
  const ifNoneMatch = request.headers['if-none-match']
  const ifModifiedSince = request.headers['if-modified-since']
  if (ifNoneMatch === undefined && ifModifiedSince === undefined) return false
  return notModified({ ifNoneMatch, ifModifiedSince, method: request.method }, captured, now)
}

/** RFC 5861 §4: a failure is a 5xx, or a throw that an error handler covered with a success. */
function replaces (exchange: Exchange, reply: FastifyReply): boolean {
  if (refusesStale(exchange)) return false
  return reply.statusCode >= 500 || (exchange.failed && reply.statusCode < 400)
}

function lifetimeOf (exchange: Exchange, request: FastifyRequest, reply: FastifyReply, failed: boolean, headers: Headers): Lifetime | { skip: string } | undefined {
  const { settings, engine } = exchange.route
  if (!exchange.keep) return { skip: 'reply.cache(false)' }
  const timeout = timeoutOf(exchange, request, reply)
  if (timeout === undefined) return undefined
  const rules = timeout === settings.timeout ? settings as LifetimeRules : { ...settings, timeout }
  const type = headers['content-type']
  if (typeof type === 'string' && type.toLowerCase().startsWith('text/event-stream')) return { skip: 'event-stream' }
  return storability({
    status: reply.statusCode,
    header: (name) => headers[name],
    failed,
    explicit: exchange.timeout,
    notFound: request.is404,
    // They show in a header of their own when the reply leaves; the verdict sees it.
    trailers: false,
    cookie: headers['set-cookie'] !== undefined,
    requestNoStore: exchange.directives?.noStore === true,
    authorized: false
  }, rules, engine.now())
}

/** A function's answer that is no lifetime keeps the reply out, and is logged. */
function timeoutOf (exchange: Exchange, request: FastifyRequest, reply: FastifyReply): number | 'headers' | undefined {
  const { timeout } = exchange.route.settings
  if (typeof timeout !== 'function') return timeout
  try {
    const seconds: unknown = timeout(request, reply)
    if (seconds === undefined || seconds === null) return exchange.route.engine.settings.defaultTimeout
    if (typeof seconds === 'number' && seconds >= 0 && Number.isFinite(seconds)) return seconds
    throw new RangeError(`timeout must give a number of seconds, 0 or more; got ${typeof seconds === 'number' ? String(seconds) : typeof seconds}`)
  } catch (error) {
    threw(exchange, 'timeout', error)
    return undefined
  }
}

/**
 * Node writes head and body in one piece where the body is a string, and then the head in the body's encoding: values
 * beyond ASCII leave as UTF-8, where before bytes they leave as Latin-1. A hit sends bytes, so what was sent is kept.
 */
function asSent ({ route }: Exchange, payload: unknown, headers: Array<string | readonly string[]>): Captured['headers'] {
  if (typeof payload !== 'string' || route.hooked) return headers
  for (let i = 1; i < headers.length; i += 2) {
    const value = headers[i]!
    headers[i] = typeof value === 'string' ? sentText(value) : value.map(sentText)
  }
  return headers
}

/** Replies of one route and second mostly have the same headers: they share the list, 100 bytes less an entry. */
function shared (route: CachedRoute, headers: Captured['headers']): Captured['headers'] {
  const { lastHeaders } = route
  if (headers.length === lastHeaders.length && headers.every((part, i) => part === lastHeaders[i])) return lastHeaders
  route.lastHeaders = headers
  return headers
}

function sentText (text: string): string {
  return BEYOND_ASCII.test(text) ? Buffer.from(text).toString('latin1') : text
}

const BEYOND_ASCII = /[^\x00-\x7f]/ // eslint-disable-line no-control-regex

function variantFields (exchange: Exchange, headers: Captured['headers']): readonly string[] {
  const at = headers.indexOf('vary')
  if (at < 0) return []
  const vary = parseVary(headers[at + 1])
  return vary === '*' ? [] : vary.filter((name) => !exchange.route.keyedFields.has(name))
}

/** What the key depends on because of a request field, caches in front must know. */
function nameVary (exchange: Exchange, reply: FastifyReply): void {
  for (const name of exchange.route.varyNames) mergeInto(reply, 'vary', name)
}

function downstream (exchange: Exchange, reply: FastifyReply, lifetime: Lifetime, now: number): void {
  const control = cacheControlFor(exchange.route.settings, { freshUntil: now + lifetime.fresh }, now)
  if (control === undefined) return
  exchange.control = control
  reply.header('cache-control', control)
}

function textOf (value: Headers[string]): string | undefined {
  return typeof value === 'string' ? value : undefined
}
