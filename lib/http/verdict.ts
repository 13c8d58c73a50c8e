import type { ServerResponse } from 'node:http'
import type { FastifyReply } from 'fastify'
import { isPromise } from '../awaitable.ts'
import type { Entry, StoredReply } from '../entry.ts'
import { parseResponseDirectives } from './cache-control.ts'
import { appendStatus, forwardStatus } from './cache-status.ts'
import { weakTag } from './conditional.ts'
import { carriesNonce, nonceOf } from './csp.ts'
import type { Captured, Exchange } from './exchange.ts'
import type { HeaderValue } from './policy/response.ts'
import { finalHeaders, isPlain, writtenHeaders, type FinalHeader } from './final-headers.ts'
import { countFault, countSkip } from './outcomes.ts'
import { store } from './keep.ts'
import { TakenReply } from './stored-reply.ts'
import { parseVary } from './vary.ts'

/**
 * The exchange of a response. By it the same few functions serve every response, in place of closures made for each,
 * which cost a stored miss 0.7 µs.
 */
const kWatched = Symbol('fastify-cached.watched')

type Written = Omit<ServerResponse, 'writeHead' | 'destroy'> & { writeHead: (...args: unknown[]) => unknown, destroy: (error?: Error) => unknown, [kWatched]?: Exchange }

/** Puts `leaving` in front of the head of a response. */
function standBefore (exchange: Exchange): void {
  const raw = exchange.reply.raw as unknown as Written
  if (raw[kWatched] !== undefined) return
  raw[kWatched] = exchange
  exchange.writeHead = raw.writeHead
  raw.writeHead = leaving
}

/** Ours is the first to see the head: nobody has put another function in front since. */
export function isWatched (raw: FastifyReply['raw']): boolean {
  return (raw as unknown as Written).writeHead === leaving
}

/** Has the reply judged as it leaves: it went through the capture. */
export function watch (exchange: Exchange): void {
  exchange.watched = true
  standBefore(exchange)
}

/**
 * Judges a reply as it leaves: the status line and all headers, also those of later hooks, of `reply.raw` and of
 * trailers, go through `writeHead`, for streams and HTTP/2 too. Puts `Cache-Status` on it.
 *
 * What a handler writes to `reply.raw` by itself (`reply.hijack()`, server-sent events, `raw.end()`) never comes to the
 * capture: its first byte tells that there is nothing to wait for.
 */
function leaving (this: Written, ...args: unknown[]): unknown {
  const exchange = this[kWatched]!
  const writeHead = exchange.writeHead!
  if (exchange.left) return writeHead.apply(this, args)
  exchange.left = true
  if (!exchange.watched) {
    abandon(exchange, 'hijacked')
    return writeHead.apply(this, args)
  }
  const given = args.at(-1)
  const raw = this as unknown as ServerResponse
  const final = finalHeaders(raw, given)
  if (exchange.capture?.sure === true && exchange.capture.status === args[0] && exchange.keep && !exchange.failed) pass(exchange, exchange.capture)
  else judge(exchange, args[0] as number, final)
  putStatus(exchange, this, given, final)
  const written = writeHead.apply(this, args)
  // A `writeHead` that somebody wrapped before us may have changed status and fields (the way of `on-headers`).
  if (exchange.capture?.allowed === true && !isPlain(writeHead)) judge(exchange, raw.statusCode, writtenHeaders(raw, given))
  settle(exchange)
  return written
}

function pass (exchange: Exchange, capture: Captured): void {
  exchange.judged = true
  capture.allowed = exchange.skipped === undefined
}

function judge (exchange: Exchange, status: number, final: FinalHeader): void {
  exchange.judged = true
  const { capture } = exchange
  if (capture === undefined || exchange.skipped !== undefined) return
  const skip = forbidden(exchange, capture, status, final)
  if (skip !== undefined) abandon(exchange, skip)
  else capture.allowed = true
}

/** What later hooks may have made of a captured reply that keeps it out of the store. */
function forbidden (exchange: Exchange, capture: Captured, status: number, final: FinalHeader): string | undefined {
  if (exchange.failed && capture.status < 400) return 'error'
  if (status >= 400 && status !== capture.status) return 'error'
  if (!exchange.keep) return 'reply.cache(false)'
  if (final('set-cookie') !== undefined) return 'set-cookie'
  if (final('trailer') !== undefined) return 'trailers'
  if (final('content-range') !== undefined) return 'content-range'
  const control = final('cache-control')
  if (control !== undefined && control !== exchange.control) {
    const said = parseResponseDirectives(control)
    if (said.noStore) return 'no-store'
    if (said.private || said.privateFields.length > 0) return 'private'
    if (said.noCache || said.noCacheFields.length > 0) return 'no-cache'
  }
  if (parseVary(final('vary')) === '*') return 'vary-star'
  return nonceInBody(exchange, capture, final) ? 'csp-nonce' : undefined
}

/** A nonce is for one reply: shared with others, it would let any script of theirs run. */
function nonceInBody ({ route }: Exchange, capture: Captured, final: FinalHeader): boolean {
  const [policy, trial] = [final('content-security-policy'), final('content-security-policy-report-only')]
  if (policy === undefined && trial === undefined) return false
  const nonces = [...nonceOf(policy), ...nonceOf(trial)]
  if (nonces.length === 0 || capture.body === null || capture.body === undefined) return false
  // An encoded body cannot be looked into.
  if (!capture.headers.includes('content-encoding') && !carriesNonce(nonces, capture.body)) return false
  route.engine.notes.warn(route.engine.log, route.where + ' nonce', { route: route.where },
    `fastify-cached: route ${route.where} puts a Content-Security-Policy nonce into its body; such a reply is never stored`)
  return true
}

function putStatus (exchange: Exchange, raw: Written, given: unknown, final: FinalHeader): void {
  const { engine } = exchange.route
  const name = engine.settings.statusHeader
  if (name === false || exchange.forward === undefined) return
  const stored = exchange.capture?.allowed === true && willBeStored(exchange)
  const value = forwardStatus(name, exchange.forward, exchange.detail === undefined ? { stored } : { stored, detail: exchange.detail })
  const whole = appendStatus(final('cache-status'), value)
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) (given as Record<string, HeaderValue>)['cache-status'] = whole
  else raw.setHeader('cache-status', whole)
}

/** The same question decides what is advertised and what is stored. */
function willBeStored (exchange: Exchange): boolean {
  const { stamp } = exchange
  return stamp !== undefined && !exchange.shareOnly && !exchange.route.engine.versioned.outdated(exchange.key, stamp)
}

/** The end of a stream that was copied whole. */
export function bodyComplete (exchange: Exchange, body: Buffer): void {
  const { capture, reply } = exchange
  if (capture === undefined || exchange.skipped !== undefined) return
  capture.body = body
  // A client that left before the first byte: nothing will be written any more, so it is judged as it stands.
  if (!exchange.judged && (reply.raw.destroyed || reply.raw.writableEnded)) judge(exchange, reply.statusCode, (name) => reply.getHeader(name) as HeaderValue)
  if (exchange.judged && nonceInBody(exchange, capture, (name) => reply.getHeader(name) as HeaderValue)) abandon(exchange, 'csp-nonce')
  settle(exchange)
}

/** Stores once both the verdict and the body are there. */
function settle (exchange: Exchange): void {
  const { capture } = exchange
  if (capture === undefined || !capture.allowed || capture.body === undefined || exchange.skipped !== undefined || exchange.ended) return
  exchange.ended = true
  const entry = entryOf(exchange, capture)
  const shared = { entry, fields: capture.fields, variant: capture.variant }
  if (!willBeStored(exchange)) {
    end(exchange, entry === undefined ? undefined : shared)
    return
  }
  if (exchange.flight !== undefined) exchange.flight.ready = shared
  const written = store(exchange, entry, capture)
  if (!isPromise(written)) {
    end(exchange, shared)
    return
  }
  written.then(() => end(exchange, shared))
}

const NO_MARKS: readonly string[] = []

function entryOf (exchange: Exchange, capture: Captured): Entry<StoredReply> {
  const { engine, settings } = exchange.route
  const { lifetime } = capture
  const fresh = lifetime.fresh === Infinity ? Infinity : lifetime.fresh * (1 - settings.jitter * engine.random())
  const now = engine.now()
  const etag = capture.etag ?? (settings.etag && capture.body !== null && capture.status >= 200 && capture.status < 300 ? weakTag(capture.body!) : undefined)
  return {
    kind: 'reply',
    payload: new TakenReply(capture, etag, capture.body!),
    created: now,
    freshUntil: now + fresh,
    staleWhileRevalidate: lifetime.staleWhileRevalidate,
    staleIfError: lifetime.staleIfError,
    names: capture.names,
    marks: NO_MARKS,
    sequence: 0
  }
}

/**
 * The reply will not be stored: its followers are let go at once, its key is remembered as one that nobody should wait
 * for, and an entry that it superseded is removed. Errors do neither.
 */
export function abandon (exchange: Exchange, reason: string): void {
  if (exchange.skipped !== undefined || exchange.ended) return
  exchange.skipped = reason
  exchange.capture = undefined
  exchange.ended = true
  countSkip(exchange, reason)
  const { engine } = exchange.route
  const { raw } = exchange.reply
  // A reply that the handler writes by itself has its status there.
  const status = reason === 'hijacked' ? raw.statusCode : exchange.reply.statusCode
  const sick = status >= 500 || (exchange.failed && status < 400) || TRANSIENT.has(reason)
  if (!sick && !exchange.failed) engine.uncacheable.add(exchange.key, engine.now())
  exchange.giveUp?.()
  if (sick || !exchange.handled || exchange.found?.entry === undefined) return end(exchange, undefined)
  if (exchange.detached !== undefined) exchange.detached.outcome = 'removed'
  const removed = removeSuperseded(exchange)
  if (removed === undefined) return end(exchange, undefined)
  // Followers look the key up again: not before the entry is gone.
  removed.then(() => end(exchange, undefined))
}

/** Not the reply's own nature: the next one may well be stored. */
const TRANSIENT = new Set(['error', 'aborted', 'closed', 'csp-nonce', 'unseen-field'])

function removeSuperseded (exchange: Exchange): Promise<unknown> | undefined {
  const { engine } = exchange.route
  try {
    const removed = engine.versioned.remove(exchange.key)
    if (isPromise(removed)) return removed.catch((error: unknown) => countFault(exchange.route, exchange.key, error))
  } catch (error) {
    countFault(exchange.route, exchange.key, error)
  }
}

/** Lets the followers go, with what they may share, and gives the lock back. Once. */
export function end (exchange: Exchange, shared: Parameters<Exchange['route']['engine']['flights']['settle']>[1]): void {
  exchange.ended = true
  const { engine } = exchange.route
  if (exchange.flight !== undefined) engine.flights.settle(exchange.flight, shared)
  if (exchange.lock !== undefined) {
    const token = exchange.lock
    exchange.lock = undefined
    engine.locks?.release(exchange.key, token)
  }
  exchange.finished?.()
}

/** ms that a run may go on after its client left without holding up its key. */
const AFTERLIFE = 60_000

/**
 * A flight is always settled: a reply that was hijacked, or ended on `reply.raw`, ends it with the connection; a client
 * that left does not, since the handler may still fill, but no longer than `AFTERLIFE`.
 */
export function endWithConnection (exchange: Exchange): void {
  standBefore(exchange)
  const raw = exchange.reply.raw as unknown as Written
  exchange.destroy = raw.destroy
  raw.destroy = destroying
  raw.on('close', closed)
}

/** After `raw.destroy()` there is nothing to wait for. */
function destroying (this: Written, error?: Error): unknown {
  const exchange = this[kWatched]!
  if (!exchange.watched) abandon(exchange, 'closed')
  return exchange.destroy!.call(this, error)
}

function closed (this: Written): void {
  const exchange = this[kWatched]!
  if (exchange.ended) return
  const { reply, running } = exchange
  if (exchange.capture === undefined && reply.sent) return abandon(exchange, 'closed')
  const timer = setTimeout(() => { abandon(exchange, 'closed') }, AFTERLIFE)
  timer.unref()
  exchange.finished = both(exchange.finished, () => clearTimeout(timer))
  // A handler that ends without a reply, after its client has left, has stopped: there will be none.
  running?.then((value: unknown) => {
    if (value === undefined && !exchange.watched) abandon(exchange, 'closed')
  }, () => {})
}

function both (first: (() => void) | undefined, second: () => void): () => void {
  return () => {
    first?.()
    second()
  }
}
