import { median } from '../lib/statistics.mjs'

/**
 * How much a series grew over its second half: the median slope between all pairs of its points (Theil and Sen), which
 * single outliers do not move, times its length.
 * @param series of equal steps
 */
export function growth (series) {
  const half = series.slice(series.length >> 1)
  const slopes = half.flatMap((value, at) => half.slice(at + 1).map((later, steps) => (later - value) / (steps + 1)))
  return slopes.length === 0 ? 0 : median(slopes) * (half.length - 1)
}

/** The middle of the second half. */
export const level = (series) => median(series.slice(series.length >> 1))
