/** What stands under a key: a cached reply, the variants of a reply, or a value of the application. */
export type EntryKind = 'reply' | 'variants' | 'value'

/**
 * One stored thing, in memory or decoded from a backend's bytes. Never mutated once stored: it is shared by every
 * request that it answers. All times are milliseconds since the epoch, all spans milliseconds.
 */
export interface Entry<P = unknown> {
  readonly kind: EntryKind
  readonly payload: P
  /** When it was made: the capture of a reply, the end of a function's run. */
  readonly created: number
  /** Fresh until then; `Infinity` = never expires. */
  readonly freshUntil: number
  /** RFC 5861 windows past `freshUntil`. */
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  /** What it depends on: its cache, its URI, its tags (see versions/). */
  readonly names: readonly string[]
  /** The versions of `names` as they were at the lookup; empty in memory, where `sequence` says it. */
  readonly marks: readonly string[]
  /** The process's purge counter at the lookup: what was purged later than this, it does not survive. */
  readonly sequence: number
}

/** A value as it is kept: primitives as they are, the rest as the serializer's bytes. */
export type Packed = string | number | bigint | boolean | null | Uint8Array | Live

/** A value kept by reference: SimpleCache with `CACHE_OPTIONS: { copy: false }`. */
export interface Live { readonly live: unknown }

/** A stored reply: what a hit puts on the wire again. */
export interface StoredReply {
  /** The status code. */
  readonly status: number
  /** Name, value, name, value …; names in lower case; a field of several lines is an array, a removed field an empty one. */
  readonly headers: ReadonlyArray<string | readonly string[]>
  /** `null`: the reply had no body at all. Shared between replies: never changed. */
  readonly body: Buffer | null
  /** Bytes of the body. */
  readonly size: number
  /** The handler's body was a string: hooks that come later get one again. */
  readonly text: boolean
  /** `Date` of the reply, milliseconds. */
  readonly date: number
  /** Seconds that the reply had been stored upstream when it came (its own `Age`). */
  readonly age: number
  /** The `ETag`, as sent. */
  readonly etag: string | undefined
  /** The `Last-Modified`, as sent. */
  readonly lastModified: string | undefined
  /** Its headers as a hit sends them, made at the first one; `null`: they cannot be made beforehand. Written by `direct.ts` alone. */
  head?: Readonly<Record<string, number | string | string[] | undefined>> | null | undefined
}

/** The variants of one key (RFC 9111 §4.1): which request fields choose, and which choices are stored. */
export interface Variants {
  /** Lower case, sorted. */
  readonly fields: readonly string[]
  /** Secondary keys, least recently stored first. */
  readonly stored: readonly string[]
}

/** When its backend may forget it: the end of its longest window. `Infinity` = never. */
export function endOfLife (entry: Entry): number {
  return entry.freshUntil + Math.max(entry.staleWhileRevalidate, entry.staleIfError)
}
