import { errors } from '../errors.ts'
import { readCount, writeCount } from './count.ts'
import { expiryOf } from './expiry.ts'
import { Recency, type Node } from './recency.ts'
import type { Store } from './store.ts'

export interface SimpleStoreOptions<V> {
  /** Most entries; 0 = no bound. Default 10,000. */
  readonly threshold?: number
  /** Most bytes as `sizeOf` counts them; 0 = no bound. Default 100 MiB. */
  readonly maxBytes?: number
  readonly sizeOf: (key: string, value: V) => number
  /** Milliseconds since the epoch. */
  readonly now?: () => number
  /** How `increment` reads and makes a value. */
  readonly count: { read (value: V): number | undefined, make (n: number): V }
  /** Are these the same value? For `deleteIf` and `replaceIf`; `Object.is` unless given. */
  readonly same?: (a: V, b: V) => boolean
  /**
   * Where the links of an entry are kept; in an object of its own unless given. A value that carries them itself saves
   * that object, but then stands in one store, under one key.
   */
  readonly nodeOf?: (key: string, value: V, expires: number, size: number) => Node<V>
  /** How often what has expired is let go of, ms. Default 10 s. */
  readonly sweepEvery?: number
}

/** A store in memory: every method answers at once. */
export interface SimpleStore<V> extends Store<V> {
  /** @param at now, ms, for who knows it already */
  get (key: string, at?: number): V | undefined
  set (key: string, value: V, ttl?: number): boolean
  add (key: string, value: V, ttl?: number): boolean
  delete (key: string): boolean
  increment (key: string, delta: number, ttl?: number): number
  clear (prefix: string): boolean
  getMany (keys: readonly string[]): Array<V | undefined>
  setMany (entries: ReadonlyArray<readonly [key: string, value: V]>, ttl?: number): boolean[]
  deleteMany (keys: readonly string[]): boolean[]
  has (key: string): boolean
  deleteByPrefix (prefix: string): number
  deleteIf (key: string, value: V): boolean
  replaceIf (key: string, expected: V, value: V, ttl?: number): boolean
  touch (key: string, ttl?: number): boolean
  close (): void
  /** Lets go of everything that has expired; how many there were. Runs by itself on a timer and as entries are evicted. */
  sweep (): number
  /** How many entries it holds, those included that have expired and were not swept yet. */
  readonly entries: number
  readonly bytes: number
  /** Every value that it holds, in no order; what has expired may be among them. */
  values (): Iterable<V>
}

/** Entries looked at on each eviction for whether they have expired: what goes for that reason saves an entry in use. */
const LOOKS = 2

function plainNode<V> (key: string, value: V, expires: number, size: number): Node<V> {
  // With its links from the start: added later, they take an object of their own.
  const node = { key, value, expires, size, newer: undefined, older: undefined } as unknown as Node<V>
  node.newer = node
  node.older = node
  return node
}

/**
 * The least recently used entry goes first; expiry is exact. One timer for all, unref'ed, that runs only while
 * something is there that can expire.
 */
export function simpleStore<V> (options: SimpleStoreOptions<V>): SimpleStore<V> {
  const { sizeOf, count, now = Date.now, same = Object.is, nodeOf = plainNode, sweepEvery = 10_000 } = options
  const threshold = options.threshold || (options.threshold === 0 ? Infinity : 10_000)
  const maxBytes = options.maxBytes || (options.maxBytes === 0 ? Infinity : 100 * 1024 * 1024)
  const nodes = new Map<string, Node<V>>()
  const recency = new Recency<V>()
  let bytes = 0
  let timer: NodeJS.Timeout | undefined

  function live (key: string, at?: number): Node<V> | undefined {
    const node = nodes.get(key)
    if (node === undefined) return undefined
    if (node.expires > (at ?? now())) return node
    drop(node)
    return undefined
  }

  function drop (node: Node<V>): void {
    nodes.delete(node.key)
    recency.remove(node)
    bytes -= node.size
  }

  function write (key: string, value: V, expires: number): boolean {
    const size = sizeOf(key, value)
    const before = nodes.get(key)
    if (size > maxBytes) {
      if (before !== undefined) drop(before)
      return false
    }
    if (before !== undefined) {
      recency.remove(before)
      bytes -= before.size
    }
    // Its first key stays the map's: a second text of the same would be kept beside it.
    const node = nodeOf(before === undefined ? key : before.key, value, expires, size)
    nodes.set(node.key, node)
    recency.append(node)
    bytes += size
    if (expires !== Infinity) timer ??= schedule()
    if (nodes.size > threshold || bytes > maxBytes) evict()
    return true
  }

  function evict (): void {
    lookForExpired()
    while (nodes.size > threshold || bytes > maxBytes) drop(recency.oldest!)
  }

  /** Goes round all entries, a few at a time. */
  function lookForExpired (): void {
    const time = now()
    for (let i = 0; i < LOOKS; i++) {
      const node = recency.next()
      if (node !== undefined && node.expires <= time) drop(node)
    }
  }

  function schedule (): NodeJS.Timeout {
    return setTimeout(() => {
      timer = undefined
      sweep()
    }, sweepEvery).unref()
  }

  function sweep (): number {
    const time = now()
    let gone = 0
    let perishable = false
    for (const node of nodes.values()) {
      if (node.expires <= time) {
        drop(node)
        gone++
      } else if (node.expires !== Infinity) {
        perishable = true
      }
    }
    if (perishable) timer ??= schedule()
    recency.rewind()
    return gone
  }

  function deleteByPrefix (prefix: string): number {
    const time = now()
    let gone = 0
    for (const node of nodes.values()) {
      if (!node.key.startsWith(prefix)) continue
      if (node.expires > time) gone++
      drop(node)
    }
    return gone
  }

  const store: SimpleStore<V> = {
    * values () { for (const node of nodes.values()) yield node.value },
    get (key, at) {
      const node = live(key, at)
      if (node === undefined) return undefined
      recency.use(node)
      return node.value
    },
    set: (key, value, ttl) => write(key, value, expiryOf(ttl, now())),
    add: (key, value, ttl) => live(key) === undefined && write(key, value, expiryOf(ttl, now())),
    delete (key) {
      const node = live(key)
      if (node !== undefined) drop(node)
      return node !== undefined
    },
    increment (key, delta, ttl) {
      const node = live(key)
      const start = node === undefined ? 0 : count.read(node.value)
      const sum = start === undefined ? NaN : start + delta
      if (!Number.isSafeInteger(sum)) throw new errors.FST_CACHE_ERR_NOT_A_NUMBER(key)
      write(key, count.make(sum), node === undefined ? expiryOf(ttl, now()) : node.expires)
      return sum
    },
    clear (prefix) {
      deleteByPrefix(prefix)
      return true
    },
    getMany: (keys) => keys.map((key) => store.get(key)),
    setMany: (entries, ttl) => entries.map(([key, value]) => store.set(key, value, ttl)),
    deleteMany: (keys) => keys.map((key) => store.delete(key)),
    has: (key) => live(key) !== undefined,
    deleteByPrefix,
    deleteIf: (key, value) => {
      const node = live(key)
      return node !== undefined && same(node.value, value) && store.delete(key)
    },
    replaceIf: (key, expected, value, ttl) => {
      const node = live(key)
      return node !== undefined && same(node.value, expected) && store.set(key, value, ttl)
    },
    touch (key, ttl) {
      const node = live(key)
      if (node !== undefined) node.expires = Math.max(node.expires, expiryOf(ttl, now()))
      return node !== undefined
    },
    close () {
      clearTimeout(timer)
      timer = undefined
      nodes.clear()
      recency.clear()
      bytes = 0
    },
    sweep,
    get entries () { return nodes.size },
    get bytes () { return bytes }
  }
  return store
}

/** What `simpleStore` needs to know of Buffers that hold counts as text. */
export const bufferValues = {
  sizeOf: (key: string, value: Buffer): number => key.length + value.length + 200,
  count: { read: readCount, make: writeCount },
  same: (a: Buffer, b: Buffer): boolean => a.equals(b)
}
