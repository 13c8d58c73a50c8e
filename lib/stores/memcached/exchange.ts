import { errors } from '../../errors.ts'
import { mismatch } from './match.ts'
import { keyOf, opaqueOf, opcodeOf } from './protocol.ts'
import type { Reply } from './protocol.ts'

export interface Handlers {
  respond (reply: Reply): void
  fail (error: Error): void
}

interface Sent { readonly op: number, readonly key: Buffer }
interface Waiting extends Sent { readonly handlers: Handlers, readonly since: number }

/** How many requests may be past their deadline and unanswered before the connection is given up. */
const MOST_LATE = 1000

/**
 * The requests under way on one connection: each has a deadline and ends exactly once. A reply is matched by its
 * opaque and then checked against what was asked. One timer serves all, since all have the same time.
 */
export class Exchange {
  readonly #patience: number
  readonly #timedOut: (silent: boolean) => void
  readonly #waiting = new Map<number, Waiting>()
  /** Past their deadline: their replies are expected, and thrown away. */
  readonly #late = new Map<number, Sent>()
  #timer: NodeJS.Timeout | undefined
  #lastReply = 0

  /**
   * @param patience ms; 0 = no bound
   * @param timedOut called after a request has been failed by its deadline; `silent`: no reply at all has come since it was made
   */
  constructor (patience: number, timedOut: (silent: boolean) => void) {
    this.#patience = patience
    this.#timedOut = timedOut
  }

  get size (): number { return this.#waiting.size }

  add (request: Buffer, handlers: Handlers): void {
    this.#waiting.set(opaqueOf(request), { op: opcodeOf(request), key: keyOf(request), handlers, since: performance.now() })
    this.#arm()
  }

  /** @returns why the reply, and with it the whole stream, cannot be trusted */
  accept (reply: Reply): string | undefined {
    const waiting = this.#waiting.get(reply.opaque)
    const sent = waiting ?? this.#late.get(reply.opaque)
    if (sent === undefined) return 'a reply that nobody asked for'
    const fault = mismatch(sent.op, sent.key, reply)
    if (fault !== undefined) return fault
    this.#lastReply = performance.now()
    if (waiting === undefined) {
      this.#late.delete(reply.opaque)
      return undefined
    }
    this.#waiting.delete(reply.opaque)
    waiting.handlers.respond(reply)
    return undefined
  }

  /** Ends everything. What is still unanswered never will be. */
  failAll (error: Error): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    this.#late.clear()
    for (const { handlers } of waiting) handlers.fail(error)
  }

  get overdue (): boolean { return this.#late.size > MOST_LATE }

  #arm (): void {
    if (this.#timer !== undefined || this.#patience === 0) return
    const [first] = this.#waiting.values()
    if (first === undefined) return
    const timer = this.#timer = setTimeout(() => {
      // After a long synchronous stretch of the application the timer is due before the socket has been read.
      setImmediate(() => { if (this.#timer === timer) this.#expire() })
    }, Math.max(1, Math.ceil(first.since + this.#patience - performance.now())))
    timer.unref()
  }

  #expire (): void {
    this.#timer = undefined
    const now = performance.now()
    const over: Waiting[] = []
    for (const [opaque, waiting] of this.#waiting) {
      if (waiting.since + this.#patience > now) break
      this.#waiting.delete(opaque)
      // A copy: the key is a view of the whole request, value included.
      this.#late.set(opaque, { op: waiting.op, key: Buffer.from(waiting.key) })
      over.push(waiting)
    }
    this.#arm()
    for (const { handlers, since } of over) {
      handlers.fail(new errors.FST_CACHE_ERR_BACKEND_TIMEOUT(String(this.#patience)))
      this.#timedOut(since >= this.#lastReply)
    }
  }
}
