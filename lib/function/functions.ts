import { errors } from '../errors.ts'
import type { Flights } from '../single-flight.ts'
import type { Awaitable } from '../stores/store.ts'
import type { Versioned } from '../versions/versioned.ts'
import type { Callable, Functions, Memoized } from '../../types/functions.ts'
import { cached, getOrSet } from './cached.ts'
import type { CachedContext } from './cached.ts'
import { complaints } from './complaints.ts'
import type { FunctionLog } from './complaints.ts'
import type { Engine, FunctionEvents, Locks, Packer, Shared } from './engine.ts'
import { makeTemplateFragmentKey, rendered } from './fragment.ts'
import { PendingLooks } from './look.ts'
import { memoize } from './memoize.ts'
import type { MemoizeContext, MemoizedFunction } from './memoize.ts'
import { tagName as defaultTagName } from './names.ts'
import { Refreshes } from './refreshes.ts'
import { FunctionNames } from './registry.ts'
import { systemTimers, within } from './waiting.ts'
import type { Timers } from './waiting.ts'

export interface FunctionDeps {
  readonly versioned: Versioned
  /** For functions alone; settled by `close`. */
  readonly flights: Flights<Shared>
  readonly packer: Packer
  readonly locks: Locks
  readonly events: FunctionEvents & {
    /** A purge that held. `key`: the entry's, or the function's name. */
    invalidate (kind: 'memoize', key: string): void
  }
  readonly log: FunctionLog
  /** Of this cache, in front of every key. */
  readonly prefix: string
  /** The name whose version everything in this cache depends on. */
  readonly cacheName: (name: string) => string
  /** Seconds; 0 = never expires. */
  readonly defaultTimeout: number
  readonly hashMethod: string
  readonly sourceCheck: boolean
  /** Every call runs: nothing is coalesced, stored or purged. */
  readonly nullCache: boolean
  /** `CACHE_IGNORE_ERRORS`: a purge that fails is logged and resolves. Who makes `versioned` tries it again. */
  readonly ignoreErrors?: boolean
  readonly now?: () => number
  readonly random?: () => number
  readonly timers?: Timers
  /** The backend's key of a value. */
  readonly valueKey?: (key: string) => string
  /** The name of a tag's version. */
  readonly tagName?: (tag: string) => string
  /** Background runs at a time; past it nothing is refreshed in the background. Default 100. */
  readonly mostRefreshes?: number
  /** ms after which a run is not joined any more, and a background run given up. Default 60,000. */
  readonly longestRun?: number
  /** ms that `close` waits for runs. Default 1,000. */
  readonly drain?: number
}

/** The function side of a cache, and its end. */
export interface FunctionSide extends Functions {
  /** Waits for the runs under way, for a bounded time, and starts no background run any more. */
  close (): Promise<void>
}

export function createFunctions (deps: FunctionDeps): FunctionSide {
  let closing = false
  const engine = createEngine(deps, () => closing)
  const { cacheName, defaultTimeout, hashMethod, prefix, sourceCheck } = deps
  const shared = { engine, off: deps.nullCache, cacheName, defaultTimeout, tagName: deps.tagName ?? defaultTagName }
  const values: CachedContext = { ...shared, valueKey: deps.valueKey ?? ((key) => [prefix, 'v:', key].join('')) }
  const names = new FunctionNames((message) => deps.log.warn(message))
  const purging = async (job: () => Awaitable<unknown>, key: string): Promise<void> => {
    try {
      await job()
    } catch (error) {
      deps.events.error(error, 'memoize', key)
      if (deps.ignoreErrors !== true) throw error
      engine.complain(`deleteMemoized(${key})`, 'the backend failed', error)
      return
    }
    deps.events.invalidate('memoize', key)
  }
  const functions: MemoizeContext = {
    ...shared,
    space: `${prefix}f:`,
    hashMethod,
    sourceCheck,
    claim: (name, fn, chosen) => names.claim(name, fn, chosen),
    purge: (purged, key) => purging(() => deps.versioned.purge(purged), key),
    remove: (key) => purging(() => deps.versioned.remove(key), key)
  }
  const records = new WeakMap<object, Map<string, MemoizedFunction>>()
  const recordsOf = (fn: unknown): Iterable<MemoizedFunction> => {
    const found = typeof fn === 'function' ? records.get(fn) : undefined
    if (found !== undefined) return found.values()
    const got = typeof fn === 'function' ? `'${fn.name}', which it has not` : typeof fn
    throw new errors.FST_CACHE_ERR_FUNCTION(`deleteMemoized takes a function that this cache has memoized; got ${got}`)
  }

  return {
    getOrSet: (key, make, options) => getOrSet(values, key, make, options) as never,
    cached: (fn, options) => cached(values, fn, options),
    memoize: <F extends Callable>(fn: F, options: unknown): Memoized<F> => {
      const { memoized, record } = memoize(functions, fn, options)
      records.set(memoized, new Map([[record.start, record]]))
      records.set(fn, new Map([...records.get(fn) ?? [], [record.start, record]]))
      return memoized
    },
    async deleteMemoized (fn, ...args) {
      for (const record of recordsOf(fn)) await record.forget(undefined, args)
    },
    async deleteMemoizedVerhash (fn) {
      for (const record of recordsOf(fn)) await record.forgetAll()
    },
    async fragment (name, varyOn, timeout, render) {
      const key = makeTemplateFragmentKey(name, varyOn)
      return await getOrSet(values, key, async () => rendered(await render()), timeout) as string
    },
    async close () {
      closing = true
      await within(engine.timers, Promise.allSettled(engine.running), deps.drain ?? 1_000)
      deps.flights.settleAll()
    }
  }
}

function createEngine (deps: FunctionDeps, closing: () => boolean): Engine {
  const now = deps.now ?? Date.now
  const timers = deps.timers ?? systemTimers
  const longestRun = deps.longestRun ?? 60_000
  let ticks = 0
  return {
    versioned: deps.versioned,
    flights: deps.flights,
    packer: deps.packer,
    locks: deps.locks,
    events: deps.events,
    timers,
    refreshes: new Refreshes({ timers, now, most: deps.mostRefreshes ?? 100, bound: longestRun }),
    looks: new PendingLooks(),
    running: new Set(),
    stack: { depth: 0 },
    longestRun,
    now,
    random: deps.random ?? Math.random,
    complain: complaints(deps.log, now),
    tick: () => ++ticks,
    closing
  }
}
