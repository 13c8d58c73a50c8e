import { endOfLife, type Entry } from '../entry.ts'
import type { Store } from '../stores/store.ts'
import { Held } from './held.ts'
import { KeyFences } from './key-fences.ts'
import { CACHE, FENCE, isTag, withoutFence } from './names.ts'
import { PurgeTable } from './table.ts'
import type { Draft, Found, Stamp, Versioned } from './versioned.ts'

const NO_MARKS: readonly string[] = []

/** A store in this process whose entries can be looked through. */
export type HeldStore = Store<Held> & {
  values (): Iterable<Held>
  /** @param at now, ms, for who knows it already */
  get (key: string, at?: number): Held | undefined | Promise<Held | undefined>
}

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

  function read (key: string, at = now()): Held | undefined {
    const held = store.get(key, at) as Held | undefined
    if (held === undefined || valid(held)) return held
    store.delete(key)
    return undefined
  }

  return {
    immediate: true,
    sequence: () => table.sequence,
    group: () => '',
    lookup (key, names): Found {
      // The clock is read once for all who look at this answer: 0.04 µs each time.
      const at = now()
      const held = read(key, at)
      return { key, entry: held, softened: held?.softened ?? Infinity, names, marks: NO_MARKS, sequence: table.sequence, at }
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
