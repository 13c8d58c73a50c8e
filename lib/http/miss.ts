import { isPromise } from '../awaitable.ts'
import type { Entry, StoredReply } from '../entry.ts'
import type { Flight } from '../single-flight.ts'
import type { Found, Stamp } from '../versions/versioned.ts'
import { countCoalesced, countMiss } from './outcomes.ts'
import { forwardStatus, statusItem } from './cache-status.ts'
import type { Engine, Shared } from './engine.ts'
import { answer, find, serve } from './lookup.ts'
import type { Forward } from './cache-status.ts'
import type { Exchange } from './exchange.ts'
import { refusesStale } from './fallback.ts'
import { fail, proceed, resumed } from './resume.ts'
import { waitForOther } from './lock-wait.ts'
import { endWithConnection } from './verdict.ts'
import { headersOf } from './inside.ts'
import { slowIsCovered } from './soft-timeout.ts'
import { variantKeyOf } from './variants.ts'

/** So many failed flights are waited for; then the requests run side by side. */
const MOST_WAITS = 2

/**
 * Nothing usable was found: wait for a run that is under way, or lead one. A request that may not share (HEAD, one
 * that says `no-store`, the third try after failed flights) runs for itself.
 */
export function miss (exchange: Exchange, forward: Forward): void {
  const { route, request, directives } = exchange
  const { engine, settings } = route
  const written = beingWritten(exchange)
  if (written !== undefined) return serve(exchange, written, Infinity, engine.now(), true, false)
  exchange.forward = forward
  // RFC 9111 §5.2.1.7: honoured on every cached route, since the client asks for nothing but the cache.
  if (directives?.onlyIfCached === true) return gatewayTimeout(exchange)
  if (directives?.noStore === true) return alone(exchange)
  if (forward === 'stale' && slowIsCovered(exchange)) return
  const waits = exchange.attempts < MOST_WAITS && (engine.uncacheable.size === 0 || !engine.uncacheable.has(exchange.key, engine.now()))
  const shares = waits && settings.coalesce !== false
  if (shares && !exchange.forced) {
    const flight = joinable(exchange)
    if (flight !== undefined) return follow(exchange, flight)
  }
  if (request.method === 'HEAD') return alone(exchange)
  exchange.shareOnly = settings.minUses > 1 && engine.uses.count(exchange.key) < settings.minUses
  if (shares) exchange.flight = engine.flights.lead(exchange.key, leaderOf(engine, exchange.found))
  exchange.fills = true
  // Who supersedes an entry would wait for the very entry that it does not want.
  const locks = settings.lock !== false && engine.locks !== undefined && waits && exchange.found !== undefined && !exchange.forced
  if (locks && !exchange.shareOnly) {
    waitForOther(exchange, () => begin(exchange)).catch((error: unknown) => { fail(exchange, error) })
    return
  }
  begin(exchange)
}

/** The handler runs for this request only: nothing is stored. */
function alone (exchange: Exchange): void {
  noteRun(exchange)
  proceed(exchange)
}

/** A miss is a look-up that made the handler run. */
function noteRun (exchange: Exchange): void {
  if (exchange.detached === undefined) countMiss(exchange, exchange.forward ?? 'miss')
}

/** Makes the versions sure, then lets the handler run. Where the backend is down, it runs without storing. */
export function begin (exchange: Exchange): void {
  const { engine } = exchange.route
  // The look-up got no answer: one deadline of the backend is all that a request waits for.
  if (exchange.found === undefined) return unstored(exchange)
  const from = withNames(exchange)
  let stamp: Stamp | Promise<Stamp>
  try {
    stamp = engine.versioned.begin(from, expectedLife(exchange))
  } catch {
    return unstored(exchange)
  }
  if (!isPromise(stamp)) return lead(exchange, stamp)
  stamp.then(resumed(exchange, (made) => { lead(exchange, made) }), resumed(exchange, () => { unstored(exchange) }))
}

/** A run without versions cannot be stored: an entry that it supersedes must not come back in its place. */
function unstored (exchange: Exchange): void {
  if (exchange.forced || exchange.found?.entry !== undefined) exchange.route.engine.versioned.distrust(exchange.key)
  lead(exchange, undefined)
}

/** On to the handler: what stands on the reply now is this request's own, and the run ends with the connection at the latest. */
function lead (exchange: Exchange, stamp: Stamp | undefined): void {
  exchange.stamp = stamp
  if (exchange.flight !== undefined) {
    const leader = exchange.flight.origin as Leader
    leader.begun = exchange.route.engine.flights.tick()
    leader.found = exchange.found
    leader.stamp = stamp
  }
  exchange.baseline = headersOf(exchange.reply)
  endWithConnection(exchange)
  noteRun(exchange)
  proceed(exchange)
}

function withNames (exchange: Exchange): Found {
  const { entry, softened, marks, sequence } = exchange.found!
  return { key: exchange.key, entry, softened, names: exchange.address!.names, marks, sequence }
}

/** ms that an entry of this route may live: how long its versions are needed at least. */
function expectedLife ({ route }: Exchange): number {
  const { settings, engine } = route
  const timeout = typeof settings.timeout === 'number' ? settings.timeout : Math.max(engine.settings.defaultTimeout, 300)
  if (timeout === 0) return Infinity
  return (timeout + Math.max(settings.staleWhileRevalidate, settings.staleIfError)) * 1000
}

/** What joiners look at: when the run began, and under which versions. */
export interface Leader {
  /** By `performance.now()`: waits are real time, whatever the wall clock does. */
  readonly since: number
  readonly sequence: number
  found: Found | undefined
  /** The moment at which its handler started; 0 = not yet. */
  begun: number
  /** Without a stamp (the backend is down) any purge at all counts. */
  stamp: Stamp | undefined
}

export function leaderOf (engine: Engine, found: Found | undefined): Leader {
  return { since: performance.now(), sequence: engine.versioned.sequence(), found, begun: 0, stamp: undefined }
}

/** A flight that this request may wait for: not from before a purge, and not older than anybody waits. */
function joinable (exchange: Exchange): Flight<Shared> | undefined {
  const { engine, settings } = exchange.route
  const flight = engine.flights.get(exchange.key)
  if (flight === undefined || settings.coalesce === false) return undefined
  const leader = flight.origin as Leader
  if (performance.now() - leader.since > settings.coalesce.timeout * 1000) return undefined
  // What was purged before the handler starts, it sees.
  if (leader.begun === 0) return flight
  if (leader.stamp === undefined) return leader.sequence === engine.versioned.sequence() ? flight : undefined
  if (engine.versioned.outdated(exchange.key, leader.stamp) || engine.versioned.disturbed?.(leader.stamp) === true) return undefined
  return sameVersions(exchange, leader, leader.stamp) ? flight : undefined
}

/** An entry whose write has not settled yet is as good as stored for a request of this process. */
function beingWritten (exchange: Exchange): Entry<StoredReply> | undefined {
  const { request, route, detail, directives } = exchange
  if (exchange.forced || detail !== undefined || directives !== undefined || route.settings.isStale !== undefined) return undefined
  const ready = joinable(exchange)?.ready
  if (ready === undefined || variantKeyOf(ready.fields, request) !== ready.variant) return undefined
  return ready.entry.freshUntil > route.engine.now() ? ready.entry : undefined
}

/**
 * A purge by another process shows in the marks. One that is missing was purged, or was not made yet when this look-up
 * asked for it and is the leader's own.
 */
function sameVersions ({ found, asked }: Exchange, leader: Leader, stamp: Stamp): boolean {
  if (found === undefined) return true
  return found.marks.every((mark, i) => {
    const name = found.names[i]
    const led = name === undefined ? -1 : stamp.names.indexOf(name)
    if (led < 0 || mark === stamp.marks[led]) return true
    // Its server is gone: neither of them knows more.
    if (mark === undefined && stamp.marks[led] === '') return true
    return mark === undefined && asked < leader.begun && leader.found?.marks[led] === undefined
  })
}

function follow (exchange: Exchange, flight: Flight<Shared>): void {
  const { coalesce } = exchange.route.settings
  const now = performance.now()
  if (exchange.waitsUntil === 0) exchange.waitsUntil = now + (coalesce as { timeout: number }).timeout * 1000
  flight.followers++
  let over = false
  const timer = setTimeout(resumed(exchange, () => {
    if (over) return
    over = true
    flight.followers--
    // Waited long enough: a run of its own, which stores nothing, since the leader is still at it.
    alone(exchange)
  }), Math.min(Math.max(0, exchange.waitsUntil - now), LONGEST_TIMER))
  timer.unref()
  flight.outcome.then(resumed(exchange, (shared) => {
    if (over) return
    over = true
    clearTimeout(timer)
    flight.followers--
    if (shared !== undefined && mayShare(exchange, shared)) return collapse(exchange, shared)
    exchange.attempts++
    find(exchange)
  }))
}

/** Node's timers take no more, and fire at once past it. */
const LONGEST_TIMER = 2 ** 31 - 1

function mayShare (exchange: Exchange, { fields, variant, stale }: Shared): boolean {
  if (stale !== undefined && refusesStale(exchange)) return false
  return variantKeyOf(fields, exchange.request) === variant
}

/** RFC 9111 §5.2.1.7: the client wanted nothing but a stored reply, and there is none. */
function gatewayTimeout (exchange: Exchange): void {
  const { reply, route } = exchange
  exchange.served = true
  countMiss(exchange, 'only-if-cached')
  const name = route.engine.settings.statusHeader
  if (name !== false) reply.header('cache-status', `${name}; detail=${statusItem('only-if-cached')}`)
  reply.code(504).send({ statusCode: 504, error: 'Gateway Timeout', message: 'Nothing usable is stored, and the request said only-if-cached' })
}

function collapse (exchange: Exchange, { entry, stale }: Shared): void {
  const { engine } = exchange.route
  countCoalesced(exchange)
  if (stale !== undefined) return serve(exchange, entry, stale, engine.now(), false, false)
  exchange.served = true
  const name = engine.settings.statusHeader
  const status = name === false ? undefined : forwardStatus(name, exchange.forward ?? 'uri-miss', { collapsed: true })
  answer(exchange, entry, status, engine.now())
}
