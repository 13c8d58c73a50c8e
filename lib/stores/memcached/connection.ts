import { connect } from 'node:net'
import type { Socket } from 'node:net'
import { errors } from '../../errors.ts'
import { whenHeardFor } from '../deadline.ts'
import { connectOptions } from './address.ts'
import type { Address } from './address.ts'
import { Breaker } from './breaker.ts'
import { Exchange } from './exchange.ts'
import type { Handlers } from './exchange.ts'
import { Handshake } from './handshake.ts'
import { Outbox } from './outbox.ts'
import { frame, OP, opaqueOf, ReplyReader } from './protocol.ts'
import type { Reply } from './protocol.ts'
import type { Credentials } from './sasl.ts'

export interface ConnectionSettings {
  /** ms; a request that has no answer by then fails. 0 = no bound. */
  readonly operationTimeout: number
  /** ms for connecting, with the handshake. */
  readonly connectTimeout: number
  readonly credentials: Credentials | undefined
  /** The longest reply that is believed, bytes. */
  readonly maxReply: number
  /** ms after which TCP asks whether a silent peer still exists; `undefined` = never. */
  readonly keepAlive: number | undefined
  /** Once per outage, and at its end. */
  down (reason: string): void
  up (): void
}

/** The opaque of the question whether a silent server is back. Requests never use it. */
export const PROBE = 0xffffffff

/**
 * How long a server that has fallen silent keeps its connection, ms. While it lasts, what was written before the silence
 * comes before what is written after it; over a second connection an old write could overtake a newer one when a
 * frozen server goes on (a reset does not make it forget what it has received). Past it the connection may be all that
 * is broken.
 */
const SILENCE_LIMIT = 2000

/** Unsent bytes past which a server counts as too slow. */
const MOST_UNSENT = 256 * 1024 * 1024

type State = 'idle' | 'connecting' | 'up' | 'silent' | 'down' | 'closed'

/**
 * One pipelined connection to one server, with the few methods that `memjs.Client` calls. It comes back by itself:
 * at once after a connection that worked, else after 100 ms, doubling to 2 s. Meanwhile requests fail at once.
 */
export class Connection {
  readonly host: string
  readonly port: number
  readonly name: string
  readonly #address: Address
  readonly #settings: ConnectionSettings
  readonly #breaker = new Breaker()
  readonly #exchange: Exchange
  readonly #outbox: Outbox
  readonly #handlers = new Map<number, Partial<Handlers>>()
  readonly #firstAttempt: Promise<Error | undefined>
  #settleFirst!: (refusal: Error | undefined) => void
  #state: State = 'idle'
  #socket: Socket | undefined
  #reader: ReplyReader
  #handshake: Handshake | undefined
  #endWait: () => void = ignore
  #reason: Error
  #outage = false

  constructor (address: Address, settings: ConnectionSettings) {
    this.host = address.host
    this.port = address.port
    this.name = address.name
    this.#address = address
    this.#settings = settings
    this.#reader = new ReplyReader(settings.maxReply)
    this.#reason = new errors.FST_CACHE_ERR_BACKEND_DOWN(`memcached ${address.name}`)
    this.#exchange = new Exchange(settings.operationTimeout, (silent) => { this.#requestTimedOut(silent) })
    this.#outbox = new Outbox(() => this.#state === 'up' || this.#state === 'silent' ? this.#socket : undefined)
    this.#firstAttempt = new Promise((resolve) => { this.#settleFirst = resolve })
  }

  get up (): boolean { return this.#state === 'up' }
  get pending (): number { return this.#exchange.size }

  /** Resolves when the first attempt has ended: with the refusal, if the server will never serve us. */
  async start (): Promise<Error | undefined> {
    if (this.#state === 'idle') this.#open()
    return this.#firstAttempt
  }

  onResponse (seq: number, respond: (reply: Reply) => void): void {
    this.#handlersOf(seq).respond = respond
  }

  onError (seq: number, fail: (error: Error) => void): void {
    this.#handlersOf(seq).fail = fail
  }

  write (request: Buffer): void {
    const opaque = opaqueOf(request)
    const { respond = ignore, fail = ignore } = this.#handlers.get(opaque) ?? {}
    this.#handlers.delete(opaque)
    const obstacle = this.#obstacle()
    if (obstacle !== undefined) {
      fail(obstacle)
      return
    }
    this.#exchange.add(request, { respond, fail })
    this.#outbox.push(request)
  }

  close (): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#reason = new errors.FST_CACHE_ERR_CLOSED()
    this.#drop(this.#reason)
    this.#settleFirst(undefined)
  }

  #handlersOf (seq: number): Partial<Handlers> {
    // memjs counts in signed 32 bits; the wire does not.
    const opaque = seq >>> 0
    let handlers = this.#handlers.get(opaque)
    if (handlers === undefined) this.#handlers.set(opaque, handlers = {})
    return handlers
  }

  #obstacle (): Error | undefined {
    if (this.#state === 'up') {
      return (this.#socket?.writableLength ?? 0) > MOST_UNSENT ? this.#downError('it takes requests too slowly') : undefined
    }
    // While it connects for the first time, or anew after a connection that worked, requests wait for it.
    if (this.#state === 'connecting' && !this.#outage) return undefined
    return this.#reason
  }

  #open (): void {
    this.#state = 'connecting'
    this.#handshake = new Handshake(this.#settings.credentials)
    this.#reader = new ReplyReader(this.#settings.maxReply)
    const socket = connect(connectOptions(this.#address))
    this.#socket = socket
    if (this.#settings.keepAlive !== undefined) socket.setKeepAlive(true, this.#settings.keepAlive)
    socket.on('connect', () => { socket.write((this.#handshake as Handshake).first()) })
    socket.on('data', (chunk: Buffer) => { if (socket === this.#socket) this.#received(chunk) })
    socket.on('error', (error) => { if (socket === this.#socket) this.#lost(describe(error)) })
    socket.on('close', () => { if (socket === this.#socket) this.#lost('the connection was closed') })
    this.#endWait()
    this.#endWait = whenHeardFor(this.#settings.connectTimeout, () => { this.#lost(`no connection within ${this.#settings.connectTimeout} ms`) })
  }

  #received (chunk: Buffer): void {
    const socket = this.#socket
    let fault: string | undefined
    const unreadable = this.#reader.push(chunk, (reply) => {
      if (this.#handshake !== undefined) this.#advance(reply)
      else fault = this.#answer(reply)
      return fault === undefined && socket === this.#socket
    })
    if (socket !== this.#socket) return
    if (unreadable !== undefined && this.#handshake !== undefined) this.#refused(`what answers there is no memcached: ${unreadable}`)
    else if (unreadable !== undefined || fault !== undefined) this.#lost(`broken stream: ${unreadable ?? fault}`)
  }

  #advance (reply: Reply): void {
    const step = (this.#handshake as Handshake).next(reply)
    if ('send' in step) this.#socket?.write(step.send)
    else if ('refused' in step) this.#refused(step.refused)
    else if ('fault' in step) this.#lost(step.fault)
    else this.#ready()
  }

  #ready (): void {
    this.#handshake = undefined
    this.#endWait()
    this.#state = 'up'
    this.#settleFirst(undefined)
    this.#recovered()
    this.#outbox.flush()
  }

  #recovered (): void {
    if (!this.#outage) return
    this.#outage = false
    this.#settings.up()
  }

  #answer (reply: Reply): string | undefined {
    const fault = reply.opaque === PROBE && reply.op === OP.noop ? undefined : this.#exchange.accept(reply)
    if (fault !== undefined) return fault
    this.#breaker.answered()
    if (this.#state === 'silent') {
      this.#endWait()
      this.#state = 'up'
      this.#recovered()
    }
    return undefined
  }

  #requestTimedOut (silent: boolean): void {
    // A slow answer among others is no sign of a server that is gone.
    const third = silent && this.#breaker.failed()
    if (this.#state !== 'up') return
    // Half a reply, and no more of it: the stream lacks bytes, and waiting does not bring them back.
    if (this.#reader.partial || this.#exchange.overdue) this.#lost('replies are missing')
    else if (third) this.#fallenSilent()
  }

  #fallenSilent (): void {
    this.#state = 'silent'
    this.#outOfService('it does not answer')
    this.#socket?.write(frame({ op: OP.noop }, PROBE))
    this.#setTimer(SILENCE_LIMIT, () => { this.#lost('it does not answer') })
  }

  #refused (why: string): void {
    const refusal = new errors.FST_CACHE_ERR_BACKEND_REFUSED(`memcached ${this.name} cannot be used: ${why}`)
    this.#settleFirst(refusal)
    this.#lost(why, refusal)
  }

  #lost (why: string, error: Error = this.#downError(why)): void {
    const worked = this.#state === 'up'
    this.#drop(error)
    if (this.#state === 'closed') return
    this.#settleFirst(undefined)
    if (worked && !this.#breaker.failed()) {
      this.#open()
      return
    }
    this.#state = 'down'
    this.#outOfService(why, error)
    this.#setTimer(this.#breaker.nextProbe(), () => { this.#open() })
  }

  #outOfService (why: string, error: Error = this.#downError(why)): void {
    this.#reason = error
    if (this.#outage) return
    this.#outage = true
    this.#settings.down(why)
  }

  #drop (error: Error): void {
    this.#endWait()
    const socket = this.#socket
    this.#socket = undefined
    this.#handshake = undefined
    socket?.on('error', ignore)
    socket?.destroy()
    this.#outbox.clear()
    this.#exchange.failAll(error)
  }

  #downError (why: string): Error {
    return new errors.FST_CACHE_ERR_BACKEND_DOWN(`memcached ${this.name}: ${why}`)
  }

  #setTimer (ms: number, run: () => void): void {
    this.#endWait()
    const timer = setTimeout(run, ms).unref()
    this.#endWait = () => { clearTimeout(timer) }
  }
}

function ignore (): void {}

function describe (error: Error & { code?: string }): string {
  return error.code ?? error.message
}
