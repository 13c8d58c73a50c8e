import { frame, OP, STATUS } from './protocol.ts'
import type { Reply } from './protocol.ts'
import { plainMessage } from './sasl.ts'
import type { Credentials } from './sasl.ts'

export type Step = { readonly send: Buffer } | { readonly ready: true } | { readonly refused: string } | { readonly fault: string }

/**
 * As text this is two line ends: a server of a line protocol (Redis, HTTP, SMTP) answers it with an error at once,
 * instead of waiting for the rest of a line for ever.
 */
const HELLO = 0x0d0a0d0a

/**
 * What is said on a new connection before the first request: VERSION (the one command that every memcached answers to
 * anybody, so a password is never sent to a stranger), SASL PLAIN where there are credentials, NOOP.
 */
export class Handshake {
  readonly #credentials: Credentials | undefined
  #expected: number = OP.version

  constructor (credentials: Credentials | undefined) {
    this.#credentials = credentials
  }

  first (): Buffer {
    return frame({ op: OP.version }, HELLO)
  }

  next (reply: Reply): Step {
    if (reply.op !== this.#expected || reply.opaque !== HELLO) return { fault: 'an answer out of turn while connecting' }
    if (reply.op === OP.version) return reply.status === STATUS.ok ? this.#introduce() : { fault: `VERSION was answered with status ${reply.status}` }
    if (reply.op === OP.auth) return this.#authenticated(reply.status)
    if (reply.status === STATUS.ok) return { ready: true }
    if (reply.status === STATUS.refused) return { refused: 'it wants SASL credentials: use SASLMemcachedCache with CACHE_MEMCACHED_USERNAME and CACHE_MEMCACHED_PASSWORD' }
    return { fault: `NOOP was answered with status ${reply.status}` }
  }

  #introduce (): Step {
    if (this.#credentials === undefined) return this.#noop()
    this.#expected = OP.auth
    return { send: plainMessage(this.#credentials, HELLO) }
  }

  #authenticated (status: number): Step {
    if (status === STATUS.ok) return this.#noop()
    // A server without SASL would serve without a password: whoever asked for one must not get less.
    if (status === STATUS.unknown) return { refused: 'it has no SASL (memcached runs without -S), but credentials are given: use MemcachedCache for it' }
    if (status === STATUS.refused) return { refused: 'it refused the user name or the password (CACHE_MEMCACHED_USERNAME, CACHE_MEMCACHED_PASSWORD)' }
    return { fault: `the SASL message was answered with status ${status}` }
  }

  #noop (): Step {
    this.#expected = OP.noop
    return { send: frame({ op: OP.noop }, HELLO) }
  }
}
