import { promisify } from 'node:util'
import * as zlib from 'node:zlib'
import type { Entry, StoredReply } from '../entry.ts'
import type { Awaitable } from '../stores/store.ts'
import { preferredEncoding } from './accept-encoding.ts'
import { weakTag } from './conditional.ts'
import type { Exchange } from './exchange.ts'
import type { Representation } from './replay.ts'

/** Smaller bodies gain less than the header that tells of it costs. */
const SMALLEST = 1024
/** Bytes of encoded bodies kept beside one cache; the least recently used go. */
const MOST_BYTES = 32 * 1024 * 1024
/** Media types that are text, or text in disguise; everything else is compressed already or not worth it. */
const TEXTUAL = /^(?:text\/|application\/(?:[\w.+-]*\+)?(?:json|xml|javascript|ecmascript|x-javascript|graphql|wasm|manifest)|image\/(?:svg\+xml|bmp)|font\/(?:ttf|otf))/i

const compressors: Record<string, (body: Buffer) => Promise<Buffer>> = {
  br: (body) => promisify(zlib.brotliCompress)(body, { params: { [zlib.constants.BROTLI_PARAM_QUALITY]: 5, [zlib.constants.BROTLI_PARAM_SIZE_HINT]: body.length } }),
  gzip: (body) => promisify(zlib.gzip)(body),
  zstd: (body) => promisify((zlib as unknown as { zstdCompress: typeof zlib.gzip }).zstdCompress)(body)
}

/** The bodies of one cache in the encodings that were asked for, each made once. */
export class EncodedBodies {
  readonly #bodies = new Map<string, Buffer | Promise<Buffer | undefined>>()
  #bytes = 0

  /** `undefined`: it could not be made. */
  get (id: string, body: Buffer, encoding: string): Awaitable<Buffer | undefined> {
    const known = this.#bodies.get(id)
    if (known !== undefined) {
      this.#bodies.delete(id)
      this.#bodies.set(id, known)
      return known
    }
    const made = compressors[encoding]!(body).then((bytes) => {
      if (this.#bodies.get(id) === made) this.#keep(id, bytes)
      return bytes
    }, () => {
      this.#bodies.delete(id)
      return undefined
    })
    this.#bodies.set(id, made)
    return made
  }

  #keep (id: string, bytes: Buffer): void {
    this.#bodies.set(id, bytes)
    this.#bytes += bytes.length
    for (const [oldest, old] of this.#bodies) {
      if (this.#bytes <= MOST_BYTES) break
      if (!Buffer.isBuffer(old)) continue
      this.#bodies.delete(oldest)
      this.#bytes -= old.length
    }
  }
}

/**
 * The encoding of a stored body that the client likes best. `undefined`: identity. An encoding that was not asked for
 * yet is made off the event loop, while this request waits; all others find it ready.
 */
export function representationFor (exchange: Exchange, entry: Entry<StoredReply>): Awaitable<Representation | undefined> {
  const { settings, engine } = exchange.route
  const { payload } = entry
  if (settings.compress === false || !compressible(payload)) return undefined
  const accepted = exchange.request.headers['accept-encoding']
  const encoding = preferredEncoding(Array.isArray(accepted) ? accepted.join(',') : accepted, settings.compress)
  if (encoding === 'identity') return undefined
  const id = `${encoding} ${entry.created} ${identityOf(payload)} ${exchange.key}`
  const body = engine.encoded.get(id, payload.body!, encoding)
  if (Buffer.isBuffer(body)) return represent(payload, body, encoding)
  return (body as Promise<Buffer | undefined>).then((bytes) => bytes === undefined ? undefined : represent(payload, bytes, encoding))
}

const identities = new WeakMap<StoredReply, string>()
const GENERATED = /^W\/"[\w-]{27}"$/

/** What tells one body from another, also of the same millisecond: a tag that was made of it, else one made now. */
function identityOf (payload: StoredReply): string {
  if (payload.etag !== undefined && GENERATED.test(payload.etag)) return payload.etag
  const known = identities.get(payload)
  if (known !== undefined) return known
  const made = weakTag(payload.body!)
  identities.set(payload, made)
  return made
}

function represent (payload: StoredReply, body: Buffer, encoding: string): Representation {
  return { body, encoding, etag: payload.etag === undefined ? undefined : payload.etag.replace(/"$/, `-${encoding}"`) }
}

const judged = new WeakMap<StoredReply, boolean>()

function compressible (payload: StoredReply): boolean {
  const known = judged.get(payload)
  if (known !== undefined) return known
  const header = (name: string): string => {
    const at = payload.headers.indexOf(name)
    return at < 0 ? '' : String(payload.headers[at + 1])
  }
  const answer = payload.body !== null && payload.size >= SMALLEST && header('content-encoding') === '' &&
    TEXTUAL.test(header('content-type')) && !/\bno-transform\b/i.test(header('cache-control'))
  judged.set(payload, answer)
  return answer
}
