import { crc32 } from 'node:zlib'

/**
 * The names that entries depend on and purges move. Each kind has its own first letter, so that a tag, a path or a
 * function can never be taken for one another, whatever they are called.
 */

/** Everything in this cache: `clear()`. */
export const CACHE = 'c'
/** "Some tag was purged": read by fills whose tags are known only from their result. No entry depends on it. */
export const FENCE = 'x'
export const tagName = (tag: string): string => 't' + tag
export const uriName = (uri: string): string => 'u' + uri
export const functionName = (name: string): string => 'f' + name

/** What an entry depends on: all its names but the fence, which is watched and moves with every tag. */
export function withoutFence<D extends { readonly names: readonly string[] }> (draft: D): D {
  return draft.names.includes(FENCE) ? { ...draft, names: draft.names.filter((name) => name !== FENCE) } : draft
}

/** The same names in the same order. */
export function sameNames (one: readonly string[], other: readonly string[]): boolean {
  return one === other || (one.length === other.length && one.every((name, i) => name === other[i]))
}

export const isTag = (name: string): boolean => name.charCodeAt(0) === 116
export const tagOf = (name: string): string => name.slice(1)

/**
 * Groups, on a backend of several servers. What belongs together (a reply, the version of its URI, its part of the
 * version of the whole cache) is of one group, which has its place on one server: so that another server's death is
 * nothing to it. Enough of them to be spread evenly, few enough for `clear()` to move the versions of all.
 */
const GROUPS = 256

export const groupOf = (name: string): string => (crc32(name) % GROUPS).toString(36)

/** The part of `CACHE` that the entries of a group depend on; '' = there are no groups. */
export const cacheName = (group: string): string => CACHE + group

/** All parts of `CACHE`. */
export const CACHE_PARTS: readonly string[] = Array.from({ length: GROUPS }, (_, group) => cacheName(group.toString(36)))

/** How a key shows its group: to Redis Cluster as a hash tag, to the placement on memcached servers alike. */
export const tagged = (group: string): string => group === '' ? '' : `{${group}}`
