import { setTimeout as sleep } from 'node:timers/promises'
import { errors } from '../../errors.ts'
import { notAnOutage } from '../outage.ts'
import type { Store } from '../store.ts'
import type { Call } from './client.ts'
import { deleteKeyIf, replaceKeyIf, touchKey } from './compare.ts'
import type { Connection } from './connection.ts'
import { countKey } from './count.ts'
import { Lanes } from './lanes.ts'
import type { Parts } from './parts.ts'
import { OP } from './protocol.ts'
import { contentOf, readKey } from './read.ts'
import type { MemcachedLog } from './settings.ts'
import { addKey, deleteKey, isLarge, setKey } from './write.ts'

/** A store whose every answer is a promise. */
type Promised<T> = { [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : T[K] }

export type MemcachedStore = Promised<Required<Omit<Store<Buffer>, 'deleteByPrefix'>>> & {
  /** Rejects when no server answers. */
  ping (): Promise<void>
  readonly spread?: boolean
}

/** How long `close` waits for answers under way, ms. */
const DRAIN = 300
/** Refused values are named in the log once in so many ms. */
const QUIET = 60_000

export interface StoreWiring {
  readonly parts: Parts
  readonly connections: readonly Connection[]
  readonly call: Call
  readonly disconnect: () => void
  readonly log: MemcachedLog
}

/** The operations of a store over one or several servers. */
export function createStore ({ parts, connections, call, disconnect, log }: StoreWiring): MemcachedStore {
  const lanes = new Lanes()
  /** Reads of this turn of the event loop, by key: they share one request. */
  const reads = new Map<string, Promise<Buffer | undefined>>()
  let warned = -Infinity
  let closed = false

  /** One server's failure while another one answers. */
  function isPartial (error: unknown): boolean {
    return isOutage(error) && connections.length > 1 && connections.some((connection) => connection.up)
  }

  /** One of several servers being away is a miss for its keys; the others go on. */
  async function soft<T> (result: Promise<T>): Promise<T | undefined> {
    try {
      return await result
    } catch (error) {
      if (isPartial(error)) return undefined
      throw error
    }
  }

  /** Passes promises on where it can: on a hit each layer of `await` costs as much as a look-up in memory. */
  function get (key: string): Promise<Buffer | undefined> {
    // Before anything that this turn's other reads may have left to be shared.
    if (closed) return Promise.reject(new errors.FST_CACHE_ERR_CLOSED())
    let read = reads.get(key)
    if (read === undefined) {
      if (reads.size === 0) setImmediate(() => { reads.clear() })
      reads.set(key, read = readKey(parts, key))
    }
    return connections.length > 1 ? soft(read) : read
  }

  async function change<T> (key: string, long: boolean, run: () => Promise<T>): Promise<T> {
    reads.delete(key)
    try {
      return await lanes.run(key, long, run)
    } catch (error) {
      // Each server has a breaker of its own: the one of the whole store is not for a server among several.
      throw isPartial(error) ? notAnOutage(error as Error) : error
    }
  }

  function refused (key: string, value: Buffer): void {
    const now = performance.now()
    if (now - warned < QUIET) return
    warned = now
    const bytes = value.length
    const message = bytes > parts.valueBytes ? `a value of ${bytes} bytes is not stored: memcached takes ${parts.valueBytes} here (CACHE_OPTIONS.maxItemSize, or SpreadSASLMemcachedCache)` : `a value of ${bytes} bytes is not stored: memcached refused it (no room, or its -I is smaller than CACHE_OPTIONS.maxItemSize)`
    log.warn({ key: key.slice(0, 200), bytes }, `fastify-cached: ${message}; further ones are not named for a minute`)
  }

  async function set (key: string, value: Buffer, ttl?: number): Promise<boolean> {
    return await change(key, isLarge(parts, value), async () => {
      if (await setKey(parts, key, value, ttl)) return true
      refused(key, value)
      await deleteKey(parts, key)
      return false
    })
  }

  async function remove (key: string): Promise<boolean> {
    return await change(key, false, async () => await deleteKey(parts, key))
  }

  return {
    maxValueBytes: parts.valueBytes,
    get,
    set,
    delete: remove,
    async add (key, value, ttl) {
      return await change(key, isLarge(parts, value), async () => {
        const added = await addKey(parts, key, value, ttl)
        if (added === undefined) refused(key, value)
        return added === true
      })
    },
    async increment (key, delta, ttl) {
      return await change(key, false, async () => await countKey(parts, key, delta, ttl))
    },
    async has (key) {
      return await soft(contentOf(parts, key)) !== undefined
    },
    async getMany (keys) {
      const outcomes = await Promise.allSettled(keys.map(get))
      if (keys.length > 0 && outcomes.every(({ status }) => status === 'rejected')) throw reasonOf(outcomes)
      return outcomes.map((outcome) => outcome.status === 'fulfilled' ? outcome.value : undefined)
    },
    async setMany (entries, ttl) {
      const outcomes = await Promise.allSettled(entries.map(async ([key, value]) => await set(key, value, ttl)))
      return outcomes.map((outcome) => {
        if (outcome.status === 'rejected') throw outcome.reason
        return outcome.value
      })
    },
    async deleteMany (keys) {
      const outcomes = await Promise.allSettled(keys.map(remove))
      if (outcomes.some(({ status }) => status === 'rejected')) throw halfway(keys, outcomes)
      return outcomes.map((outcome) => outcome.status === 'fulfilled' && outcome.value)
    },
    async deleteIf (key, value) {
      return await change(key, false, async () => await deleteKeyIf(parts, key, value))
    },
    async replaceIf (key, expected, value, ttl) {
      return await change(key, isLarge(parts, value), async () => {
        const replaced = await replaceKeyIf(parts, key, expected, value, ttl)
        if (replaced === undefined) refused(key, value)
        return replaced === true
      })
    },
    async touch (key, ttl) {
      return await change(key, false, async () => await touchKey(parts, key, ttl))
    },
    async clear (prefix) {
      reads.clear()
      await parts.namespace.clear(prefix)
      return true
    },
    async ping () {
      const outcomes = await Promise.allSettled(connections.map(async (_, server) => await call(server, { op: OP.noop })))
      if (outcomes.every(({ status }) => status === 'rejected')) throw reasonOf(outcomes)
    },
    async close () {
      closed = true
      const until = performance.now() + DRAIN
      while (performance.now() < until && connections.some((connection) => connection.up && connection.pending > 0)) await sleep(5)
      disconnect()
    }
  }
}

function isOutage (error: unknown): boolean {
  return error instanceof errors.FST_CACHE_ERR_BACKEND_DOWN || error instanceof errors.FST_CACHE_ERR_BACKEND_TIMEOUT || error instanceof errors.FST_CACHE_ERR_BACKEND_REFUSED
}

function reasonOf (outcomes: ReadonlyArray<PromiseSettledResult<unknown>>): unknown {
  return outcomes.find((outcome) => outcome.status === 'rejected')?.reason
}

/** Says which keys were removed nevertheless. */
function halfway (keys: readonly string[], outcomes: ReadonlyArray<PromiseSettledResult<boolean>>): Error {
  const reason = reasonOf(outcomes) as Error
  const deleted = keys.filter((_, i) => (outcomes[i] as PromiseSettledResult<boolean>).status === 'fulfilled' && (outcomes[i] as PromiseFulfilledResult<boolean>).value)
  return Object.assign(new errors.FST_CACHE_ERR_BACKEND(reason.message, { cause: reason }), { deleted })
}
