import { endOfLife, type Entry, type EntryKind } from '../entry.ts'
import type { Node } from '../stores/recency.ts'
import type { Store } from '../stores/store.ts'
import { KeyFences } from './key-fences.ts'
import { CACHE, FENCE, isTag, withoutFence } from './names.ts'
import { PurgeTable } from './table.ts'
import type { Draft, Found, Stamp, Versioned } from './versioned.ts'

const NO_MARKS: readonly string[] = []

/**
 * An entry in memory, with what was last found out about its versions, and its place in the store. One object for the
 * three: two more took 180 bytes, and a stored miss pays most for what it leaves to the garbage collector.
 *
 * V8 gives a number that is no whole one of 31 bits an object of 16 bytes. So of its moments one is kept as it is, the
 * others as spans from there: 32 bytes less. That the same moment comes back is sure, since doubles of about the same
 * size have exact differences.
 */
export class Held implements Entry, Node<Held> {
  readonly kind: EntryKind
  readonly payload: unknown
  readonly created: number
  /** `undefined` at first: a field that has held nothing but numbers takes 16 bytes in every entry once one has a fraction. */
  #fresh: Span = undefined
  readonly #windows: Windows
  readonly names: readonly string[]
  /** The table's sequence at which it was last found valid: what was purged or made stale before has no part in it. */
  sequence: number
  /** `undefined`: it was not made stale. */
  softened: number | undefined = undefined

  key = ''
  size = 0
  #life: Span = undefined
  newer: Node<Held> = this
  older: Node<Held> = this

  constructor (draft: Draft, sequence: number) {
    this.kind = draft.kind
    this.payload = draft.payload
    this.created = draft.created
    this.#fresh = spanTo(draft.freshUntil, draft.created)
    this.#windows = windowsOf(draft)
    this.names = draft.names
    this.sequence = sequence
  }

  /** An entry as the node of its own place in a store: of one, under one key. */
  static at (key: string, held: Held, expires: number, size: number): Held {
    held.key = key
    held.expires = expires
    held.size = size
    return held
  }

  get value (): Held { return this }
  get marks (): readonly string[] { return NO_MARKS }
  get freshUntil (): number { return endOf(this.#fresh, this.created) }
  get staleWhileRevalidate (): number { return this.#windows.staleWhileRevalidate }
  get staleIfError (): number { return this.#windows.staleIfError }
  get expires (): number { return endOf(this.#life, this.created) }
  set expires (moment: number) { this.#life = spanTo(moment, this.created) }
}

/** Milliseconds; `undefined` = without end (`Infinity` would take 16 bytes). */
type Span = number | undefined

const spanTo = (moment: number, from: number): Span => moment === Infinity ? undefined : moment - from
const endOf = (span: Span, from: number): number => span === undefined ? Infinity : from + span

type Windows = Pick<Entry, 'staleWhileRevalidate' | 'staleIfError'>

const NO_WINDOWS: Windows = { staleWhileRevalidate: 0, staleIfError: 0 }
let lastWindows = NO_WINDOWS

/** Most entries have none, and the others of a route the same: they share them, 8 bytes less. */
function windowsOf ({ staleWhileRevalidate, staleIfError }: Windows): Windows {
  if (staleWhileRevalidate === 0 && staleIfError === 0) return NO_WINDOWS
  if (lastWindows.staleWhileRevalidate !== staleWhileRevalidate || lastWindows.staleIfError !== staleIfError) lastWindows = { staleWhileRevalidate, staleIfError }
  return lastWindows
}

/** A store in this process whose entries can be looked through. */
export type HeldStore = Store<Held> & { values (): Iterable<Held> }

/** Versions over a store that lives in this process: every method answers at once. */
export function memoryVersions (store: HeldStore, now: () => number, table: PurgeTable = new PurgeTable()): Versioned {
  const fences = new KeyFences()
  /** When a tag was purged or softened last: a run whose tags are not known yet may have it. */
  let tagsMoved = 0

  function valid (held: Held): boolean {
    if (held.sequence === table.sequence) return true
    const { names, sequence } = held
    if (table.anyNotedSince(names, sequence)) return false
    if (held.softened === undefined) {
      const softened = table.softenedSince(names, sequence)
      if (softened !== Infinity) held.softened = softened
    }
    held.sequence = table.sequence
    return true
  }

  function life (draft: Draft): number | undefined {
    const end = endOfLife(draft as Entry)
    return end === Infinity ? undefined : end - now()
  }

  function outdated (stamp: Stamp): boolean {
    return stamp.fence.touched || table.anyNotedSince(stamp.names, stamp.sequence)
  }

  function read (key: string): Held | undefined {
    const held = store.get(key) as Held | undefined
    if (held === undefined || valid(held)) return held
    store.delete(key)
    return undefined
  }

  return {
    immediate: true,
    sequence: () => table.sequence,
    group: () => '',
    lookup (key, names): Found {
      const held = read(key)
      return { key, entry: held, softened: held?.softened ?? Infinity, names, marks: NO_MARKS, sequence: table.sequence }
    },
    lookupMany (keys): Found[] {
      return keys.map((key) => this.lookup(key, NO_MARKS) as Found)
    },
    begin (found): Stamp {
      return { names: found.names, marks: NO_MARKS, sequence: found.sequence, fence: fences.raise(found.key) }
    },
    outdated: (_key, stamp) => outdated(stamp),
    write (key, given, stamp) {
      const draft = withoutFence(given)
      if (stamp.fence.touched || table.anyNotedSince(draft.names, stamp.sequence)) return false
      fences.lower(key, stamp.fence)
      return store.set(key, new Held(draft, stamp.sequence), life(draft))
    },
    put (key, draft) {
      fences.touch(key)
      return store.set(key, new Held(draft, table.sequence), life(draft))
    },
    add (key, draft) {
      read(key)
      const added = store.add(key, new Held(draft, table.sequence), life(draft)) as boolean
      if (added) fences.touch(key)
      return added
    },
    touchKey (key) { fences.touch(key) },
    touchKeys (start) { fences.touchPrefix(start) },
    distrust () {},
    distrustKeys () {},
    disturbed: ({ names, sequence }) => table.softenedSince(names, sequence) !== Infinity || (tagsMoved > sequence && names.includes(FENCE)),
    purge (names) {
      for (const name of names) table.note(name)
      if (names.some(isTag)) tagsMoved = table.sequence
    },
    soften (names) {
      for (const name of names) table.soften(name, now())
      if (names.some(isTag)) tagsMoved = table.sequence
    },
    anyDependent (names) {
      for (const held of store.values()) {
        if (held.names.some((name) => names.includes(name)) && valid(held) && endOfLife(held) > now()) return true
      }
      return false
    },
    remove (key) {
      const there = read(key) !== undefined
      fences.touch(key)
      store.delete(key)
      return there
    },
    clear (prefix) {
      table.note(CACHE)
      fences.touchAll()
      return store.clear(prefix)
    },
    close () {}
  }
}
