import { isPromise } from '../awaitable.ts'
import type { Entry, StoredReply } from '../entry.ts'
import { emit } from '../events.ts'
import type { Flight } from '../single-flight.ts'
import type { Found, Stamp } from '../versions/versioned.ts'
import { forwardStatus, statusItem } from './cache-status.ts'
import type { Shared } from './engine.ts'
import { answer, find, serve } from './lookup.ts'
import type { Forward } from './cache-status.ts'
import type { Exchange } from './exchange.ts'
import { waitForOther } from './lock-wait.ts'
import { endWithConnection } from './verdict.ts'
import type { Headers } from './difference.ts'
import { slowIsCovered } from './soft-timeout.ts'
import { variantKeyOf } from './variants.ts'

/**
 * Nothing usable was found: wait for a run that is under way, or lead one. A request that may not share (HEAD, one
 * that says `no-store`, the third try after failed flights) runs for itself.
 */
export function miss (exchange: Exchange, forward: Forward): void {
  const { route, request } = exchange
  const { engine, settings } = route
  const written = beingWritten(exchange)
  if (written !== undefined) return serve(exchange, written, Infinity, true, false)
  exchange.forward = forward
  if (exchange.attempts === 0) {
    engine.counters.misses++
    emit('miss', engine.name, 'route', exchange.key, route.where, forward)
  }
  // RFC 9111 §5.2.1.7: honoured on every cached route, since the client asks for nothing but the cache.
  if (exchange.directives?.onlyIfCached === true) return gatewayTimeout(exchange)
  if (exchange.directives?.noStore === true) return exchange.proceed()
  if (forward === 'stale' && slowIsCovered(exchange)) return
  const head = request.method === 'HEAD'
  const shares = settings.coalesce !== false && exchange.attempts < 2 && !engine.uncacheable.has(exchange.key, engine.now())
  if (shares && exchange.detail !== 'forced-update') {
    const flight = joinable(exchange)
    if (flight !== undefined) return follow(exchange, flight)
  }
  if (head) return exchange.proceed()
  exchange.shareOnly = settings.minUses > 1 && engine.uses.count(exchange.key) < settings.minUses
  if (shares) exchange.flight = engine.flights.lead(exchange.key, { since: engine.now(), sequence: engine.versioned.sequence(), stamp: undefined } satisfies Leader)
  exchange.fills = true
  if (settings.lock !== false && engine.locks !== undefined && !exchange.shareOnly && exchange.found !== undefined) return waitForOther(exchange, () => begin(exchange))
  begin(exchange)
}

/** Makes the versions sure, then lets the handler run. Where the backend is down, it runs without storing. */
export function begin (exchange: Exchange): void {
  const { engine } = exchange.route
  // The look-up got no answer: one deadline of the backend is all that a request waits for.
  if (exchange.found === undefined) return lead(exchange)
  const from = withNames(exchange)
  let stamp: Stamp | Promise<Stamp>
  try {
    stamp = engine.versioned.begin(from, expectedLife(exchange))
  } catch {
    return lead(exchange)
  }
  if (!isPromise(stamp)) {
    stamped(exchange, stamp)
    return lead(exchange)
  }
  stamp.then((made) => { stamped(exchange, made) }, () => {}).then(() => lead(exchange))
}

/** On to the handler: what stands on the reply now is this request's own, and the run ends with the connection at the latest. */
function lead (exchange: Exchange): void {
  exchange.baseline = exchange.reply.getHeaders() as Headers
  endWithConnection(exchange)
  exchange.proceed()
}

function stamped (exchange: Exchange, stamp: Stamp): void {
  exchange.stamp = stamp
  if (exchange.flight !== undefined) (exchange.flight.origin as Leader).stamp = stamp
}

function withNames (exchange: Exchange): Found {
  const { names } = exchange.address!
  return { ...exchange.found!, key: exchange.key, names }
}

/** ms that an entry of this route may live: how long its versions are needed at least. */
function expectedLife ({ route }: Exchange): number {
  const { settings, engine } = route
  const timeout = typeof settings.timeout === 'number' ? settings.timeout : Math.max(engine.settings.defaultTimeout, 300)
  if (timeout === 0) return Infinity
  return (timeout + Math.max(settings.staleWhileRevalidate, settings.staleIfError)) * 1000
}

/** A flight that this request may wait for: not from before a purge, and not older than anybody waits. */
function joinable (exchange: Exchange): Flight<Shared> | undefined {
  const { engine, settings } = exchange.route
  const flight = engine.flights.get(exchange.key)
  if (flight === undefined || settings.coalesce === false) return undefined
  const leader = flight.origin as Leader
  if (engine.now() - leader.since > settings.coalesce.timeout * 1000) return undefined
  if (leader.stamp === undefined) return leader.sequence === engine.versioned.sequence() ? flight : undefined
  if (engine.versioned.outdated(exchange.key, leader.stamp)) return undefined
  if (exchange.found !== undefined && otherVersions(leader.stamp, exchange.found)) return undefined
  return flight
}

/** An entry whose write has not settled yet is as good as stored for a request of this process. */
function beingWritten (exchange: Exchange): Entry<StoredReply> | undefined {
  const { request, route, detail, directives } = exchange
  if (detail !== undefined || directives !== undefined || route.settings.isStale !== undefined) return undefined
  const ready = joinable(exchange)?.ready
  if (ready === undefined || variantKeyOf(ready.fields, request) !== ready.variant) return undefined
  return ready.entry.freshUntil > route.engine.now() ? ready.entry : undefined
}

/** What joiners look at: when the run began, and under which versions. */
export interface Leader {
  readonly since: number
  /** Without a stamp (the backend is down) any purge at all counts. */
  readonly sequence: number
  stamp: Stamp | undefined
}

/** Another process purged since: its marks differ from the leader's. */
function otherVersions (stamp: Stamp, found: Found): boolean {
  return found.marks.some((mark, i) => {
    const name = found.names[i]
    const led = name === undefined ? -1 : stamp.names.indexOf(name)
    return led >= 0 && stamp.marks[led] !== mark
  })
}

function follow (exchange: Exchange, flight: Flight<Shared>): void {
  const { route, request } = exchange
  const wait = (route.settings.coalesce as { timeout: number }).timeout * 1000
  flight.followers++
  let over = false
  const timer = setTimeout(() => {
    if (over) return
    over = true
    flight.followers--
    // Waited long enough: a run of its own, which stores nothing, since the leader is still at it.
    exchange.proceed()
  }, wait)
  timer.unref()
  flight.outcome.then((shared) => {
    if (over) return
    over = true
    clearTimeout(timer)
    flight.followers--
    if (shared !== undefined && variantKeyOf(shared.fields, request) === shared.variant) return collapse(exchange, shared)
    exchange.attempts += shared === undefined ? 1 : 0
    find(exchange)
  })
}

/** RFC 9111 §5.2.1.7: the client wanted nothing but a stored reply, and there is none. */
function gatewayTimeout (exchange: Exchange): void {
  const { reply, route } = exchange
  exchange.served = true
  const name = route.engine.settings.statusHeader
  if (name !== false) reply.header('cache-status', `${name}; detail=${statusItem('only-if-cached')}`)
  reply.code(504).send({ statusCode: 504, error: 'Gateway Timeout', message: 'Nothing usable is stored, and the request said only-if-cached' })
}

function collapse (exchange: Exchange, { entry }: Shared): void {
  const { route } = exchange
  const { engine } = route
  exchange.served = true
  engine.counters.coalesced++
  const name = engine.settings.statusHeader
  const status = name === false ? undefined : forwardStatus(name, exchange.forward ?? 'uri-miss', { collapsed: true })
  answer(exchange, entry, status)
}
