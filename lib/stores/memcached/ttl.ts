import { errors } from '../../errors.ts'

/** Larger numbers are taken for a date. */
const LONGEST_RELATIVE = 2_592_000
/** Its dates are unsigned 32-bit seconds: until February 2106. */
const LAST_DATE = 0xffff_fffe

/**
 * What memcached is told, in whole seconds. One second is added, because its clock moves in steps of one: without it
 * a second can be over at once. 0 = never.
 *
 * @param ttl ms; `undefined` and `Infinity` = never; 0 or less is over at once, so it is given the least there is
 */
export function serverExpiry (ttl: number | undefined, wall: number = Date.now()): number {
  if (ttl === undefined || ttl === Infinity) return 0
  if (Number.isNaN(ttl)) throw new errors.FST_CACHE_ERR_TIMEOUT('NaN')
  const seconds = Math.max(1, Math.ceil(ttl / 1000)) + 1
  if (seconds <= LONGEST_RELATIVE) return seconds
  return Math.min(Math.ceil(wall / 1000) + seconds, LAST_DATE)
}

export function expiryBytes (ttl: number | undefined): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeUInt32BE(serverExpiry(ttl))
  return bytes
}
