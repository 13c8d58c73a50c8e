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

export const isTag = (name: string): boolean => name.charCodeAt(0) === 116
export const tagOf = (name: string): string => name.slice(1)
