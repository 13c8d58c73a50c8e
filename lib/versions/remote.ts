import { createHash } from 'node:crypto'
import { errors } from '../errors.ts'
import { decodeEntry, encodeEntry } from '../frame.ts'
import { endOfLife, type Entry } from '../entry.ts'
import type { GuardedStore } from '../stores/guarded.ts'
import type { Awaitable, Store } from '../stores/store.ts'
import { Doubt } from './doubt.ts'
import { KeyFences } from './key-fences.ts'
import { gatheredLookups } from './gather.ts'
import { newMark, readMark, softenMark } from './marks.ts'
import { CACHE, CACHE_PARTS, FENCE, groupOf, isTag, tagged, withoutFence } from './names.ts'
import { judgeWith, readMany, textOf } from './reading.ts'
import { PurgeTable } from './table.ts'
import type { Draft, Found, Stamp, Versioned } from './versioned.ts'

/** How much longer than its entries a mark is kept, ms: the time that a fill may take on top of their life. */
const MARGIN = 10_000
/** The same where no fill comes in between: what clocks and roundings may take. */
const SMALL_MARGIN = 1_000
/** Less than the share of the deadline at which one of several servers is given up. */
const LATE = 0.8
/** A softened mark cannot know how long its entries still need it; a week covers all but the never-expiring. */
const SOFTENED_LIFE = 7 * 24 * 3_600_000

export interface RemoteVersionsOptions {
  store: GuardedStore
  /** Before every key of this cache. */
  base: string
  /** Before every mark's key. */
  prefix: string
  /** Written into frames: bytes of another serializer are a miss. */
  serializer: string
  /** The keys live on several servers, each of which may be gone while the others stand. */
  spread?: boolean
  /** The store gathers the reads of a turn of the event loop, and sends them when it is told to (see `Gathering`). */
  gathers?: boolean
  /** Longest wait for one operation, ms; 0 = no bound. */
  timeout?: number
  now: () => number
}

/** What a tier in front of them has to know. */
export interface RemoteVersions extends Versioned {
  /** The backend's key of a name's mark. */
  markKey (name: string): string
  /** Is the removal of this key, or a purge of one of these names, not confirmed yet? Then this process believes no copy. */
  doubtful (key: string, names: readonly string[]): boolean
}

/** Versions over a backend of bytes that several processes share: random marks beside the entries. */
export function remoteVersions ({ store, base, prefix, serializer, spread = false, gathers = false, timeout = 0, now }: RemoteVersionsOptions): RemoteVersions {
  const parts = spread ? CACHE_PARTS : [CACHE]
  const table = new PurgeTable()
  const fences = new KeyFences()
  // Plain values depend on no version: in doubt together, they go together.
  const doubt = new Doubt(async () => { await moveVersions(parts); await store.clear(base) })
  const inDoubt = (name: string): string => 'name ' + name

  const group = spread ? groupOf : () => ''
  /** Where the mark lies: a part of the cache's version names its group, a tag is of none. */
  const place = (name: string): string => spread && !isTag(name) && name !== FENCE ? tagged(name.startsWith(CACHE) ? name.slice(CACHE.length) : groupOf(name)) : ''

  const markKeys = new Map<string, string>()
  /** Names hold paths and tags of any length; a backend's key is kept short. Tags and functions recur, so keys are remembered. */
  function markKey (name: string): string {
    if (name.length <= 80) return prefix + place(name) + name
    const known = markKeys.get(name)
    if (known !== undefined) return known
    const key = prefix + place(name) + name[0]! + '#' + createHash('sha256').update(name).digest('base64url')
    if (markKeys.size >= 10_000) markKeys.clear()
    markKeys.set(name, key)
    return key
  }

  async function readMarks (inner: Store<Buffer>, names: readonly string[]): Promise<Array<string | undefined>> {
    return (await readMany(inner, names.map(markKey))).map(textOf)
  }

  const distrusted = (key: string): boolean => doubt.size > 0 && (doubt.has(key) || doubt.has(inDoubt(CACHE)))
  const unpurged = (names: readonly string[]): boolean => doubt.size > 0 && names.some((name) => doubt.has(inDoubt(name)))
  const judge = judgeWith({
    serializer,
    distrusted,
    unpurged,
    sequence: () => table.sequence,
    now
  })

  async function found (inner: Store<Buffer>, key: string, bytes: Buffer | undefined, names: readonly string[] = [], marks: ReadonlyArray<string | undefined> = []): Promise<Found> {
    return await judge({ key, bytes, names, marks }, (more) => readMarks(inner, more))
  }

  /** On several servers each for itself: those of one may be gone while the others stand. */
  async function lookupAlone (key: string, names: readonly string[]): Promise<Found> {
    return await store.operation(async (inner) => {
      const started = performance.now()
      const [bytes, ...marks] = await readMany(inner, [key, ...names.map(markKey)])
      const one = await found(inner, key, bytes, names, marks.map(textOf))
      return spread && timeout > 0 && performance.now() - started > timeout * LATE ? { ...one, late: true } : one
    })
  }

  const lookup = gathers && !spread ? gatheredLookups({ store, judge, markKey, readMarks }) : lookupAlone

  /** Makes marks where there are none; a mark that is there already stands. */
  async function ensure (inner: Store<Buffer>, names: readonly string[], marks: ReadonlyArray<string | undefined>, life: number, margin: number): Promise<string[]> {
    return await Promise.all(names.map(async (name, i) => {
      const standing = marks[i]
      if (standing !== undefined) return standing
      // Everything hangs on the cache's own mark: where it cannot be prolonged, it is made to last.
      const lasting = life === Infinity || (name.startsWith(CACHE) && inner.touch === undefined)
      const until = lasting ? Infinity : now() + life + margin
      const making = make(inner, markKey(name), until, until === Infinity ? undefined : life + margin)
      // Only a fill that learns of tags from its result needs the fence, and is then not stored for the lack of it.
      return await (spread && name === FENCE ? making.catch(() => '') : making)
    }))
  }

  async function make (inner: Store<Buffer>, key: string, until: number, ttl: number | undefined): Promise<string> {
    const mark = newMark(until)
    if (await inner.add(key, Buffer.from(mark), ttl)) return mark
    return textOf(await inner.get(key)) ?? ''
  }

  /** The marks live at least as long as the entry that is about to record them. */
  async function prolong (inner: Store<Buffer>, names: readonly string[], marks: readonly string[], end: number): Promise<void> {
    await Promise.all(names.map((name, i) => {
      const until = readMark(marks[i] ?? '')?.until ?? 0
      if (until >= end || inner.touch === undefined) return undefined
      return inner.touch(markKey(name), end === Infinity ? undefined : end - now() + SMALL_MARGIN)
    }))
  }

  async function moveVersions (names: readonly string[]): Promise<void> {
    const keys = names.map(markKey)
    await store.operation(async (inner) => {
      // A fill that learns its tags only from its result compares the fence after it has read their marks: so the
      // fence goes first. Where its server is down, what can be moved is moved all the same; all of it is done again.
      const fence = names.some(isTag) ? await attempt(() => inner.delete(markKey(FENCE))) : undefined
      await removeMany(inner, keys)
      if (fence !== undefined) throw fence
    })
  }

  async function softenOne (inner: Store<Buffer>, name: string, at: number): Promise<void> {
    const key = markKey(name)
    for (;;) {
      const standing = await inner.get(key)
      const mark = textOf(standing)
      if (standing === undefined || mark === undefined) return
      // Without an atomic exchange, a purge that comes in between could be undone: gone is safe, stale is not.
      if (inner.replaceIf === undefined) { await inner.delete(key); return }
      if (await inner.replaceIf(key, standing, Buffer.from(softenMark(mark, at)), SOFTENED_LIFE)) return
    }
  }

  /** The marks for a write: the stamp's, and those of tags that only the result brought. `undefined`: purged meanwhile. */
  async function marksFor (inner: Store<Buffer>, draft: Draft, stamp: Stamp, late: readonly string[]): Promise<string[] | undefined> {
    const lateMarks = await ensure(inner, late, await readMarks(inner, late), lifeOf(draft), MARGIN)
    const before = stamp.marks[stamp.names.indexOf(FENCE)]
    if (before === undefined || before === '' || textOf(await inner.get(markKey(FENCE))) !== before) return undefined
    return draft.names.map((name) => {
      const known = stamp.names.indexOf(name)
      return known >= 0 ? stamp.marks[known]! : lateMarks[late.indexOf(name)]!
    })
  }

  const lifeOf = (draft: Draft): number => endOfLife(draft as Entry) - now()

  async function store_ (key: string, draft: Draft, marks: string[], only: boolean): Promise<boolean> {
    const life = lifeOf(draft)
    const bytes = encodeEntry(key, { ...draft, marks, sequence: 0 }, serializer)
    const ttl = life === Infinity ? undefined : Math.max(life, 1)
    const work = async (): Promise<boolean> => {
      const stored = await store.operation(async (inner) => {
        if (draft.names.length > 0) await prolong(inner, draft.names, marks, now() + life)
        return only ? await inner.add(key, bytes, ttl) : await inner.set(key, bytes, ttl)
      })
      if (stored || !only) doubt.settle(key)
      return stored
    }
    return only ? await work() : await superseding(key, work)
  }

  /** A write that fails may have happened or not, over an older value or not: nobody here believes it until it is removed. */
  async function superseding<T> (key: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work()
    } catch (error) {
      distrust(key)
      throw error
    }
  }

  function distrust (key: string): void {
    doubt.add(key, async () => { await store.delete(key) })
  }

  async function currentMarks (draft: Draft): Promise<string[]> {
    if (draft.names.length === 0) return []
    return await store.operation(async (inner) => ensure(inner, draft.names, await readMarks(inner, draft.names), lifeOf(draft), SMALL_MARGIN))
  }

  /** The server whose mark is missing has just let the look-up wait: a request waits for one deadline, not for two. */
  async function tooLate (): Promise<never> {
    throw new errors.FST_CACHE_ERR_BACKEND_TIMEOUT(timeout)
  }

  function outdated (stamp: Stamp): boolean {
    return stamp.fence.touched || table.anyNotedSince(stamp.names, stamp.sequence)
  }

  return {
    immediate: false,
    markKey,
    doubtful: (key, names) => distrusted(key) || unpurged(names),
    sequence: () => table.sequence,
    group,

    lookup,

    async lookupMany (keys) {
      return await store.operation(async (inner) => {
        const values = await readMany(inner, keys)
        return await Promise.all(keys.map((key, i) => found(inner, key, values[i])))
      })
    },

    async begin (from, life) {
      const fence = fences.raise(from.key)
      const marks = from.names.length === 0 || !from.marks.includes(undefined)
        ? from.marks as string[]
        : from.late === true ? await tooLate() : await store.operation((inner) => ensure(inner, from.names, from.marks, life, MARGIN))
      return { names: from.names, marks, sequence: from.sequence, fence }
    },

    outdated: (_key, stamp) => outdated(stamp),

    async write (key, given, stamp) {
      const draft = withoutFence(given)
      const purged = (): boolean => stamp.fence.touched || table.anyNotedSince(draft.names, stamp.sequence)
      if (purged()) return false
      const late = draft.names.filter((name) => !stamp.names.includes(name))
      const marks = late.length === 0
        ? draft.names.map((name) => stamp.marks[stamp.names.indexOf(name)]!)
        : await superseding(key, () => store.operation((inner) => marksFor(inner, draft, stamp, late)))
      if (marks === undefined || marks.includes('') || purged()) return false
      try {
        return await store_(key, draft, marks, false)
      } finally {
        fences.lower(key, stamp.fence)
      }
    },

    async put (key, draft) {
      fences.touch(key)
      const marks = await superseding(key, () => currentMarks(draft))
      return await store_(key, draft, marks, false)
    },

    async add (key, draft) {
      fences.touch(key)
      const marks = await currentMarks(draft)
      if (await store_(key, draft, marks, true)) return true
      // What stands there may have been purged, or have ended: then it makes room, unless somebody else was quicker.
      const cleared = await store.operation(async (inner) => {
        const bytes = await inner.get(key)
        if (bytes === undefined) return true
        if (decodeEntry(key, bytes, serializer) === undefined) return false
        if ((await found(inner, key, bytes)).entry !== undefined) return false
        return await (inner.deleteIf?.(key, bytes) ?? inner.delete(key))
      })
      return cleared && await store_(key, draft, marks, true)
    },

    touchKey (key) {
      if (doubt.size > 0 && doubt.has(key)) return this.remove(key) as Promise<never>
      fences.touch(key)
    },
    touchKeys (start) { fences.touchPrefix(start) },
    distrust,
    distrustKeys (start, retry) { doubt.addPrefix(start, retry) },

    async purge (names) {
      for (const name of names) table.note(name)
      if (names.some(isTag)) table.note(FENCE)
      try {
        await moveVersions(names)
        for (const name of names) doubt.settle(inDoubt(name))
      } catch (error) {
        for (const name of names) doubt.add(inDoubt(name), async () => { await moveVersions([name]) })
        throw error
      }
    },

    async soften (names) {
      const at = now()
      for (const name of names) table.note(name)
      try {
        await store.operation(async (inner) => { await Promise.all(names.map((name) => softenOne(inner, name, at))) })
      } catch (error) {
        // Gone is on the safe side of stale.
        for (const name of names) doubt.add(inDoubt(name), async () => { await moveVersions([name]) })
        throw error
      }
    },

    async anyDependent (names) {
      const marks = await store.operation((inner) => readMarks(inner, names))
      return marks.some((mark) => mark !== undefined)
    },

    async remove (key) {
      fences.touch(key)
      try {
        // Read first: what was purged, or is in doubt, was not there for anybody who asked.
        const there = await store.operation(async (inner) => {
          const bytes = await inner.get(key)
          const seen = bytes !== undefined && (await found(inner, key, bytes)).entry !== undefined
          return await inner.delete(key) && seen
        })
        doubt.settle(key)
        return there
      } catch (error) {
        distrust(key)
        throw error
      }
    },

    async clear (prefixOfKeys) {
      for (const part of parts) table.note(part)
      fences.touchAll()
      try {
        await moveVersions(parts)
        return await store.clear(prefixOfKeys)
      } catch (error) {
        doubt.add(inDoubt(CACHE), async () => { await moveVersions(parts); await store.clear(prefixOfKeys) })
        throw error
      }
    },

    close () { doubt.close() }
  }
}

/** What it rejected with. */
async function attempt (work: () => Awaitable<unknown>): Promise<unknown> {
  try {
    await work()
  } catch (error) {
    return error
  }
}

async function removeMany (inner: Store<Buffer>, keys: readonly string[]): Promise<void> {
  if (inner.deleteMany !== undefined) await inner.deleteMany(keys)
  else await Promise.all(keys.map((key) => inner.delete(key)))
}
