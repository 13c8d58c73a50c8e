import { unexpected } from './client.ts'
import type { Call } from './client.ts'
import { counted, decode, storeExtras } from './item.ts'
import type { Content, Item } from './item.ts'
import { OP, STATUS } from './protocol.ts'
import { expiryBytes } from './ttl.ts'

export interface Held {
  /** Names this state of the item: a write with it only happens while nobody else has written. */
  readonly cas: bigint
  /** `undefined`: over (memcached will notice within two seconds), altered, or written by another version. */
  readonly content: Content | undefined
}

/** `changed`: somebody else wrote in between. `refused`: too large, or no room. */
export type Written = 'stored' | 'changed' | 'absent' | 'refused'

/** `incr` with this expiry does not create. */
const DO_NOT_CREATE = 0xffffffff

/** Single items of single servers. Rejects when there is no answer. */
export class Items {
  readonly #call: Call
  readonly #now: () => number

  constructor (call: Call, now: () => number) {
    this.#call = call
    this.#now = now
  }

  /** `undefined`: nothing there. */
  async get (server: number, name: Buffer): Promise<Held | undefined> {
    const first = await this.#look(server, name)
    // Bytes that cannot be read are asked for once more: it may have been the reply that was altered, and who takes
    // an item for void may write over it.
    return first?.readable === false ? await this.#look(server, name) : first
  }

  async #look (server: number, name: Buffer): Promise<Held & { readable: boolean } | undefined> {
    const reply = await this.#call(server, { op: OP.get, key: name })
    if (reply.status === STATUS.notFound) return undefined
    if (reply.status !== STATUS.ok) throw unexpected(reply)
    const now = this.#now()
    const content = decode(reply.extras.readUInt32BE(0), reply.value, now)
    const live = content !== undefined && content.end > now
    return { cas: reply.cas, readable: content !== undefined, content: live ? { ...content, value: compact(content.value) } : undefined }
  }

  /** @param cas only while the item is as `get` found it */
  async set (server: number, name: Buffer, item: Item, ttl: number | undefined, cas = 0n): Promise<Written> {
    return written(await this.#call(server, { op: OP.set, key: name, extras: storeExtras(item.flags, ttl), value: item.pieces, cas }))
  }

  /** `changed`: something is there. */
  async add (server: number, name: Buffer, item: Item, ttl: number | undefined): Promise<Written> {
    return written(await this.#call(server, { op: OP.add, key: name, extras: storeExtras(item.flags, ttl), value: item.pieces }))
  }

  async delete (server: number, name: Buffer, cas = 0n): Promise<'deleted' | 'changed' | 'absent'> {
    const reply = await this.#call(server, { op: OP.delete, key: name, cas })
    if (reply.status === STATUS.ok) return 'deleted'
    if (reply.status === STATUS.notFound) return 'absent'
    if (reply.status === STATUS.exists) return 'changed'
    throw unexpected(reply)
  }

  async touch (server: number, name: Buffer, ttl: number | undefined): Promise<boolean> {
    const reply = await this.#call(server, { op: OP.touch, key: name, extras: expiryBytes(ttl) })
    if (reply.status === STATUS.ok) return true
    if (reply.status === STATUS.notFound) return false
    throw unexpected(reply)
  }

  /** Counts on a counter that exists. */
  async count (server: number, name: Buffer, delta: number): Promise<number | 'absent' | 'not a number'> {
    const extras = Buffer.alloc(20)
    extras.writeBigUInt64BE(BigInt(Math.abs(delta)), 0)
    extras.writeUInt32BE(DO_NOT_CREATE, 16)
    const reply = await this.#call(server, { op: delta < 0 ? OP.decrement : OP.increment, key: name, extras })
    if (reply.status === STATUS.ok) return counted(reply.value)
    if (reply.status === STATUS.notFound) return 'absent'
    if (reply.status === STATUS.notNumeric) return 'not a number'
    throw unexpected(reply)
  }
}

function written (reply: Parameters<typeof unexpected>[0]): Written {
  switch (reply.status) {
    case STATUS.ok: return 'stored'
    case STATUS.exists: return 'changed'
    case STATUS.notFound: return 'absent'
    case STATUS.notStored: case STATUS.tooLarge: case STATUS.full: return 'refused'
    default: throw unexpected(reply)
  }
}

/** A slice must not keep the 64 KiB alive that the socket had read. */
function compact (value: Buffer): Buffer {
  return value.length * 2 < value.buffer.byteLength ? Buffer.from(value) : value
}
