import type { Store } from './store.ts'

/** Keeps nothing: every read is a miss, every write is refused, every count starts from 0. */
export function nullStore<V = Buffer> (): Store<V> {
  return {
    get: () => undefined,
    set: () => false,
    add: () => false,
    delete: () => false,
    increment: (_key, delta) => delta,
    clear: () => true,
    getMany: (keys) => keys.map(() => undefined),
    setMany: (entries) => entries.map(() => false),
    deleteMany: (keys) => keys.map(() => false),
    has: () => false,
    deleteByPrefix: () => 0,
    deleteIf: () => false,
    replaceIf: () => false,
    touch: () => false
  }
}
