import { createHash } from 'node:crypto'
import { MARK_LENGTH, newMark } from './keys.ts'

/** What a server's items stand under: one mark for all, and one for each shorter set of keys that was cleared. */
export interface Marks {
  readonly base: string
  /** Prefix and mark, in the order of the clears; a prefix replaces those that it begins. */
  readonly cleared: ReadonlyArray<readonly [prefix: string, mark: string]>
}

/** Part clears that are remembered; each costs every operation a comparison. */
export const MOST_CLEARED = 64
const LONGEST = 16 * 1024

export const freshMarks = (): Marks => ({ base: newMark(), cleared: [] })

/** The mark that a key's item has now. */
export function markOf (marks: Marks, key: string, own: boolean): string {
  const base = own ? marks.base : '-'.repeat(MARK_LENGTH)
  if (marks.cleared.length === 0) return base
  const hit = marks.cleared.filter(([prefix]) => key.startsWith(prefix))
  if (hit.length === 0) return base
  return createHash('sha256').update([base, ...hit.map(([, mark]) => mark)].join(' ')).digest('base64url').slice(0, MARK_LENGTH)
}

/**
 * The marks after a clear of `prefix`; `undefined`: too many part clears to remember.
 *
 * @param own the prefix of the cache itself: clearing that needs no list
 */
export function cleared (marks: Marks, prefix: string, own: string): Marks | undefined {
  const kept = marks.cleared.filter(([other]) => !other.startsWith(prefix))
  if (prefix === own) return { base: newMark(), cleared: kept }
  const next = { base: own.startsWith(prefix) ? newMark() : marks.base, cleared: [...kept, [prefix, newMark()] as const] }
  return next.cleared.length > MOST_CLEARED || marksText(next).length > LONGEST ? undefined : next
}

export function marksText (marks: Marks): string {
  return JSON.stringify([marks.base, ...marks.cleared])
}

/** @returns `undefined` for anything that `marksText` did not write */
export function parseMarks (text: string): Marks | undefined {
  try {
    const [base, ...list] = JSON.parse(text) as unknown[]
    const sound = isMark(base) && list.length <= MOST_CLEARED && list.every((item) => Array.isArray(item) && typeof item[0] === 'string' && isMark(item[1]))
    return sound ? { base, cleared: list as Marks['cleared'] & [] } : undefined
  } catch {
    return undefined
  }
}

function isMark (value: unknown): value is string {
  return typeof value === 'string' && value.length === MARK_LENGTH
}
