import { deserialize, serialize } from 'node:v8'

import { createFunctions } from '../../lib/function/functions.ts'
import type { FunctionDeps, FunctionSide } from '../../lib/function/functions.ts'
import type { Packed } from '../../lib/entry.ts'
import type { Locks, Packer, Shared } from '../../lib/function/engine.ts'
import type { Timers } from '../../lib/function/waiting.ts'
import { Flights } from '../../lib/single-flight.ts'
import { FakeBackend, FakeVersioned } from './fake-versioned.ts'

/** A clock that a test moves, with the timers that hang on it. */
export class FakeTime implements Timers {
  now = 1_000_000
  readonly #timers = new Map<number, { at: number, job: () => void }>()
  #last = 0

  start (job: () => void, ms: number): unknown {
    this.#timers.set(++this.#last, { at: this.now + ms, job })
    return this.#last
  }

  stop (timer: unknown): void {
    this.#timers.delete(timer as number)
  }

  get pending (): number { return this.#timers.size }

  /** Lets time pass, and everything happen that was due. */
  async pass (ms: number): Promise<void> {
    const end = this.now + ms
    await settled()
    for (;;) {
      const [next] = [...this.#timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)
      if (next === undefined) break
      this.now = Math.max(this.now, next[1].at)
      this.#timers.delete(next[0])
      next[1].job()
      await settled()
    }
    this.now = end
    await settled()
  }
}

/** Everything that is on its way without a timer has arrived. */
export async function settled (): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve))
}

export const packer: Packer = {
  pack (value) {
    if (typeof value === 'object' && value !== null) return serialize(value)
    if (typeof value === 'function' || typeof value === 'symbol' || value === undefined) throw new TypeError(`cannot keep a ${typeof value}`)
    return value as Packed
  },
  unpack (packed) {
    return packed instanceof Uint8Array ? deserialize(packed) : packed
  }
}

export class FakeLocks implements Locks {
  readonly held = new Map<string, { token: string, until: number }>()
  down = false
  #now: () => number
  #made = 0

  constructor (now: () => number) { this.#now = now }

  async acquire (key: string, life: number): Promise<string | undefined> {
    if (this.down) throw new Error('no locks')
    const holder = this.held.get(key)
    if (holder !== undefined && this.#now() < holder.until) return undefined
    const token = `token ${++this.#made}`
    this.held.set(key, { token, until: this.#now() + life })
    return token
  }

  async release (key: string, token: string): Promise<void> {
    if (this.held.get(key)?.token === token) this.held.delete(key)
  }
}

export type Counts = Record<'hit' | 'stale' | 'miss' | 'bypass' | 'store' | 'coalesced' | 'refresh' | 'lockWait' | 'error' | 'invalidate', number>

export interface Bench {
  readonly cache: FunctionSide
  readonly backend: FakeBackend
  readonly versioned: FakeVersioned
  readonly flights: Flights<Shared>
  readonly time: FakeTime
  readonly locks: FakeLocks
  readonly counts: Counts
  readonly logged: string[]
  /** Another process on the same backend, at the same time. */
  other (): Bench
}

export function bench (immediate: boolean, overrides: Partial<FunctionDeps> = {}, world?: Pick<Bench, 'backend' | 'time' | 'locks'>): Bench {
  const time = world?.time ?? new FakeTime()
  const backend = world?.backend ?? new FakeBackend()
  const locks = world?.locks ?? new FakeLocks(() => time.now)
  const versioned = new FakeVersioned(immediate, backend, () => time.now)
  const flights = new Flights<Shared>()
  const logged: string[] = []
  const counts: Counts = { hit: 0, stale: 0, miss: 0, bypass: 0, store: 0, coalesced: 0, refresh: 0, lockWait: 0, error: 0, invalidate: 0 }
  const count = (name: keyof Counts) => () => { counts[name]++ }
  const cache = createFunctions({
    versioned,
    flights,
    packer,
    locks,
    events: {
      hit: count('hit'),
      stale: count('stale'),
      miss: count('miss'),
      bypass: count('bypass'),
      store: count('store'),
      coalesced: count('coalesced'),
      refresh: count('refresh'),
      lockWait: count('lockWait'),
      error: count('error'),
      invalidate: count('invalidate')
    },
    log: { warn: (...args: [string] | [object, string]) => { logged.push(args.length === 1 ? args[0] : args[1]) } },
    prefix: 'p_',
    cacheName: () => 'c:',
    defaultTimeout: 300,
    hashMethod: 'sha256',
    sourceCheck: false,
    nullCache: false,
    now: () => time.now,
    random: () => 0.5,
    timers: time,
    ...overrides
  })
  const self: Bench = { cache, backend, versioned, flights, time, locks, counts, logged, other: () => bench(immediate, overrides, self) }
  return self
}

/** A run that a test ends when it likes. */
export function gate<T> (): { promise: Promise<T>, open: (value: T) => void, fail: (error: unknown) => void } {
  let open!: (value: T) => void
  let fail!: (error: unknown) => void
  const promise = new Promise<T>((resolve, reject) => { open = resolve; fail = reject })
  return { promise, open, fail }
}
