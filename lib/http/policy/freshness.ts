import type { Entry } from '../../entry.ts'

export type Freshness = 'fresh' | 'stale-while-revalidate' | 'stale-if-error' | 'expired'

/**
 * What an entry is good for at `now` (RFC 9111 §4.2, RFC 5861).
 *
 * @param softened when it was made stale from outside, ms; `Infinity`: it was not
 */
export function judge (entry: Entry, softened: number, now: number): Freshness {
  const end = Math.min(entry.freshUntil, softened)
  if (now < end) return 'fresh'
  if (now < end + entry.staleWhileRevalidate) return 'stale-while-revalidate'
  if (now < end + entry.staleIfError) return 'stale-if-error'
  return 'expired'
}

/** May it stand in for a run that failed? Also where `judge` says `'stale-while-revalidate'`, if both windows are open. */
export function usableOnError (entry: Entry, softened: number, now: number): boolean {
  return now < Math.min(entry.freshUntil, softened) + entry.staleIfError
}
