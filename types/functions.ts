import type { Awaitable } from '../lib/stores/store.ts'

/** Any function, whatever it takes. */
export type Callable = (this: never, ...args: never[]) => unknown

/** What a memoized generator brings: its items joined where they are all text or all bytes, else a list of them. */
export type Collected<T> = [T] extends [string] ? string : [T] extends [Uint8Array] ? Buffer : T[]

/** What a call brings when it has been waited for. */
export type Outcome<R> =
  Awaited<R> extends Generator<infer T, unknown, never> | AsyncGenerator<infer T, unknown, never> ? Collected<T> : Awaited<R>

/** Every overload's parameters and result, up to five; TypeScript has no way to list more. */
type Signatures<F> =
  F extends { (...args: infer A1): infer R1, (...args: infer A2): infer R2, (...args: infer A3): infer R3, (...args: infer A4): infer R4, (...args: infer A5): infer R5 }
    ? [[A1, R1], [A2, R2], [A3, R3], [A4, R4], [A5, R5]]
    : F extends { (...args: infer A1): infer R1, (...args: infer A2): infer R2, (...args: infer A3): infer R3, (...args: infer A4): infer R4 }
      ? [[A1, R1], [A2, R2], [A3, R3], [A4, R4]]
      : F extends { (...args: infer A1): infer R1, (...args: infer A2): infer R2, (...args: infer A3): infer R3 }
        ? [[A1, R1], [A2, R2], [A3, R3]]
        : F extends { (...args: infer A1): infer R1, (...args: infer A2): infer R2 }
          ? [[A1, R1], [A2, R2]]
          : F extends (this: never, ...args: infer A) => infer R
            ? [[A, R]]
            : never

type Results<S> = S extends ReadonlyArray<readonly [unknown, infer R]> ? R : never

type PromisedSignature<F, S> = S extends readonly [infer A extends unknown[], infer R]
  ? (this: ThisParameterType<F>, ...args: A) => Promise<Outcome<R>>
  : never

type Intersected<F, S extends readonly unknown[]> = S extends readonly [infer Head, ...infer Tail]
  ? PromisedSignature<F, Head> & Intersected<F, Tail>
  : unknown

type AlwaysPromise<R> = [R] extends [Promise<infer T>] ? (T extends Generator | AsyncGenerator ? false : true) : false

/**
 * A function with the parameters of `F` that brings its result as a promise. A function that brings promises already keeps
 * its own type, with its generics and all its overloads.
 */
export type Promised<F extends Callable> = AlwaysPromise<Results<Signatures<F>>> extends true
  ? F
  : Intersected<F, Signatures<F>>

type AllParameters<F> = Signatures<F> extends ReadonlyArray<readonly [infer A extends unknown[], unknown]> ? A : never

/** A method's arguments may have its instance in front. */
type KeyParameters<F> = unknown extends ThisParameterType<F> ? AllParameters<F> : AllParameters<F> | [instance: ThisParameterType<F>, ...args: AllParameters<F>]

type Result<F extends Callable> = Outcome<ReturnType<F>>

type ArgumentsOf<F> = F extends (this: never, ...args: infer A) => unknown ? A : never

/** Shared by `getOrSet`, `cached` and `memoize`. Durations are seconds, fractions allowed; `undefined` means the default. */
export interface FillOptions<Args extends unknown[], T> {
  /** Lifetime; `0`: never expires. Default: `CACHE_DEFAULT_TIMEOUT`. */
  timeout?: number | null | undefined
  /** `true` goes round the cache: no read, no store. */
  unless?: ((...args: Args) => Awaitable<boolean>) | null | undefined
  /** `true` skips the read; the result is stored. */
  forcedUpdate?: ((...args: Args) => Awaitable<boolean>) | null | undefined
  /** Asked on a hit; `true` runs the function. */
  isStale?: ((stored: T, ...args: Args) => Awaitable<boolean>) | null | undefined
  /** `false`: the result is returned and not stored. */
  responseFilter?: ((result: T, ...args: Args) => Awaitable<boolean>) | null | undefined
  /** Is an empty result stored? `memoize`: `null` and `undefined` are not by default. Elsewhere `null` is by default, and `undefined` never. */
  cacheNone?: boolean | null | undefined
  /** Tags of the entry, for `invalidateTags` and `expireTags`. A list costs no second round trip on a read. */
  tags?: readonly string[] | ((result: T, ...args: Args) => readonly string[]) | null | undefined
  /** 0–0.5: lifetimes are shortened at random by up to this share. Default 0. */
  jitter?: number | null | undefined
  /** 0–1: past this share of its lifetime a hit starts one background run. Default 0 = off. */
  eagerRefresh?: number | null | undefined
  /** Seconds past its lifetime in which an entry is served while one background run refreshes it. Default 0. */
  staleWhileRevalidate?: number | null | undefined
  /** Seconds past its lifetime in which an entry replaces a run that throws or times out. Default 0. */
  staleIfError?: number | null | undefined
  /** Inside the `staleIfError` window: seconds to wait for the run before the stale entry is served. */
  softTimeout?: number | null | undefined
  /** Rejects with `FST_CACHE_ERR_HARD_TIMEOUT` after so many seconds; the run may still fill. */
  hardTimeout?: number | null | undefined
  /** Concurrent misses of a key run the function once; `timeout` (default 5) bounds the wait. Default `true`. */
  coalesce?: boolean | { timeout?: number } | null | undefined
  /** One process fills, the others wait for its entry; `timeout` (default 5) is the life of the lock. Default `false`. */
  lock?: boolean | { timeout?: number } | null | undefined
}

/** Options of `cache.getOrSet(key, make, options)`. Durations are seconds. */
export type GetOrSetOptions<T> = FillOptions<[], T>

/** Options of `cache.cached(fn, options)`. Durations are seconds. */
export interface CachedOptions<F extends Callable> extends FillOptions<ArgumentsOf<F>, Result<F>> {
  /** The key of the one entry, which `cache.get` and `cache.delete` know too. */
  key: string
}

/** Options of `cache.memoize(fn, options)`. Durations are seconds; `undefined` and `null` mean the default. */
export interface MemoizeOptions<F extends Callable> extends FillOptions<ArgumentsOf<F>, Result<F>> {
  /** Default: the function's own name. Needed for one that has none. */
  name?: string | null | undefined
  /** Makes the name in the key from the function's. */
  makeName?: ((name: string) => string) | null | undefined
  /** Replaces the key derived from the arguments; a non-empty string, else the call goes round the cache. */
  makeCacheKey?: ((...args: ArgumentsOf<F>) => string) | null | undefined
  /** Positions, counted from 0, that are no part of the key. */
  argsToIgnore?: readonly number[] | null | undefined
  /** For long keys; any of `crypto.getHashes()` with 128 bits or more. Default: `CACHE_HASH_METHOD`. */
  hashMethod?: string | null | undefined
  /** The function's source text is part of the key. Default: `CACHE_SOURCE_CHECK`. */
  sourceCheck?: boolean | null | undefined
}

export interface MemoizedMembers<F extends Callable> {
  /** The original. */
  readonly uncached: F
  /** Seconds; what is stored from now on lives so long. */
  get cacheTimeout (): number
  set cacheTimeout (seconds: number | null | undefined)
  /** The key of a call. For a method, pass the instance first (or as `this`). */
  makeCacheKey (...args: KeyParameters<F>): string
  /** Without arguments every result, with them that one. For a method, pass the instance first (or as `this`); alone, it means every result of the instance. */
  deleteMemoized (...args: [] | KeyParameters<F> | (unknown extends ThisParameterType<F> ? never : [instance: ThisParameterType<F>])): Promise<void>
}

/** A drop-in for `F` whose results are kept. */
export type Memoized<F extends Callable> = Promised<F> & MemoizedMembers<F>

/** The function side of a cache. */
export interface Functions {
  /** The value under `key`, or what `make` brings, stored. One run at a time. */
  getOrSet<T> (key: string, make: () => T, options?: number | GetOrSetOptions<Awaited<T>> | null): Promise<Awaited<T>>
  /** A function with one entry, whatever its arguments. */
  cached<F extends Callable> (fn: F, options: CachedOptions<F>): Promised<F>
  /** A function with an entry for every list of arguments. */
  memoize<F extends Callable> (fn: F, options?: number | MemoizeOptions<F> | null): Memoized<F>
  /** Without arguments every result of a memoized function, at once; with them that one. */
  deleteMemoized (fn: Callable, ...args: readonly unknown[]): Promise<void>
  /** Every result of a memoized function, at once. */
  deleteMemoizedVerhash (fn: Callable): Promise<void>
  /** A piece of a page. `varyOn`: what it depends on. */
  fragment (name: string, varyOn: readonly unknown[] | null | undefined, timeout: number | null | undefined, render: () => Awaitable<unknown>): Promise<string>
}
