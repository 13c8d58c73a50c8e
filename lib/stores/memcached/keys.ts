import { createHash, randomBytes } from 'node:crypto'

/** memcached's own bound, in bytes. */
const MOST_BYTES = 250
/** Leaves room for a mark and a hash after it. */
const LONGEST_PREFIX = 120
const PLAIN = /^[\x21-\x7e]*$/

/** Length of a mark: 72 random bits, as 12 characters. */
export const MARK_LENGTH = 12
export const newMark = (): string => randomBytes(9).toString('base64url')

/**
 * The names of items on the server. All begin with the cache's prefix; then come, told apart by what stands after a
 * mark of fixed length that no caller can choose:
 *
 * - `prefix` mark `:` rest of the key, where that is printable ASCII and short enough,
 * - `prefix` mark `#` SHA-256 of the key, where it is not,
 * - `prefix` mark `.` number: a piece of a large value,
 * - `prefix@marks`: the namespace.
 */
export interface Keys {
  readonly namespace: Buffer
  item (mark: string, key: string): Buffer
  piece (generation: string, index: number): Buffer
  /** Does the key belong to the cache at all? */
  owns (key: string): boolean
}

export function createKeys (prefix: string): Keys {
  const shown = PLAIN.test(prefix) && prefix.length <= LONGEST_PREFIX ? prefix : `~${digest(prefix)}`
  return {
    namespace: Buffer.from(`${shown}@marks`, 'latin1'),
    owns: (key) => key.startsWith(prefix),
    piece: (generation, index) => Buffer.from(`${shown}${generation}.${index}`, 'latin1'),
    item (mark, key) {
      const rest = shown === prefix && key.startsWith(prefix) ? key.slice(prefix.length) : undefined
      const fits = rest !== undefined && shown.length + mark.length + 1 + rest.length <= MOST_BYTES && PLAIN.test(rest)
      return Buffer.from(fits ? `${shown}${mark}:${rest}` : `${shown}${mark}#${digest(key)}`, 'latin1')
    }
  }
}

/** Over UTF-16, so that a lone surrogate is not taken for U+FFFD (which UTF-8 would make of it). */
export function digest (text: string): string {
  return createHash('sha256').update(Buffer.from(text, 'utf16le')).digest('base64url')
}
