/**
 * Rendezvous hashing: every server bids for a key, the highest bid has it. A server more takes its share from all
 * others, and moves nothing else. Names, not positions, make the bids, so the order of the list does not matter.
 *
 * @returns the number of the server for a key; with `among`, of these servers only
 */
export function createPlacement (names: readonly string[]): (key: string, among?: readonly number[]) => number {
  const seeds = names.map((name) => hash(name, 0x9e3779b9))
  const all = names.map((_, i) => i)
  return (key, among = all) => {
    if (among.length === 1) return among[0] as number
    const own = hash(key, 0)
    let best = -1
    let highest = -1
    for (const server of among) {
      const bid = mix(own ^ (seeds[server] as number))
      if (bid > highest) {
        highest = bid
        best = server
      }
    }
    return best
  }
}

/** Of replies and of versions: only the cache itself makes such keys. */
const GROUPED = /^[rm]:(\{[0-9a-z]+\})/

/** Keys that show a group have their place by that alone, so that what belongs together goes and comes together. */
export function byGroup (place: ReturnType<typeof createPlacement>, prefix: string): typeof place {
  return (key, among) => {
    const group = key.startsWith(prefix) ? GROUPED.exec(key.slice(prefix.length, prefix.length + 12))?.[1] : undefined
    return place(group ?? key, among)
  }
}

/** FNV-1a over UTF-16 code units, mixed. */
export function hash (text: string, seed: number): number {
  let h = 0x811c9dc5 ^ seed
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  return mix(h)
}

/** The finalizer of MurmurHash3: every bit of the input reaches every bit of the output. */
function mix (h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
