/**
 * Frames of memcached's binary protocol: a header of 24 bytes (magic, opcode, lengths, status, opaque, CAS), then
 * extras, key and value. All numbers are big-endian.
 */
export const OP = { set: 0x01, add: 0x02, delete: 0x04, increment: 0x05, decrement: 0x06, noop: 0x0a, version: 0x0b, get: 0x0c, touch: 0x1c, auth: 0x21 } as const

export const STATUS = { ok: 0, notFound: 1, exists: 2, tooLarge: 3, notStored: 5, notNumeric: 6, refused: 0x20, unknown: 0x81, full: 0x82 } as const

export interface Request {
  readonly op: number
  readonly key?: Buffer
  readonly extras?: Buffer
  /** Pieces of the value, joined in the frame. */
  readonly value?: readonly Buffer[]
  /** Only while the item still has this mark; 0 = whatever is there. */
  readonly cas?: bigint
}

export interface Reply {
  readonly op: number
  readonly status: number
  readonly opaque: number
  readonly cas: bigint
  readonly extras: Buffer
  readonly key: Buffer
  readonly value: Buffer
}

const HEADER = 24
const REQUEST_MAGIC = 0x80
const REPLY_MAGIC = 0x81
const EMPTY = Buffer.alloc(0)

export function frame (request: Request, opaque: number): Buffer {
  const { key = EMPTY, extras = EMPTY, value = [] } = request
  const body = key.length + extras.length + value.reduce((sum, piece) => sum + piece.length, 0)
  const bytes = Buffer.allocUnsafe(HEADER + body)
  bytes[0] = REQUEST_MAGIC
  bytes[1] = request.op
  bytes.writeUInt16BE(key.length, 2)
  bytes.writeUInt32BE(extras.length << 24, 4)
  bytes.writeUInt32BE(body, 8)
  bytes.writeUInt32BE(opaque, 12)
  bytes.writeBigUInt64BE(request.cas ?? 0n, 16)
  let at = HEADER
  for (const piece of [extras, key, ...value]) {
    bytes.set(piece, at)
    at += piece.length
  }
  return bytes
}

export const opcodeOf = (request: Buffer): number => request[1] as number
export const opaqueOf = (request: Buffer): number => request.readUInt32BE(12)
export function keyOf (request: Buffer): Buffer {
  const start = HEADER + (request[4] as number)
  return request.subarray(start, start + request.readUInt16BE(2))
}

/** Cuts a stream into replies, however it was broken into pieces. A fault of the stream is final: nothing after it can be trusted. */
export class ReplyReader {
  readonly #most: number
  #pieces: Buffer[] = []
  #have = 0
  #need = HEADER

  /** @param most the longest body that is believed */
  constructor (most: number) {
    this.#most = most
  }

  /** Part of a reply has come, and the rest has not. */
  get partial (): boolean { return this.#have > 0 }

  /**
   * @param take called with each reply; `false` stops
   * @returns what is wrong with the stream, if anything
   */
  push (chunk: Buffer, take: (reply: Reply) => boolean): string | undefined {
    this.#pieces.push(chunk)
    this.#have += chunk.length
    const fault = this.#have === chunk.length && chunk.length > 0 ? faultOf(chunk, 0, this.#most) : undefined
    if (fault !== undefined) return fault
    if (this.#have < this.#need) return undefined
    const bytes = this.#pieces.length === 1 ? chunk : Buffer.concat(this.#pieces)
    let at = 0
    let need = HEADER
    while (at < bytes.length) {
      const wrong = faultOf(bytes, at, this.#most)
      if (wrong !== undefined) return wrong
      need = bytes.length - at < HEADER ? HEADER : HEADER + bytes.readUInt32BE(at + 8)
      if (bytes.length - at < need) break
      if (!take(replyAt(bytes, at, need))) return undefined
      at += need
      need = HEADER
    }
    this.#pieces = at < bytes.length ? [bytes.subarray(at)] : []
    this.#have = bytes.length - at
    this.#need = need
    return undefined
  }
}

function faultOf (bytes: Buffer, at: number, most: number): string | undefined {
  if (bytes[at] !== REPLY_MAGIC) return `not a reply of memcached's binary protocol: ${show(bytes.subarray(at, at + 24))}`
  if (bytes.length - at < HEADER) return undefined
  const body = bytes.readUInt32BE(at + 8)
  if (bytes.readUInt16BE(at + 2) + (bytes[at + 4] as number) > body || body > most || bytes[at + 5] !== 0) return 'a reply with impossible lengths'
  return undefined
}

function replyAt (bytes: Buffer, at: number, size: number): Reply {
  const extrasEnd = at + HEADER + (bytes[at + 4] as number)
  const keyEnd = extrasEnd + bytes.readUInt16BE(at + 2)
  return {
    op: bytes[at + 1] as number,
    status: bytes.readUInt16BE(at + 6),
    opaque: bytes.readUInt32BE(at + 12),
    cas: bytes.readBigUInt64BE(at + 16),
    extras: bytes.subarray(at + HEADER, extrasEnd),
    key: bytes.subarray(extrasEnd, keyEnd),
    value: bytes.subarray(keyEnd, at + size)
  }
}

/** The first bytes of a stranger's answer, harmless in a log. */
function show (bytes: Buffer): string {
  return JSON.stringify(bytes.toString('latin1').replace(/[^\x20-\x7e]+/g, ' ').trim())
}
