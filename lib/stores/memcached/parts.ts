import type { Items } from './items.ts'
import type { Namespace } from './namespace.ts'
import type { Pieces } from './pieces.ts'

/** What the operations on a key are made of. */
export interface Parts {
  readonly items: Items
  readonly namespace: Namespace
  readonly pieces: Pieces
  /** The number of a key's server. */
  readonly place: (key: string) => number
  readonly now: () => number
  /** The longest value that is one item. */
  readonly itemBytes: number
  /** The longest value. */
  readonly valueBytes: number
}

/** How often an operation that found somebody else's write in between is tried again. */
export const MOST_ROUNDS = 100

/** When a lifetime of `ttl` ms ends. */
export function endOf (ttl: number | undefined, now: number): number {
  return ttl === undefined ? Infinity : now + ttl
}
