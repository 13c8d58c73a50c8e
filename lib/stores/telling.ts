import type { GuardedStore } from './guarded.ts'
import type { Awaitable } from './store.ts'

/** What to do about copies of what changes. */
export interface Dropping {
  drop (key: string): void
  dropPrefix (prefix: string): void
}

type Method = (...args: never[]) => Awaitable<unknown>

/** By which argument each method says what it changes. */
const BY_KEY = ['set', 'add', 'delete', 'increment', 'deleteIf', 'replaceIf'] as const
const BY_PREFIX = ['clear', 'deleteByPrefix'] as const

/** The same store; copies of what is changed through it go before and once more after, since a read may come in between. */
export function telling (store: GuardedStore, copies: Dropping): GuardedStore {
  const told: Record<string, Method> = {}

  function wrap (name: keyof GuardedStore, drop: (first: never) => void): void {
    const method = store[name] as Method | undefined
    if (method === undefined) return
    told[name] = async (...args: never[]) => {
      drop(args[0] as never)
      try {
        return await method(...args)
      } finally {
        drop(args[0] as never)
      }
    }
  }

  for (const name of BY_KEY) wrap(name, (key: string) => { copies.drop(key) })
  for (const name of BY_PREFIX) wrap(name, (prefix: string) => { copies.dropPrefix(prefix) })
  wrap('setMany', (entries: ReadonlyArray<readonly [string, unknown]>) => { for (const [key] of entries) copies.drop(key) })
  wrap('deleteMany', (keys: readonly string[]) => { for (const key of keys) copies.drop(key) })
  // Not a spread: `up` is read when it is asked for
  return Object.assign(Object.create(store) as GuardedStore, told)
}
