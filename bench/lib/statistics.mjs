export function median (numbers) {
  if (numbers.length === 0) return NaN
  const sorted = [...numbers].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
}

/** Of each round's own ratio: what slows a whole round down cancels out. */
export function medianRatio (numbers, reference) {
  return median(numbers.flatMap((number, round) => reference[round] === undefined ? [] : [number / reference[round]]))
}
