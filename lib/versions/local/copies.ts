import { endOfLife, type Entry } from '../../entry.ts'
import { entrySize } from '../../entry-size.ts'
import { isWellFormed } from '../../serializer/text.ts'
import { simpleStore } from '../../stores/simple.ts'
import { PurgeTable } from '../table.ts'
import type { Found } from '../versioned.ts'
import { ownCopy } from './own-copy.ts'
import { Reads, type Read } from './reads.ts'

/** An entry of the backend, kept in this process. */
export interface Copy {
  readonly entry: Entry
  readonly softened: number
  /** The versions that the look-up brought. */
  readonly names: readonly string[]
  readonly marks: ReadonlyArray<string | undefined>
  /** The keys of the marks of what it depends on. */
  readonly deps: readonly string[]
  /** The table's sequence when its read began. */
  readonly sequence: number
  /** The table's sequence at which it was last found valid. */
  checked: number
}

/** A look-up in the backend on whose result a copy may be made. */
export interface Reading {
  readonly read: Read
  readonly sequence: number
  readonly started: number
}

export interface LocalCopiesOptions {
  /** Longest life of a copy, ms. */
  readonly timeout: number
  readonly threshold: number
  readonly maxBytes: number
  /** The backend's key of a name's mark. */
  readonly markKey: (name: string) => string
  /** Wall clock, ms: the lifetimes of entries. */
  readonly now: () => number
  /** A clock in ms that never steps back: the lifetimes of copies. */
  readonly clock?: () => number
}

export type LocalCopies = ReturnType<typeof localCopies>

/**
 * What the backend held a moment ago. A copy lives as long as its entry is fresh, `timeout` at most, counted from the
 * beginning of the read that brought it; it goes as soon as this process hears that its key changed, or that something
 * it depends on was purged. What was read while that happened is not kept.
 */
export function localCopies ({ timeout, threshold, maxBytes, markKey, now, clock = () => performance.now() }: LocalCopiesOptions) {
  const table = new PurgeTable()
  const reads = new Reads()
  const limit = maxBytes === 0 ? Infinity : maxBytes
  const store = simpleStore<Copy>({ threshold, maxBytes, now: clock, sizeOf, count: { read: () => undefined, make: () => { throw new Error('copies are not counted') } } })

  function isFresh (entry: Entry, softened: number): boolean {
    return Math.min(entry.freshUntil, softened) > now()
  }

  function isValid (copy: Copy): boolean {
    if (copy.checked === table.sequence) return true
    if (table.anyNotedSince(copy.deps, copy.sequence)) return false
    copy.checked = table.sequence
    return true
  }

  function mayKeep ({ read, sequence }: Reading, { entry, softened }: Found, deps: readonly string[]): boolean {
    if (entry === undefined || read.touched || read.kept || isCount(entry) || !isFresh(entry, softened)) return false
    if (sequence < floor || table.anyNotedSince(deps, sequence)) return false
    // Messages name keys by their bytes, in which ill-formed text cannot be told apart
    return isWellFormed(read.key) && deps.every(isWellFormed) && entrySize(read.key, entry) <= limit
  }

  /** Reads that began before this was the sequence are too old. */
  let floor = 0

  return {
    /** A copy that may be served now. */
    get (key: string): Copy | undefined {
      const copy = store.get(key)
      if (copy === undefined) return undefined
      if (isValid(copy) && isFresh(copy.entry, copy.softened)) return copy
      store.delete(key)
      return undefined
    },

    /** A look-up begins; `end` must follow. */
    begin (key: string): Reading {
      return { read: reads.begin(key), sequence: table.sequence, started: clock() }
    },

    /** What the look-up brought is kept, unless something changed meanwhile. */
    keep (reading: Reading, found: Found): void {
      const { entry, softened, names, marks } = found
      if (entry === undefined) return
      const deps = entry.names.map(markKey)
      if (!mayKeep(reading, found, deps)) return
      const { read, sequence, started } = reading
      const end = Math.min(started + timeout, clock() + endOfLife(entry) - now())
      const left = end - clock()
      if (left <= 0) return
      read.kept = true
      store.set(read.key, { entry: ownCopy(entry), softened, names, marks, deps, sequence, checked: sequence }, left)
    },

    end ({ read }: Reading): void { reads.end(read) },

    /** The key's entry changed. */
    drop (key: string): void {
      reads.touch(key)
      store.delete(key)
    },

    dropPrefix (prefix: string): void {
      reads.touchPrefix(prefix)
      store.deleteByPrefix(prefix)
    },

    /** Anything may have changed. */
    dropAll (): void {
      floor = ++table.sequence
      store.clear('')
    },

    /** The mark under this key moved: what depends on it is old. */
    note (mark: string): void { table.note(mark) },

    close (): void { store.close() },
    get entries () { return store.entries },
    get bytes () { return store.bytes }
  }
}

function sizeOf (key: string, { entry, deps, marks }: Copy): number {
  let bytes = entrySize(key, entry)
  for (const text of deps) bytes += text.length
  for (const text of marks) bytes += text?.length ?? 0
  return bytes
}

/** Its lifetime is the backend's alone, and unknown here: a copy could outlive it. */
function isCount ({ kind, names, created }: Entry): boolean {
  return kind === 'value' && names.length === 0 && created === 0
}
