import { createHash } from 'node:crypto'
import { readCount, writeCount } from './stores/count.ts'
import { errors } from './errors.ts'
import { turns } from './stores/file-system/turns.ts'
import type { Store } from './stores/store.ts'

/** What every Keyv storage adapter has, and a Map, which Keyv takes for one. */
export interface KeyvAdapter {
  get (key: string): unknown
  set (key: string, value: string, ttl?: number): unknown
  delete (key: string): unknown
  clear (): unknown
  getMany? (keys: string[]): unknown
  iterator? (namespace?: string): AsyncIterable<unknown> | Iterable<unknown>
  disconnect? (): unknown
  on? (event: 'error', listener: (error: unknown) => void): unknown
  off? (event: 'error', listener: (error: unknown) => void): unknown
  namespace?: string | undefined
}

/** A Keyv: its storage adapter and its namespace are used, and nothing else of it. */
export interface KeyvLike { readonly store: KeyvAdapter, readonly namespace?: string | undefined }

export interface KeyvStoreOptions {
  /**
   * Nothing else uses the adapter (or its namespace): `clear` may then empty it. Needed by adapters that cannot list
   * what they hold. Default `false`.
   */
  dedicated?: boolean | undefined
  /** Closing the cache disconnects the adapter. Default `false`: it is the application's own. */
  disconnect?: boolean | undefined
}

/** What stands in the adapter: the key (a hash may be shared, and a list must tell it), the end in ms or 0, the bytes in base64. */
type Record = [key: string, until: number, value: string]

/**
 * A Keyv storage adapter as a `Store`: `CACHE_TYPE: keyvStore(new KeyvPostgres(uri))`.
 *
 * Lifetimes, keys and bytes are exact on every adapter. `add`, `increment` and `deleteIf` are atomic within this
 * process only, since no adapter offers more: between processes two may both add, and counts may be lost. Purges hold
 * between processes. `expireTags` and `deleteCached({ soft: true })` remove instead of making stale.
 *
 * @param keyvOrAdapter an adapter, a Map, or a Keyv
 * @throws FST_CACHE_ERR_OPTIONS for anything else, and for an adapter that cannot list what it holds unless `dedicated`
 */
export function keyvStore (keyvOrAdapter: KeyvAdapter | KeyvLike, { dedicated = false, disconnect = false }: KeyvStoreOptions = {}): Store {
  const { adapter, namespace } = adapterOf(keyvOrAdapter)
  const list = listing(adapter, namespace)
  if (list === undefined && !dedicated) {
    throw new errors.FST_CACHE_ERR_OPTIONS('keyvStore: this adapter cannot list its keys, so that only all of it can be cleared; give the cache an adapter or a namespace of its own and say so with { dedicated: true }')
  }
  const line = turns()
  const place = (key: string): string => `${namespace === undefined ? '' : `${namespace}:`}fastify-cached:${createHash('sha256').update(Buffer.from(key, 'utf16le')).digest('hex')}`

  // Most adapters do not reject: they emit what failed and answer as if nothing were there.
  let failures = 0
  let failure: unknown
  const failed = (error: unknown): void => { failures++; failure = error }
  adapter.on?.('error', failed)

  async function ask<T> (work: () => T): Promise<Awaited<T>> {
    const before = failures
    const answer = await work()
    if (failures !== before) throw failure
    return answer
  }

  async function read (key: string): Promise<Record | undefined> {
    return recordOf(key, await ask(() => adapter.get(place(key))))
  }

  async function write (key: string, value: Buffer, until: number): Promise<boolean> {
    const record: Record = [key, until === Infinity ? 0 : until, value.toString('base64')]
    const left = until === Infinity ? undefined : Math.max(1, Math.ceil(until - Date.now()))
    return await ask(() => adapter.set(place(key), JSON.stringify(record), left)) !== false
  }

  async function remove (key: string): Promise<boolean> {
    const there = await read(key) !== undefined
    await ask(() => adapter.delete(place(key)))
    return there
  }

  async function removeAll (prefix: string): Promise<number> {
    const keys: string[] = []
    await ask(async () => {
      for await (const item of list!()) {
        const record = Array.isArray(item) ? parse(item[1]) : undefined
        if (record?.[0].startsWith(prefix) === true) keys.push(record[0])
      }
    })
    const removed = await Promise.all(keys.map(async (key) => await line.take(key, async () => await remove(key))))
    return removed.filter(Boolean).length
  }

  return {
    async get (key) { return bytesOf(await read(key)) },
    set: async (key, value, ttl) => await line.take(key, async () => await write(key, value, endOf(ttl))),
    add: async (key, value, ttl) => await line.take(key, async () => await read(key) === undefined && await write(key, value, endOf(ttl))),
    delete: async (key) => await line.take(key, async () => await remove(key)),
    increment: async (key, delta, ttl) => await line.take(key, async () => {
      const record = await read(key)
      const count = record === undefined ? 0 : readCount(bytesOf(record)!)
      if (count === undefined) throw new errors.FST_CACHE_ERR_NOT_A_NUMBER(JSON.stringify(key))
      await write(key, writeCount(count + delta), record === undefined ? endOf(ttl) : record[1] === 0 ? Infinity : record[1])
      return count + delta
    }),
    async clear (prefix) {
      if (list === undefined) await ask(() => adapter.clear())
      else await removeAll(prefix)
      return true
    },
    deleteIf: async (key, value) => await line.take(key, async () => bytesOf(await read(key))?.equals(value) === true && await remove(key)),
    ...(typeof adapter.getMany !== 'function'
      ? {}
      : {
          async getMany (keys: readonly string[]) {
            const found = await ask(() => adapter.getMany!(keys.map(place)))
            // By the key in the record: not every adapter keeps the order.
            const byKey = new Map((Array.isArray(found) ? found : []).map(parse).filter((one) => one !== undefined).map((one) => [one[0], one]))
            return keys.map((key) => bytesOf(alive(byKey.get(key))))
          }
        }),
    ...(list === undefined ? {} : { deleteByPrefix: removeAll }),
    async close () {
      await line.idle()
      adapter.off?.('error', failed)
      if (disconnect) await adapter.disconnect?.()
    }
  }
}

const NEEDED = ['get', 'set', 'delete', 'clear'] as const

function adapterOf (given: KeyvAdapter | KeyvLike): { adapter: KeyvAdapter, namespace: string | undefined } {
  const inner = (given as Partial<KeyvLike> | null)?.store
  const adapter = (typeof inner === 'object' && inner !== null ? inner : given) as KeyvAdapter
  const missing = NEEDED.filter((name) => typeof (adapter as unknown as { [name: string]: unknown } | null)?.[name] !== 'function')
  if (missing.length > 0) throw new errors.FST_CACHE_ERR_OPTIONS(`keyvStore takes a Keyv, or a Keyv storage adapter; it got something without ${missing.join(', ')}`)
  return { adapter, namespace: given.namespace }
}

function listing (adapter: KeyvAdapter, namespace: string | undefined): (() => AsyncIterable<unknown> | Iterable<unknown>) | undefined {
  if (typeof adapter.iterator === 'function') return () => adapter.iterator!(namespace)
  return adapter instanceof Map ? () => [...adapter as Map<string, unknown>] : undefined
}

function endOf (ttl: number | undefined): number {
  return ttl === undefined ? Infinity : Math.min(Date.now() + ttl, LAST)
}

/** The last moment of a `Date`: adapters hand it to their databases. */
const LAST = 8.64e15

function recordOf (key: string, found: unknown): Record | undefined {
  const record = parse(found)
  return record?.[0] === key ? alive(record) : undefined
}

function alive (record: Record | undefined): Record | undefined {
  return record === undefined || (record[1] !== 0 && record[1] <= Date.now()) ? undefined : record
}

/** What another program left there is nothing. */
function parse (found: unknown): Record | undefined {
  if (typeof found !== 'string') return undefined
  try {
    const record: unknown = JSON.parse(found)
    if (!Array.isArray(record) || record.length !== 3) return undefined
    const [key, until, value] = record as unknown[]
    return typeof key === 'string' && typeof until === 'number' && typeof value === 'string' ? [key, until, value] : undefined
  } catch {
    return undefined
  }
}

function bytesOf (record: Record | undefined): Buffer | undefined {
  return record === undefined ? undefined : Buffer.from(record[2], 'base64')
}
