/** A number that backends can count on. `-0` is none: as text it would become 0. */
export function isCount (value: unknown): value is number {
  return Number.isSafeInteger(value) && !Object.is(value, -0)
}

/** A whole number as the decimal text on which backends can count. */
export function writeCount (value: number): Buffer {
  return Buffer.from(String(value), 'latin1')
}

const LONGEST = 24

/**
 * The number that such text stands for. memcached pads a result that became shorter with blanks; nothing else may
 * follow. `undefined`: it is no such text.
 */
export function readCount (bytes: Uint8Array): number | undefined {
  let end = bytes.length
  if (end === 0 || end > LONGEST) return undefined
  while (end > 0 && bytes[end - 1] === 0x20) end--
  const negative = bytes[0] === 0x2d
  let value = 0
  const start = negative ? 1 : 0
  if (start >= end) return undefined
  for (let i = start; i < end; i++) {
    const digit = bytes[i]! - 0x30
    if (digit < 0 || digit > 9) return undefined
    value = value * 10 + digit
  }
  const leadingZero = bytes[start] === 0x30 && end - start > 1
  if (leadingZero || (negative && value === 0)) return undefined
  return negative ? -value : value
}
