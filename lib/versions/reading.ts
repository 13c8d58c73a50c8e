import { endOfLife, type Entry } from '../entry.ts'
import { decodeEntry } from '../frame.ts'
import type { Awaitable, Store } from '../stores/store.ts'
import { compareMarks } from './marks.ts'
import type { Found } from './versioned.ts'

/** What was read in one go: the bytes under a key, and the marks of the names that were asked for beside it. */
export interface Reading {
  readonly key: string
  readonly bytes: Buffer | undefined
  readonly names: readonly string[]
  readonly marks: ReadonlyArray<string | undefined>
}

export interface JudgeDeps {
  /** Written into frames: bytes of another serializer are a miss. */
  readonly serializer: string
  /** Is the removal of this key, or of everything, not confirmed yet? */
  readonly distrusted: (key: string) => boolean
  /** Is a purge of one of these names not confirmed yet? */
  readonly unpurged: (names: readonly string[]) => boolean
  /** The purge counter of this process. */
  readonly sequence: () => number
  readonly now: () => number
}

/** @param late reads the marks of names that were not asked for */
export type Judge = (reading: Reading, late: (names: readonly string[]) => Promise<ReadonlyArray<string | undefined>>) => Awaitable<Found>

/**
 * What a reading is worth: its entry, if the bytes are one, it has not ended, and no version that it records has moved.
 * At once, but for an entry that depends on more than was read with it.
 */
export function judgeWith ({ serializer, distrusted, unpurged, sequence, now }: JudgeDeps): Judge {
  return function judge ({ key, bytes, names, marks }, late) {
    const moment = sequence()
    const found = (entry: Entry | undefined, softened: number): Found => ({ key, entry, softened, names, marks, sequence: moment })
    const current = (entry: Entry, read: readonly string[], standing: ReadonlyArray<string | undefined>): Found => {
      const softened = staleSince(entry, read, standing)
      return softened === undefined ? found(undefined, Infinity) : found(entry, softened)
    }
    const entry = bytes === undefined || distrusted(key) ? undefined : decodeEntry(key, bytes, serializer)
    if (entry === undefined || endOfLife(entry) <= now()) return found(undefined, Infinity)
    if (entry.names.length === 0) return found(entry, Infinity)
    if (unpurged(entry.names)) return found(undefined, Infinity)
    const unread = entry.names.filter((name) => !names.includes(name))
    if (unread.length === 0) return current(entry, names, marks)
    return late(unread).then((more) => current(entry, [...names, ...unread], [...marks, ...more]))
  }
}

/** Since when an entry is stale, ms; `Infinity`: it is not; `undefined`: one of its versions has moved. */
function staleSince (entry: Entry, names: readonly string[], marks: ReadonlyArray<string | undefined>): number | undefined {
  let first = Infinity
  for (let i = 0; i < entry.names.length; i++) {
    const since = compareMarks(entry.marks[i] ?? '', marks[names.indexOf(entry.names[i]!)])
    if (since === undefined) return undefined
    if (since < first) first = since
  }
  return first
}

export async function readMany (inner: Store<Buffer>, keys: readonly string[]): Promise<Array<Buffer | undefined>> {
  if (keys.length === 0) return []
  if (keys.length === 1) return [await inner.get(keys[0]!)]
  if (inner.getMany !== undefined) return await inner.getMany(keys)
  return await Promise.all(keys.map((key) => inner.get(key)))
}

/** The text of a mark. */
export function textOf (bytes: Buffer | Uint8Array | string | undefined | null): string | undefined {
  if (bytes === undefined || bytes === null) return undefined
  if (typeof bytes === 'string') return bytes
  return (Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)).toString('latin1')
}
