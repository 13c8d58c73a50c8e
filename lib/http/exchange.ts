import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Entry, StoredReply } from '../entry.ts'
import type { Flight } from '../single-flight.ts'
import type { Found, Stamp } from '../versions/versioned.ts'
import type { Shared } from './engine.ts'
import type { Lifetime } from './policy/response.ts'
import type { Origin } from './origin.ts'
import type { CachedRoute } from './route.ts'
import type { Body } from './stored-reply.ts'
import type { RequestDirectives } from './cache-control.ts'
import type { Forward } from './cache-status.ts'

/** Where a request's reply stands, or would stand. */
export interface Address {
  /** The key of the store. */
  readonly key: string
  /** What an entry made for this request depends on. */
  readonly names: readonly string[]
  /** It is remembered for the next request of its target. */
  known: boolean
}

/**
 * One request on its way through the cache: what the look-up left for the handler's wrapper, the capture and the
 * verdict. Kept on the request under a symbol, since request decorators of nested caches would clash.
 */
export interface Exchange {
  readonly route: CachedRoute
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  /** Goes on with the request; called once, and never after the reply was sent from the store. */
  readonly proceed: (error?: Error) => void
  /** It went on, or failed. */
  gone: boolean

  /** Set where the request went on to the handler. */
  forward: Forward | undefined
  detail: string | undefined
  /** `forcedUpdate`: whatever is stored, or on its way, is superseded by a run of its own. */
  forced: boolean
  /** The reply comes from the store: the capture lets it pass. */
  served: boolean
  /** The stored reply has no content type, nor has anybody else given it one. */
  untyped: boolean

  origin: Origin | undefined
  address: Address | undefined
  /** The key of the variant that was looked up; differs from the address's where fields choose. */
  key: string
  /** The request fields that chose the variant that was looked up, by earlier replies' `Vary`. */
  fields: readonly string[]
  directives: RequestDirectives | undefined
  /** What the look-up found, usable or not: what a reply that is not stored removes. */
  found: Found | undefined
  /** A stale entry that replaces a failed reply. */
  fallback: Entry<StoredReply> | undefined
  /** The status of the failed reply that a stale entry has replaced. */
  failure: number | undefined
  /** The body that was taken down is a stream: its failure is the handler's, not a later hook's. */
  streamed: boolean
  /** How often a flight that was waited for brought nothing. */
  attempts: number
  /** When it was looked up, in the order of the flights' moments. */
  asked: number
  /** Until when it waits for others, by `performance.now()`; 0 = it has not waited yet. */
  waitsUntil: number

  /** May the reply be stored? The handler then sees only what the key covers. */
  fills: boolean
  /** With `minUses`: the reply is shared with the followers, but not stored yet. */
  shareOnly: boolean
  stamp: Stamp | undefined
  flight: Flight<Shared> | undefined
  /** The flight of the background run that this request sets off. */
  run: Flight<Shared> | undefined
  lock: string | undefined
  /** A run that no client waits for. */
  detached: DetachedEnd | undefined
  handled: boolean
  /** What the handler returned, where that is a promise. */
  running: Promise<unknown> | undefined
  failed: boolean
  /** A reply from the store failed in a later hook. */
  failedAgain: boolean
  /** The headers that this request's earlier hooks set: what the handler adds is the difference. */
  baseline: Record<string, number | string | string[] | undefined> | undefined
  capture: Captured | undefined
  /** The `Cache-Control` that was put on for the client: no word of the handler's. */
  control: string | undefined
  /** Why the reply is not stored. */
  skipped: string | undefined
  watched: boolean
  /** The response's own methods, behind ours. */
  writeHead: ((...args: unknown[]) => unknown) | undefined
  destroy: ((error?: Error) => unknown) | undefined
  /** Its head was written. */
  left: boolean
  /** Its flight is settled, its lock released. */
  ended: boolean
  /** Told once it has ended. */
  finished: (() => void) | undefined
  /** Stops the copying of a stream. */
  giveUp: (() => void) | undefined
  /** The reply is on its way, and what it may become was settled. */
  judged: boolean

  /** What `reply.cache()` said. */
  timeout: number | undefined
  tags: readonly string[]
  keep: boolean
}

/** A reply as the handler made it, before any other hook touched it. */
export interface Captured {
  readonly status: number
  readonly headers: ReadonlyArray<string | readonly string[]>
  /** Request fields that chose it (`Vary`), beyond what the key covers. */
  readonly fields: readonly string[]
  /** The request's values of those fields. */
  readonly variant: string
  readonly lifetime: Lifetime
  /** What it depends on. */
  readonly names: readonly string[]
  readonly date: number
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  /** `undefined`: a stream that has not ended yet. */
  body: Body | undefined
  /** The verdict came before the body's end, and was to store it. */
  allowed: boolean
  /** Nothing is left that could change status or headers on their way: the verdict on them is the same as at the capture. */
  readonly sure: boolean
}

/** How a detached run ended, told to whoever started it. */
export interface DetachedEnd {
  outcome: 'none' | 'stored' | 'removed'
  /** Resolves once the reply's write has settled. */
  settled: Promise<void>
}

export const NO_FIELDS: readonly string[] = []

const kExchange = Symbol('fastify-cached.exchange')
type Carrier = { [kExchange]?: Exchange }

export function exchangeOf (request: FastifyRequest): Exchange | undefined {
  return (request as unknown as Carrier)[kExchange]
}

export function openExchange (route: CachedRoute, request: FastifyRequest, reply: FastifyReply, proceed: (error?: Error) => void): Exchange {
  const exchange: Exchange = {
    route,
    request,
    reply,
    proceed,
    gone: false,
    forward: undefined,
    detail: undefined,
    forced: false,
    served: false,
    untyped: false,
    origin: undefined,
    address: undefined,
    key: '',
    fields: NO_FIELDS,
    directives: undefined,
    found: undefined,
    fallback: undefined,
    failure: undefined,
    streamed: false,
    attempts: 0,
    asked: 0,
    waitsUntil: 0,
    fills: false,
    shareOnly: false,
    stamp: undefined,
    flight: undefined,
    run: undefined,
    lock: undefined,
    detached: undefined,
    handled: false,
    running: undefined,
    writeHead: undefined,
    destroy: undefined,
    left: false,
    failed: false,
    failedAgain: false,
    baseline: undefined,
    capture: undefined,
    control: undefined,
    skipped: undefined,
    watched: false,
    ended: false,
    finished: undefined,
    giveUp: undefined,
    judged: false,
    timeout: undefined,
    tags: NO_FIELDS,
    keep: true
  }
  ;(request as unknown as Carrier)[kExchange] = exchange
  return exchange
}
