import { randomBytes } from 'node:crypto'

/**
 * A version as it stands in a remote backend: an identity, how long the backend was first asked to keep it, and the
 * moments at which its dependents were made stale. As text: `id.until|moment,moment`.
 *
 * The identity is random, so that a mark that was lost can only differ from the one that comes after it. An entry
 * records the whole text: the same text means fresh, the same identity means stale, anything else is a miss.
 */
export interface Mark {
  readonly id: string
  /** ms since the epoch; `Infinity` = for ever. The backend may keep it longer. */
  readonly until: number
  readonly softened: readonly string[]
}

/** More moments than entries live through are not kept: the first one left then stands for those before it. */
const MOST_MOMENTS = 8

export function newMark (until: number): string {
  return `${randomBytes(9).toString('base64url')}.${until === Infinity ? '' : Math.ceil(until).toString(36)}|`
}

export function readMark (text: string): Mark | undefined {
  const dot = text.indexOf('.')
  const bar = text.indexOf('|', dot)
  if (dot < 1 || bar < 0) return undefined
  const until = text.slice(dot + 1, bar)
  const rest = text.slice(bar + 1)
  return {
    id: text.slice(0, dot),
    until: until === '' ? Infinity : parseInt(until, 36),
    softened: rest === '' ? [] : rest.split(',')
  }
}

/** The mark after its dependents were made stale at `at` (ms). */
export function softenMark (text: string, at: number): string {
  const bar = text.indexOf('|')
  const moment = `${Math.floor(at).toString(36)}-${randomBytes(3).toString('base64url')}`
  const moments = text.length > bar + 1 ? text.slice(bar + 1).split(',') : []
  return text.slice(0, bar + 1) + [...moments, moment].slice(-MOST_MOMENTS).join(',')
}

/**
 * What an entry that recorded `recorded` is, now that the backend holds `standing`.
 * `Infinity`: untouched; a number: stale since then (ms); `undefined`: gone.
 */
export function compareMarks (recorded: string, standing: string | undefined): number | undefined {
  if (standing === undefined) return undefined
  if (recorded === standing) return Infinity
  const before = readMark(recorded)
  const after = readMark(standing)
  if (before === undefined || after === undefined || before.id !== after.id) return undefined
  const known = before.softened.at(-1)
  const since = known === undefined ? -1 : after.softened.indexOf(known)
  const first = after.softened[since + 1]
  if (first === undefined) return Infinity
  const at = parseInt(first, 36)
  return Number.isFinite(at) ? at : undefined
}
