import { createHash, getHashes } from 'node:crypto'
import { Fault, show } from './fault.ts'
import { nearest } from './nearest.ts'

const LEAST_BITS = 128

/** A hash by its name in `crypto.getHashes()`, long enough that no two keys meet by chance. */
export function checkHash (value: unknown): string {
  const known = getHashes()
  const name = typeof value === 'string' ? known.find(hash => hash.toLowerCase() === value.toLowerCase()) : undefined
  if (name === undefined) {
    const guess = typeof value === 'string' ? nearest(value, known) : undefined
    throw new Fault(`takes one of crypto.getHashes(); got ${show(value)}${guess === undefined ? '' : `; did you mean '${guess}'?`}`)
  }
  const bits = digestBits(name)
  if (bits === undefined) throw new Fault(`takes a hash that this Node can make; ${show(value)} is listed but disabled`)
  if (bits < LEAST_BITS) throw new Fault(`takes a hash of ${LEAST_BITS} bits or more; ${show(value)} has ${bits}`)
  return name
}

/** `undefined`: the OpenSSL of this Node lists it and refuses to make it. */
function digestBits (name: string): number | undefined {
  try {
    return createHash(name).digest().length * 8
  } catch {
    return undefined
  }
}
