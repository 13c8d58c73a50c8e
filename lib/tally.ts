/** What has become of the requests of one route, or of the calls of one kind, since the start of the process. */
export class Tally {
  hits = 0
  stale = 0
  misses = 0
  bypasses = 0
  stores = 0
  coalesced = 0
  /** Bytes of the bodies that were stored, all together. */
  storedBytes = 0
  /** The lifetime of what was stored last, ms; `Infinity`: it never expires. */
  lifetime: number | undefined = undefined
  /** Why look-ups brought nothing usable. The reasons are the program's own words: the maps stay small. */
  readonly missReasons = new Map<string, number>()
  readonly bypassReasons = new Map<string, number>()
  /** Why replies were not stored. */
  readonly skipReasons = new Map<string, number>()
}

export function addTo (reasons: Map<string, number>, reason: string): void {
  reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
}
