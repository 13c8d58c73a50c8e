/**
 * When what is written at `now` with `ttl` ends, ms. `undefined` and `0` mean never, as for every lifetime that a user
 * writes; so does what no date can hold.
 */
export function expiryOf (ttl: number | undefined, now: number): number {
  return ttl === undefined || ttl === 0 ? Infinity : now + ttl
}
