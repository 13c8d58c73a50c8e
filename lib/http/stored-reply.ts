import type { StoredReply } from '../entry.ts'
import type { Captured } from './exchange.ts'

/** A body as the handler gave it. `null`: none at all. */
export type Body = string | Buffer | null

export function byteLength (body: Body): number {
  return body === null ? 0 : typeof body === 'string' ? Buffer.byteLength(body) : body.length
}

/** Of Node's shared pool, or a view of something larger: kept, it would keep all of that (8 KiB for 100 bytes). */
function isSlice (body: Body): body is Buffer {
  return body !== null && typeof body !== 'string' && body.buffer.byteLength > body.length
}

function ownBytes (text: string, encoding: 'utf8' | 'latin1', size: number): Buffer {
  const own = Buffer.allocUnsafeSlow(size)
  own.write(text, encoding)
  return own
}

/**
 * A stored reply whose text becomes bytes at its first hit: a reply that is never asked for again, as most that are
 * pushed out of a full store, then costs no Buffer, whose memory outside the heap is what a miss pays most for
 * (half of the CPU of a stored miss was its collection). So do bytes that are but a slice: until then they are Latin-1.
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
    this.#body = isSlice(body) ? body.toString('latin1') : body
  }

  get body (): Buffer | null {
    if (typeof this.#body === 'string') this.#body = ownBytes(this.#body, this.text ? 'utf8' : 'latin1', this.size)
    return this.#body
  }
}

/** A stored reply as a function of the route is shown it: what that does to it is done to a copy. */
export function shown ({ status, headers, body, size, text, date, age, etag, lastModified }: StoredReply): StoredReply {
  return {
    status,
    headers: headers.map((part) => typeof part === 'string' ? part : [...part]),
    body: body === null ? null : Buffer.from(body),
    size,
    text,
    date,
    age,
    etag,
    lastModified
  }
}
