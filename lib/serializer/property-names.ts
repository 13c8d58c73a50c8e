/** How many names are kept, and how long they are at most: a few ten KB, whatever is read. A power of two. */
const KEPT = 2048
const LONGEST = 24

/**
 * Names of properties as they were read last, by their bytes. An engine looks properties up by the one copy of a name that
 * it keeps, which a string made anew must be searched for: without this, the reading of small objects takes 1.6 times as long.
 */
const kept: string[] = Array.from({ length: KEPT }, () => '')

/** The name that these bytes hold, if it is short; they must be there. `make` decodes one that is not known. */
export function propertyName (bytes: Buffer, start: number, length: number, make: (bytes: Buffer, start: number, length: number) => string): string {
  if (length > LONGEST) return make(bytes, start, length)
  let hash = length
  for (let i = 0; i < length; i++) hash = Math.imul(hash ^ bytes[start + i]!, 0x01000193)
  const place = (hash ^ hash >>> 15) & (KEPT - 1)
  const name = kept[place]!
  if (isAt(bytes, start, length, name)) return name
  const made = make(bytes, start, length)
  // As long in UTF-16 as in UTF-8: no character of it lies between 0x80 and 0xff, where it could be taken for a byte.
  if (made.length === length) kept[place] = made
  return made
}

function isAt (bytes: Buffer, start: number, length: number, text: string): boolean {
  if (text.length !== length) return false
  for (let i = 0; i < length; i++) {
    if (text.charCodeAt(i) !== bytes[start + i]) return false
  }
  return true
}
