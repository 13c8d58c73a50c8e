import type { StoredReply } from '../entry.ts'
import type { Captured } from './exchange.ts'

/** A body as the handler gave it. `null`: none at all. */
export type Body = string | Buffer | null

export function byteLength (body: Body): number {
  return body === null ? 0 : typeof body === 'string' ? Buffer.byteLength(body) : body.length
}

/**
 * A stored reply whose text becomes bytes at its first hit: a reply that is never asked for again, as most that are
 * pushed out of a full store, then costs no Buffer, whose memory outside the heap is what a miss pays most for
 * (half of the CPU of a stored miss was its collection).
 */
export class TakenReply implements StoredReply {
  readonly status: number
  readonly headers: StoredReply['headers']
  readonly text: boolean
  readonly size: number
  readonly date: number
  readonly age: number
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  head: StoredReply['head'] = undefined
  #body: Body

  constructor (reply: Captured, etag: string | undefined, body: Body) {
    this.status = reply.status
    this.headers = reply.headers
    this.text = typeof body === 'string'
    this.size = byteLength(body)
    this.date = reply.date
    this.age = reply.lifetime.age
    this.etag = etag
    this.lastModified = reply.lastModified
    this.#body = body
  }

  get body (): Buffer | null {
    if (typeof this.#body === 'string') this.#body = Buffer.from(this.#body)
    return this.#body
  }
}
