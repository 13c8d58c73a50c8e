import { endOfLife } from '../../lib/entry.ts'
import type { Entry } from '../../lib/entry.ts'
import type { Awaitable } from '../../lib/stores/store.ts'
import type { Draft, Found, Stamp, Versioned } from '../../lib/versions/versioned.ts'

/** What several processes share. */
export class FakeBackend {
  readonly entries = new Map<string, Entry>()
  readonly marks = new Map<string, string>()
  readonly softened = new Map<string, number>()
  /** Set: every operation fails with it. */
  down: Error | undefined
  made = 0
}

type Operation = 'lookup' | 'begin' | 'write' | 'purge' | 'soften' | 'remove'

/**
 * A `Versioned` of one process over a backend. At once (as in memory, by numbers), or with promises (as far away, by
 * marks), where a test can hold single operations back.
 */
export class FakeVersioned implements Versioned {
  readonly immediate: boolean
  readonly group = (): string => ''
  readonly distrust = (): void => {}
  readonly calls: Operation[] = []
  readonly #backend: FakeBackend
  readonly #now: () => number
  readonly #purged = new Map<string, number>()
  readonly #held = new Map<Operation, Promise<void>>()
  #sequence = 0

  constructor (immediate: boolean, backend = new FakeBackend(), now: () => number = Date.now) {
    this.immediate = immediate
    this.#backend = backend
    this.#now = now
  }

  /** From now on the operation waits for the release. */
  hold (operation: Operation): () => void {
    let release = (): void => {}
    this.#held.set(operation, new Promise((resolve) => { release = resolve }))
    return () => { this.#held.delete(operation); release() }
  }

  count (operation: Operation): number {
    return this.calls.filter((call) => call === operation).length
  }

  lookup (key: string, names: readonly string[]): Awaitable<Found> {
    return this.#does('lookup', () => {
      const entry = this.#backend.entries.get(key)
      const live = entry !== undefined && this.#now() < endOfLife(entry) && this.#holds(key, entry) ? entry : undefined
      const softened = Math.min(Infinity, ...(live?.names ?? []).map((name) => {
        const at = this.#backend.softened.get(name) ?? Infinity
        return live !== undefined && at >= live.created ? at : Infinity
      }))
      return { key, entry: live, softened, names, marks: this.immediate ? [] : names.map((name) => this.#backend.marks.get(name)), sequence: this.#sequence }
    })
  }

  begin (found: Found, _life: number): Awaitable<Stamp> {
    return this.#does('begin', () => ({
      names: found.names,
      marks: this.immediate ? [] : found.names.map((name, i) => found.marks[i] ?? this.#mark(name)),
      sequence: found.sequence,
      fence: { touched: false, fills: 0 }
    }))
  }

  outdated (key: string, stamp: Stamp): boolean {
    return [`key ${key}`, ...stamp.names].some((name) => (this.#purged.get(name) ?? 0) > stamp.sequence)
  }

  write (key: string, draft: Draft, stamp: Stamp): Awaitable<boolean> {
    return this.#does('write', () => {
      if (this.outdated(key, stamp)) return false
      const marks = this.immediate ? [] : draft.names.map((name) => stamp.marks[stamp.names.indexOf(name)] ?? this.#mark(name))
      this.#backend.entries.set(key, { ...draft, marks, sequence: stamp.sequence })
      return true
    })
  }

  purge (names: readonly string[]): Awaitable<void> {
    return this.#does('purge', () => {
      for (const name of names) {
        this.#note(name)
        this.#backend.marks.delete(name)
      }
    })
  }

  soften (names: readonly string[]): Awaitable<void> {
    return this.#does('soften', () => { for (const name of names) this.#backend.softened.set(name, this.#now()) })
  }

  remove (key: string): Awaitable<boolean> {
    return this.#does('remove', () => {
      this.#note(`key ${key}`)
      return this.#backend.entries.delete(key)
    })
  }

  sequence (): number { return this.#sequence }

  lookupMany (keys: readonly string[]): Awaitable<Found[]> {
    return Promise.all(keys.map((key) => this.lookup(key, [])))
  }

  put (key: string, draft: Draft): Awaitable<boolean> {
    this.#note(`key ${key}`)
    this.#backend.entries.set(key, { ...draft, marks: [], sequence: this.#sequence })
    return true
  }

  add (key: string, draft: Draft): Awaitable<boolean> {
    return !this.#backend.entries.has(key) && this.put(key, draft)
  }

  distrustKeys (): void {}

  touchKey (key: string): void { this.#note(`key ${key}`) }

  touchKeys (prefix: string): void {
    for (const key of this.#backend.entries.keys()) if (key.startsWith(prefix)) this.touchKey(key)
  }

  anyDependent (names: readonly string[]): Awaitable<boolean> {
    return [...this.#backend.entries.values()].some((entry) => entry.names.some((name) => names.includes(name)))
  }

  clear (prefix: string): Awaitable<boolean> {
    for (const key of [...this.#backend.entries.keys()]) if (key.startsWith(prefix)) this.#backend.entries.delete(key)
    return true
  }

  close (): void {}

  /** What `cache.set` does: it wins over a fill of the key that began earlier. */
  putValue (key: string, payload: Entry['payload']): void {
    this.#note(`key ${key}`)
    this.#backend.entries.set(key, { kind: 'value', payload, created: this.#now(), freshUntil: Infinity, staleIfError: 0, staleWhileRevalidate: 0, names: [], marks: [], sequence: this.#sequence })
  }

  #note (name: string): void {
    this.#purged.set(name, ++this.#sequence)
  }

  #mark (name: string): string {
    const known = this.#backend.marks.get(name)
    if (known !== undefined) return known
    const mark = `mark ${++this.#backend.made}`
    this.#backend.marks.set(name, mark)
    return mark
  }

  #holds (_key: string, entry: Entry): boolean {
    if (this.immediate) return !entry.names.some((name) => (this.#purged.get(name) ?? 0) > entry.sequence)
    return entry.names.every((name, i) => entry.marks[i] === this.#backend.marks.get(name))
  }

  #does<T> (operation: Operation, job: () => T): Awaitable<T> {
    this.calls.push(operation)
    if (this.immediate) {
      if (this.#backend.down !== undefined) throw this.#backend.down
      return job()
    }
    return this.#later(operation, job)
  }

  async #later<T> (operation: Operation, job: () => T): Promise<T> {
    await this.#held.get(operation)
    await new Promise((resolve) => setImmediate(resolve))
    if (this.#backend.down !== undefined) throw this.#backend.down
    const result = job()
    await new Promise((resolve) => setImmediate(resolve))
    return result
  }
}
