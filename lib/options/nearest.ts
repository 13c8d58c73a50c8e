const LONGEST = 64

/**
 * The known name that was most likely meant by a misspelt one: the fewest insertions, deletions, replacements and
 * swaps of neighbours, whatever the case. `undefined` where nothing is near enough to be a guess worth making.
 */
export function nearest (name: string, known: readonly string[]): string | undefined {
  if (name.length === 0 || name.length > LONGEST) return undefined
  const wanted = name.toLowerCase()
  let best: string | undefined
  let least = Math.ceil(name.length * 0.4) + 1
  for (const candidate of known) {
    const cost = distance(wanted, candidate.toLowerCase())
    if (cost >= least) continue
    least = cost
    best = candidate
  }
  return best
}

/** Optimal string alignment: Levenshtein, with the swap of two neighbours as one step. */
function distance (a: string, b: string): number {
  let beforeLast: number[] = []
  let last = Array.from({ length: b.length + 1 }, (_, i) => i)
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1]
      let cost = Math.min(at(last, j) + 1, at(row, j - 1) + 1, at(last, j - 1) + (same ? 0 : 1))
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) cost = Math.min(cost, at(beforeLast, j - 2) + 1)
      row.push(cost)
    }
    beforeLast = last
    last = row
  }
  return at(last, b.length)
}

function at (row: readonly number[], i: number): number {
  return row[i] ?? Infinity
}
