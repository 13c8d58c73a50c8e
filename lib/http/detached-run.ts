import { finished } from 'node:stream/promises'
import type { FastifyRequest, InjectOptions } from 'fastify'
import { takeTurn } from './lock-wait.ts'
import { begin, leaderOf } from './miss.ts'
import type { DetachedEnd, Exchange } from './exchange.ts'

/** ms: a run that takes longer is given up. */
const LONGEST_RUN = 60_000
/** Past this many at a time, stale entries are served without a refresh. */
const MOST_RUNS = 100
/** ms: the write of a reply may settle this long after the reply's end. */
const AFTER_THE_REPLY = 5_000
const FIRST_PAUSE = 1_000
const LONGEST_PAUSE = 30_000
const MOST_PAUSES = 10_000

/** What the run that was started hands to its own look-up: nothing is read again, the key is the trigger's. */
interface Handover {
  readonly trigger: Exchange
  readonly end: DetachedEnd
  readonly settled: () => void
  /** The lock that the run holds, where it needs one. */
  readonly lock: string | undefined
  claimed: boolean
}

/**
 * The tokens of the runs under way, by the abort signal of their injected request: an object of ours, which no request
 * from outside can carry and no handler's own `inject` inherits.
 */
const handovers = new WeakMap<AbortSignal, Handover>()

/** The token that a request carries as a run of ours; it serves one look-up of one route. */
export function claim (exchange: Exchange): boolean {
  const signal = (exchange.request.raw as { _lightMyRequest?: { signal?: unknown } })._lightMyRequest?.signal
  if (!(signal instanceof AbortSignal)) return false
  const handover = handovers.get(signal)
  if (handover === undefined || handover.claimed || handover.trigger.route.id !== exchange.route.id) return false
  handover.claimed = true
  lendSocket(exchange)
  const { trigger } = handover
  exchange.forward = 'stale'
  exchange.address = trigger.address
  exchange.origin = trigger.origin
  exchange.key = trigger.key
  exchange.fields = trigger.fields
  exchange.found = trigger.found
  exchange.detached = handover.end
  exchange.finished = handover.settled
  exchange.flight = trigger.run
  exchange.lock = handover.lock
  exchange.fills = true
  begin(exchange)
  return true
}

/** The injected request's socket is a mock without the methods that handlers call to set or lift a time limit. */
function lendSocket ({ request, reply }: Exchange): void {
  for (const socket of [request.raw.socket, reply.raw.socket]) {
    if (socket === undefined || socket === null) continue
    const mock = socket as unknown as Record<string, unknown>
    for (const name of ['setTimeout', 'setNoDelay', 'setKeepAlive', 'ref', 'unref']) mock[name] ??= () => socket
    mock.destroy ??= (error?: Error) => { reply.raw.destroy(error) }
  }
}

/** The background runs of one cache: stale refresh, eager refresh, and the run behind a soft timeout. */
export class DetachedRuns {
  readonly #underWay = new Map<string, Promise<void>>()
  readonly #pauses = new Map<string, { until: number, next: number }>()
  #closing = false

  get size (): number { return this.#underWay.size }

  /** The last runs of the key failed a moment ago: what is behind it is spared. */
  pausing (key: string, now: number): boolean {
    const pause = this.#pauses.get(key)
    if (pause === undefined) return false
    const left = pause.until - now
    // More than the longest: the clock was set back.
    return left > 0 && left <= LONGEST_PAUSE
  }

  /**
   * Runs the route of `trigger` again behind the client's back, with the trigger's headers and address. One a key, and
   * not while the last failures are fresh. `undefined`: no run was begun.
   */
  refresh (trigger: Exchange): Promise<void> | undefined {
    const { route, key } = trigger
    const { engine } = route
    if (this.#closing || engine.none || this.#underWay.has(key) || this.#underWay.size >= MOST_RUNS || this.pausing(key, engine.now())) return undefined
    // A run of that key is under way already, in front of a client.
    if (engine.flights.get(key) !== undefined) return undefined
    const request = requestLike(trigger.request)
    if (request === undefined) {
      engine.notes.warn(engine.log, route.where + ' body', { route: route.where },
        `fastify-cached: route ${route.where} cannot be refreshed in the background: the body of its request can be sent again only as JSON, text, bytes or a plain form`)
      return undefined
    }
    trigger.run = engine.flights.lead(key, leaderOf(engine, trigger.found))
    const run = this.#run(trigger, request).finally(() => { this.#underWay.delete(key) })
    this.#underWay.set(key, run)
    return run
  }

  /** A fill of the key went well: its failures are over. */
  forgive (key: string): void {
    if (this.#pauses.size > 0) this.#pauses.delete(key)
  }

  /** Waits for the runs under way, `bound` ms at most; none is begun any more. */
  async drain (bound: number): Promise<void> {
    this.#closing = true
    if (this.#underWay.size === 0) return
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<void>((resolve) => { timer = setTimeout(resolve, bound) })
    await Promise.race([Promise.allSettled([...this.#underWay.values()]), late])
    clearTimeout(timer)
  }

  async #run (trigger: Exchange, request: InjectOptions): Promise<void> {
    const turn = await takeTurn(trigger)
    if (turn !== undefined) await this.#inject(trigger, request, turn.token)
    if (trigger.run !== undefined) trigger.route.engine.flights.settle(trigger.run, undefined)
  }

  async #inject (trigger: Exchange, request: InjectOptions, lock: string | undefined): Promise<void> {
    const { route, key } = trigger
    const { engine } = route
    engine.counters.refreshes++
    const abort = new AbortController()
    let settled!: () => void
    const told: DetachedEnd = { outcome: 'none', settled: new Promise((resolve) => { settled = resolve }) }
    const handover: Handover = { trigger, end: told, settled, lock, claimed: false }
    handovers.set(abort.signal, handover)
    const timer = setTimeout(() => { abort.abort() }, LONGEST_RUN)
    timer.unref()
    try {
      const response = await route.instance.inject({ ...request, signal: abort.signal, payloadAsStream: true })
      await drained(response.stream())
      // A run that never got to the look-up was refused by a hook.
      if (handover.claimed) await Promise.race([told.settled, pause(AFTER_THE_REPLY)])
    } catch {
      // Aborted, closing, or the server refused it: it counts as a failed refresh.
    } finally {
      clearTimeout(timer)
      handovers.delete(abort.signal)
      if (lock !== undefined && !handover.claimed) await engine.locks?.release(key, lock)
      this.#noteEnd(key, told.outcome, engine.now())
    }
  }

  #noteEnd (key: string, outcome: DetachedEnd['outcome'], now: number): void {
    if (outcome !== 'none') {
      this.#pauses.delete(key)
      return
    }
    const next = this.#pauses.get(key)?.next ?? FIRST_PAUSE
    this.#pauses.delete(key)
    if (this.#pauses.size >= MOST_PAUSES) this.#pauses.delete(this.#pauses.keys().next().value!)
    this.#pauses.set(key, { until: now + next, next: Math.min(next * 2, LONGEST_PAUSE) })
  }
}

/**
 * The trigger's request as an injected one: what would make a condition, a part or a hop of it is left out.
 * `undefined`: its body was parsed by something that cannot be undone.
 */
function requestLike (request: FastifyRequest): InjectOptions | undefined {
  const payload = bodyOf(request)
  if (payload === null) return undefined
  const headers: Record<string, string | string[]> = {}
  for (const name in request.headers) {
    const value = request.headers[name]
    if (value !== undefined && !LEFT_OUT.has(name) && !name.startsWith(':')) headers[name] = value
  }
  if (headers.host === undefined && request.host !== '') headers.host = request.host
  return {
    method: request.method === 'HEAD' ? 'GET' : request.method as 'GET',
    url: request.originalUrl,
    headers,
    remoteAddress: request.socket?.remoteAddress ?? '127.0.0.1',
    ...(payload === undefined ? {} : { payload })
  }
}

/** The parsed body as it may have come in. `undefined`: there is none; `null`: it cannot be told. */
function bodyOf ({ body, headers }: FastifyRequest): string | Buffer | undefined | null {
  const type = headers['content-type']
  if (body === undefined || type === undefined) return undefined
  if (/^[^;]*[/+]json\b/i.test(type)) return JSON.stringify(body)
  if (body === null) return undefined
  if (typeof body === 'string' || Buffer.isBuffer(body)) return body
  return /^application\/x-www-form-urlencoded\b/i.test(type) && typeof body === 'object' ? formOf(body) : null
}

function formOf (body: object): string | null {
  const pairs = new URLSearchParams()
  for (const [name, value] of Object.entries(body)) {
    for (const one of [value].flat() as unknown[]) {
      if (typeof one !== 'string') return null
      pairs.append(name, one)
    }
  }
  return pairs.toString()
}

const LEFT_OUT = new Set([
  'if-none-match', 'if-modified-since', 'if-match', 'if-unmodified-since', 'if-range', 'range', 'cache-control', 'pragma',
  'connection', 'keep-alive', 'transfer-encoding', 'content-length', 'content-encoding', 'upgrade', 'te', 'expect'
])

function pause (ms: number): Promise<void> {
  return new Promise((resolve) => { setTimeout(resolve, ms).unref() })
}

async function drained (stream: NodeJS.ReadableStream): Promise<void> {
  stream.resume()
  await finished(stream)
}
