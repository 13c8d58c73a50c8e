import { errors } from '../../errors.ts'
import { unexpected } from './client.ts'
import type { Call } from './client.ts'
import { encode, storeExtras } from './item.ts'
import type { Held, Items } from './items.ts'
import type { Keys } from './keys.ts'
import { cleared, freshMarks, markOf, marksText, parseMarks } from './marks.ts'
import type { Marks } from './marks.ts'
import { OP, STATUS } from './protocol.ts'

/** How often an operation is done again because a `clear` came in between. */
const MOST_ROUNDS = 5

interface Known {
  marks?: Marks
  /** The bytes they were read from: the same bytes are not parsed again. */
  text?: string
  /** A question in this turn of the event loop; it stands before whatever is asked in the same turn. */
  asking?: Promise<Marks> | undefined
  /** A `clear` that this server has not taken: before anything else it must. */
  owed: string[]
}

/**
 * `clear()` without touching an item: all items are named after a random mark, and clearing moves it. Each server has
 * marks of its own, beside the items that they are for: where one is gone, the others are not concerned; where the
 * marks are lost, the items only become unreachable.
 *
 * Every operation asks for the marks in the same batch, in front of itself, and is done again when they have moved: it
 * can neither be lost in, nor miss, nor read, a namespace that another process has left. All that is asked in one turn
 * of the event loop shares one question.
 */
export class Namespace {
  readonly #call: Call
  readonly #items: Items
  readonly #keys: Keys
  readonly #prefix: string
  readonly #known: Known[]

  constructor (call: Call, items: Items, keys: Keys, prefix: string, servers: number) {
    this.#call = call
    this.#items = items
    this.#keys = keys
    this.#prefix = prefix
    this.#known = Array.from({ length: servers }, () => ({ owed: [] }))
  }

  /** Runs under marks that are known to hold; `run` must send its first request at once. */
  async under<T> (server: number, key: string, run: (name: Buffer) => Promise<T>): Promise<T> {
    const known = this.#known[server] as Known
    for (let round = 0; round < MOST_ROUNDS; round++) {
      if (known.owed.length > 0) await this.#settle(server)
      if (known.marks === undefined) {
        await this.#ask(server)
        continue
      }
      const name = this.#name(known.marks, key)
      const asked = this.#ask(server)
      const [now, outcome] = await Promise.allSettled([asked, run(name)])
      if (now.status === 'rejected') throw now.reason
      if (!this.#name(now.value, key).equals(name)) continue
      if (outcome.status === 'rejected') throw outcome.reason
      return outcome.value
    }
    throw new errors.FST_CACHE_ERR_BACKEND('the cache is being cleared all the time')
  }

  /** Rejects when a server could not be told; it is told before it is used again. */
  async clear (prefix: string): Promise<void> {
    const outcomes = await Promise.allSettled(this.#known.map(async (known, server) => {
      known.owed.push(prefix)
      await this.#settle(server)
    }))
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
  }

  #name (marks: Marks, key: string): Buffer {
    return this.#keys.item(markOf(marks, key, this.#keys.owns(key)), key)
  }

  async #settle (server: number): Promise<void> {
    const known = this.#known[server] as Known
    for (const prefix of [...known.owed]) {
      try {
        await this.#move(server, prefix)
      } catch (error) {
        if (error instanceof errors.FST_CACHE_ERR_UNSUPPORTED) remove(known.owed, prefix)
        throw error
      }
      remove(known.owed, prefix)
    }
  }

  async #move (server: number, prefix: string): Promise<void> {
    for (let round = 0; round < 50; round++) {
      const held = await this.#items.get(server, this.#keys.namespace)
      const next = cleared(read(held) ?? freshMarks(), prefix, this.#prefix)
      if (next === undefined) throw new errors.FST_CACHE_ERR_UNSUPPORTED('memcached cannot clear so many different parts of one cache; clear the whole cache, or use tags')
      const written = await this.#put(server, next, held?.cas)
      if (!written) continue
      this.#learn(server, next)
      return
    }
    throw new errors.FST_CACHE_ERR_BACKEND('the cache is being cleared by too many at once')
  }

  /** The marks as the server has them; made where it has none. */
  async #ask (server: number): Promise<Marks> {
    const known = this.#known[server] as Known
    if (known.asking !== undefined) return await known.asking
    const asking = this.#fetch(server)
    known.asking = asking
    // Runs right after the batch has left, since that was scheduled first.
    setImmediate(() => { known.asking = undefined })
    return await asking
  }

  async #fetch (server: number): Promise<Marks> {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const held = await this.#items.get(server, this.#keys.namespace)
      const marks = read(held, this.#known[server])
      if (marks !== undefined) return this.#learn(server, marks)
      const fresh = freshMarks()
      if (await this.#put(server, fresh, held?.cas)) return this.#learn(server, fresh)
    }
    throw new errors.FST_CACHE_ERR_BACKEND('memcached does not keep the marks of the cache (is it full?)')
  }

  #learn (server: number, marks: Marks): Marks {
    const known = this.#known[server] as Known
    if (known.marks !== marks) {
      known.marks = marks
      known.text = marksText(marks)
    }
    return marks
  }

  /** @param cas the mark of what is replaced; `undefined` = there must be nothing */
  async #put (server: number, marks: Marks, cas: bigint | undefined): Promise<boolean> {
    const item = encode('marks', Buffer.from(marksText(marks)), Infinity)
    const request = { key: this.#keys.namespace, extras: storeExtras(item.flags, undefined), value: item.pieces }
    const reply = await this.#call(server, cas === undefined ? { ...request, op: OP.add } : { ...request, op: OP.set, cas })
    if (reply.status === STATUS.ok) return true
    if (reply.status === STATUS.exists || reply.status === STATUS.notFound || reply.status === STATUS.notStored) return false
    throw unexpected(reply)
  }
}

function read (held: Held | undefined, known?: Known): Marks | undefined {
  if (held?.content?.kind !== 'marks') return undefined
  const text = held.content.value.toString()
  return known?.text === text ? known.marks : parseMarks(text)
}

function remove (list: string[], item: string): void {
  const at = list.indexOf(item)
  if (at >= 0) list.splice(at, 1)
}
