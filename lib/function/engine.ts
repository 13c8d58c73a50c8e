import type { Packed } from '../entry.ts'
import type { Flights } from '../single-flight.ts'
import type { Awaitable } from '../stores/store.ts'
import type { Found, Stamp, Versioned } from '../versions/versioned.ts'
import type { PendingLooks } from './look.ts'
import type { Refreshes } from './refreshes.ts'
import type { Timers } from './waiting.ts'

export type FunctionKind = 'memoize' | 'value'

/** A value to what is kept of it, and back. `pack` throws for what the serializer cannot keep. */
export interface Packer {
  pack (value: unknown): Packed
  unpack (packed: Packed): unknown
}

/** Locks between processes. They have a name space of their own, and a lifetime that nothing prolongs. */
export interface Locks {
  /** A token while nobody else holds the lock, else `undefined`. */
  acquire (key: string, life: number): Awaitable<string | undefined>
  /** Lets the lock go, if it is still this token's. */
  release (key: string, token: string): Awaitable<unknown>
}

/** What is counted and published. Called in the middle of things: must not throw. */
export interface FunctionEvents {
  hit (kind: FunctionKind, key: string): void
  /** An entry past its lifetime was served. */
  stale (kind: FunctionKind, key: string): void
  /** The function runs for this call. */
  miss (kind: FunctionKind, key: string): void
  bypass (kind: FunctionKind, key: string | undefined, reason: string): void
  store (kind: FunctionKind, key: string): void
  coalesced (kind: FunctionKind, key: string): void
  refresh (kind: FunctionKind, key: string): void
  lockWait (kind: FunctionKind, key: string): void
  /** The backend failed, or an entry could not be read; the call went on without it. */
  error (error: unknown, kind: FunctionKind, key: string): void
}

/** What the followers of a flight may have. */
export type Shared =
  | { readonly packed: Packed }
  | { readonly error: unknown }
  /** The leader was called off: nothing is known of the function. */
  | { readonly aborted: true }

/** All spans in milliseconds. */
export interface FillRules {
  /** `Infinity`: never expires. */
  readonly lifetime: number
  readonly jitter: number
  /** 0 = off. */
  readonly eagerRefresh: number
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  readonly softTimeout: number | undefined
  readonly hardTimeout: number | undefined
  /** How long a follower waits; `undefined`: nothing is coalesced. */
  readonly coalesce: number | undefined
  /** The lifetime of the lock; `undefined`: no lock. */
  readonly lock: number | undefined
  readonly keepsNull: boolean
  readonly keepsUndefined: boolean
}

export type Args = readonly unknown[]

/** What all calls of one function have in common. `self` is the call's `this`. */
export interface FillPlan {
  readonly kind: FunctionKind
  /** For messages: `memoize(loadUser)`. */
  readonly label: string
  readonly rules: FillRules
  run (self: unknown, args: Args): unknown
  /** The key as it is derived from these arguments now. Absent where the key does not come from them. */
  readonly derive?: ((self: unknown, args: Args) => string | undefined) | undefined
  readonly forcedUpdate?: ((self: unknown, args: Args) => unknown) | undefined
  readonly isStale?: ((stored: unknown, self: unknown, args: Args) => unknown) | undefined
  readonly responseFilter?: ((result: unknown, self: unknown, args: Args) => unknown) | undefined
  /** The names that only the result brings. */
  readonly names?: ((result: unknown, self: unknown, args: Args) => readonly string[]) | undefined
}

export interface Call {
  readonly plan: FillPlan
  readonly key: string
  /** The names that are known before the read. */
  readonly names: readonly string[]
  readonly self: unknown
  readonly args: Args
}

/** A flight's origin: what its leader knew, and since when. */
export interface Origin {
  readonly since: number
  readonly names: readonly string[]
  readonly found: Found | undefined
  /** Set as soon as the run's versions are settled, just before it starts. */
  stamp: Stamp | undefined
  /** In the order of look-ups and beginnings, see `Engine.tick`. */
  begun: number
  /** The flight that took the place of this one while it was under way. */
  successor: Origin | undefined
  /** Its result stands in the store, or has removed what stood there: no older run may write over it. */
  wrote: boolean
  /** Given up: what it still brings is not stored. */
  dropped: boolean
}

/** What every fill needs. */
export interface Engine {
  readonly versioned: Versioned
  readonly flights: Flights<Shared>
  readonly packer: Packer
  readonly locks: Locks
  readonly events: FunctionEvents
  readonly timers: Timers
  readonly refreshes: Refreshes
  readonly looks: PendingLooks
  /** Runs under way, for the end. */
  readonly running: Set<Promise<unknown>>
  /** How many functions are being started inside each other right now. */
  readonly stack: { depth: number }
  /** A run longer than this is not joined any more, and a background run given up, ms. */
  readonly longestRun: number
  now (): number
  random (): number
  /** Says once a minute and reason what went wrong with a function. */
  complain (label: string, what: string, error: unknown): void
  /** Puts look-ups and beginnings of runs in an order that no clock can blur. */
  tick (): number
  closing (): boolean
}
