import { isPromise } from '../awaitable.ts'
import type { Entry, StoredReply, Variants } from '../entry.ts'
import type { Found } from '../versions/versioned.ts'
import { countBypass, countFault, countHit } from './outcomes.ts'
import { parseRequestDirectives } from './cache-control.ts'
import { hitStatus } from './cache-status.ts'
import { customKey } from './custom-key.ts'
import { addressAt, rememberAddress } from './address.ts'
import type { Forward } from './cache-status.ts'
import { NO_FIELDS, type Exchange } from './exchange.ts'
import { miss } from './miss.ts'
import { judge, ttl, usableOnError, usableUnder } from './policy/freshness.ts'
import { refusal } from './policy/request.ts'
import { ask } from './predicates.ts'
import { replay } from './replay.ts'
import { proceed, resumed } from './resume.ts'
import { shown } from './stored-reply.ts'
import { certificateOf } from './certificate.ts'
import { representationFor } from './encoded.ts'
import { keyOfVariant } from './variants.ts'

/**
 * The look-up of one request: answers it from the store, or lets it go on with what the later stages need to know.
 * In memory, without predicates, everything up to the reply happens at once.
 */
export function lookup (exchange: Exchange): void {
  const { route, request } = exchange
  const { engine, settings } = route
  if (engine.none) return proceed(exchange)
  const refused = refusal({
    method: request.method,
    headers: request.headers,
    host: request.host,
    target: request.originalUrl,
    certificate: certificateOf(request.raw)
  }, settings, engine.settings.credentialHeaders)
  if (refused !== undefined) return bypass(exchange, refused)
  if (settings.unless === undefined) return locate(exchange)
  ask(exchange, 'unless', () => settings.unless!(request), (round) => {
    if (round === false) locate(exchange)
    else bypass(exchange, 'unless')
  })
}

/** Lets the request go round the cache: neither read nor stored. */
export function bypass (exchange: Exchange, reason: string): void {
  exchange.forward = reason === 'method' ? 'method' : 'bypass'
  if (reason !== 'method') exchange.detail = reason
  countBypass(exchange, reason)
  proceed(exchange)
}

function locate (exchange: Exchange): void {
  const { settings } = exchange.route
  const control = exchange.request.headers['cache-control']
  if (control !== undefined || exchange.request.headers.pragma !== undefined) {
    exchange.directives = parseRequestDirectives(control, exchange.request.headers.pragma)
  }
  if (settings.makeCacheKey === undefined && settings.keyPrefix === undefined) return read(exchange, undefined)
  const custom = customKey(exchange)
  if (!isPromise(custom)) {
    if (custom === undefined) bypass(exchange, 'key')
    else read(exchange, custom)
    return
  }
  custom.then(resumed(exchange, (key) => {
    if (key === undefined) bypass(exchange, 'key')
    else read(exchange, key)
  }))
}

function read (exchange: Exchange, custom: string | undefined): void {
  const { route, request } = exchange
  const origin = route.origins.of(route, request)
  exchange.origin = origin
  if (Array.isArray(route.settings.host) && !route.settings.host.includes(origin.host)) return bypass(exchange, 'host')
  if (origin.host === '' || twoHosts(request)) return bypass(exchange, 'host')
  const address = addressAt(route, request, origin, custom)
  if (address === undefined) return bypass(exchange, 'target')
  exchange.address = address
  if (route.settings.forcedUpdate === undefined) return find(exchange)
  ask(exchange, 'forcedUpdate', () => route.settings.forcedUpdate!(request), (forced) => {
    // One that throws goes round the cache: it is not known whether the entry may be served.
    if (forced === undefined) return bypass(exchange, 'forcedUpdate')
    exchange.forced = forced
    find(exchange)
  })
}

/** HTTP/2 with an authority and a Host that differ (RFC 9113 §8.3.1 has them equal): which of them the handler believes is not ours to say. */
function twoHosts ({ headers }: Exchange['request']): boolean {
  const authority = headers[':authority']
  return authority !== undefined && headers.host !== undefined && authority !== headers.host
}

/** Looks the key up; also the second time, after a flight that brought nothing. */
export function find (exchange: Exchange): void {
  exchange.key = exchange.address!.key
  step(exchange, addressed)
}

type Next = (exchange: Exchange, found: Found | undefined) => void

/** What stands under the address: a reply, or the index that tells how to choose one. */
function addressed (exchange: Exchange, found: Found | undefined): void {
  const entry = found?.entry
  exchange.fields = NO_FIELDS
  if (entry === undefined || entry.kind !== 'variants') return choose(exchange, found, 'uri-miss')
  exchange.fields = (entry.payload as Variants).fields
  exchange.key = keyOfVariant(exchange, exchange.fields)
  exchange.route.engine.variantUse.note(exchange.key)
  step(exchange, chosen)
}

function chosen (exchange: Exchange, found: Found | undefined): void {
  choose(exchange, found, 'vary-miss')
}

/** One read of the backend: at once in memory, else a promise; a backend that is down is a miss. */
function step (exchange: Exchange, next: Next): void {
  const { flights, versioned } = exchange.route.engine
  exchange.asked = flights.tick()
  let found: Found | Promise<Found>
  try {
    found = versioned.lookup(exchange.key, exchange.address!.names)
  } catch (error) {
    countFault(exchange.route, exchange.key, error)
    return next(exchange, undefined)
  }
  if (!isPromise(found)) return next(exchange, found)
  // One hop for each request that waits: what they wait for is one answer where they ask for one key.
  found.then(resumed(exchange, (answer) => {
    if (answer.entry === undefined && flights.endedSince(exchange.key, exchange.asked)) again(exchange, next)
    else next(exchange, answer)
  }), resumed(exchange, (error: unknown) => { unanswered(exchange, error, next) }))
}

/** What a look-up did not find may have been written since: asked again before it is made again. */
function again (exchange: Exchange, next: Next): void {
  const { flights, versioned } = exchange.route.engine
  exchange.asked = flights.tick()
  const looked = async (): Promise<Found> => await versioned.lookup(exchange.key, exchange.address!.names)
  looked().then(resumed(exchange, (answer) => { next(exchange, answer) }), resumed(exchange, (error: unknown) => { unanswered(exchange, error, next) }))
}

/** A backend that is down is a miss. */
function unanswered (exchange: Exchange, error: unknown, next: Next): void {
  countFault(exchange.route, exchange.key, error)
  next(exchange, undefined)
}

function choose (exchange: Exchange, found: Found | undefined, missed: Forward): void {
  exchange.found = found
  exchange.fallback = undefined
  const entry = found?.entry as Entry<StoredReply> | undefined
  if (found === undefined || entry === undefined || entry.kind !== 'reply') return miss(exchange, missed)
  const { settings, engine } = exchange.route
  const now = found.at ?? engine.now()
  const freshness = judge(entry, found.softened, now)
  // What could replace a failed reply, whatever the reason for running the handler.
  if (entry.staleIfError > 0 && usableOnError(entry, found.softened, now)) exchange.fallback = entry
  if (exchange.forced) {
    exchange.detail = 'forced-update'
    return miss(exchange, 'request')
  }
  const rules = settings.requestDirectives ? exchange.directives : undefined
  if (rules !== undefined && !usableUnder(rules, entry, found.softened, now)) {
    return miss(exchange, freshness === 'fresh' ? 'request' : 'stale')
  }
  const usable = freshness === 'fresh' || freshness === 'stale-while-revalidate' || (rules?.maxStale !== undefined && freshness !== 'expired')
  if (!usable) return miss(exchange, 'stale')
  if (settings.isStale === undefined) return serve(exchange, entry, found.softened, now, freshness === 'fresh', freshness === 'stale-while-revalidate')
  ask(exchange, 'isStale', () => settings.isStale!(shown(entry.payload), exchange.request), (stale) => {
    if (stale === undefined) return bypass(exchange, 'isStale')
    if (stale) miss(exchange, 'stale')
    else serve(exchange, entry, found.softened, engine.now(), freshness === 'fresh', freshness === 'stale-while-revalidate')
  })
}

/** A hit; a stale one, or one past its `eagerRefresh` share, starts one background run. */
export function serve (exchange: Exchange, entry: Entry<StoredReply>, softened: number, now: number, fresh: boolean, refresh: boolean): void {
  const { route } = exchange
  const { engine, settings } = route
  exchange.served = true
  rememberAddress(exchange)
  if (fresh) countHit(exchange)
  else countHit(exchange, 'stale')
  const name = engine.settings.statusHeader
  const status = name === false ? undefined : hitStatus(name, ttl(entry, softened, now))
  answer(exchange, entry, status, now)
  // The reply to a request that says no-store is never stored, nor is one that is made on its account.
  if (exchange.directives?.noStore === true) return
  if (refresh || (fresh && eager(entry, settings.eagerRefresh, now))) engine.runs.refresh(exchange)
}

/** The stored reply, in the encoding that the client likes best. */
export function answer (exchange: Exchange, entry: Entry<StoredReply>, status: string | undefined, now: number): void {
  if (exchange.route.settings.compress === false) return replay(exchange, entry, status, now)
  const representation = representationFor(exchange, entry)
  if (!isPromise(representation)) return replay(exchange, entry, status, now, representation)
  representation.then(resumed(exchange, (made) => { replay(exchange, entry, status, now, made) }))
}

function eager (entry: Entry, share: number, now: number): boolean {
  if (share <= 0 || entry.freshUntil === Infinity) return false
  return now - entry.created >= share * (entry.freshUntil - entry.created)
}
