import { deleteCached, type DeleteCachedOptions } from './http/delete-cached.ts'
import type { Engine } from './http/engine.ts'
import type { CachedRoute } from './http/route.ts'
import { emit } from './events.ts'
import type { CacheStats } from './stats.ts'
import type { Backend } from './backend.ts'
import type { Functions } from '../types/functions.ts'
import { tagsOf, type SetOptions, type Values } from './values.ts'
import type { Cache } from '../types/cache.ts'

/** What `fastify.cache` is put together from. */
export interface CacheParts {
  readonly engine: Engine
  readonly backend: Backend
  readonly values: Values
  readonly functions: Functions
  readonly routes: readonly CachedRoute[]
}

/** `fastify.cache`: delegates to the parts, and settles what a failed deletion means. */
export function createCache ({ engine, backend, values, functions, routes }: CacheParts): Cache {
  const { versioned, settings, counters } = engine

  /** A lost deletion is wrong data: it rejects, unless `CACHE_IGNORE_ERRORS`; either way it is retried behind. */
  async function removal<T> (work: () => Promise<T> | T, otherwise: T): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (!isBackendFault(error)) throw error
      counters.errors++
      emit('error', engine.name, 'value', '', undefined, error instanceof Error ? error.message : String(error))
      if (settings.ignoreErrors) return otherwise
      throw error
    }
  }

  async function deleteMany (keys: readonly string[]): Promise<string[]> {
    const results = await Promise.allSettled(keys.map(async (key) => await values.delete(key)))
    const deleted = keys.filter((_key, i) => { const one = results[i]!; return one.status === 'fulfilled' && one.value })
    const fault = results.find((one) => one.status === 'rejected')
    if (fault === undefined) return deleted
    return await removal(() => { throw Object.assign(fault.reason as Error, { deleted }) }, deleted)
  }

  const cache: Cache = {
    get: (async (key: string) => await values.get(key)) as Cache['get'],
    getMany: (async (keys: readonly string[]) => await values.getMany(keys)) as Cache['getMany'],
    async getDict (keys) {
      const found = await values.getMany(keys)
      const dict = Object.create(null) as Record<string, never>
      keys.forEach((key, i) => { dict[key] = found[i] as never })
      return dict
    },
    has: async (key) => await values.has(key),
    set: async (key, value, options) => await values.set(key, value, options),
    async setMany (entries, options) {
      const pairs = entries instanceof Map ? [...entries] : Object.entries(entries)
      const stored = await Promise.all(pairs.map(async ([key, value]) => await values.set(key, value, options as SetOptions)))
      return pairs.filter((_pair, i) => stored[i]).map(([key]) => key)
    },
    add: async (key, value, options) => await values.add(key, value, options),
    delete: async (key) => await removal(() => values.delete(key), false),
    deleteMany,
    unlink: async (...keys) => await deleteMany(keys),
    deleteByPrefix: async (prefix) => await removal(() => values.deleteByPrefix(prefix), 0),
    inc: async (key, delta = 1, options) => await values.increment(key, delta, options?.timeout),
    dec: async (key, delta = 1, options) => await values.increment(key, -delta, options?.timeout),
    async clear () {
      if (engine.none) return true
      engine.uncacheable.clear()
      const cleared = await removal(async () => await versioned.clear(backend.base), false)
      emit('invalidate', engine.name, 'value', '', undefined, 'clear')
      return cleared
    },
    async invalidateTags (...tags) {
      const names = tagsOf(tags)
      if (engine.none) return
      engine.uncacheable.clear()
      await removal(async () => await versioned.purge(names), undefined)
      for (const tag of tags) emit('invalidate', engine.name, 'value', tag, undefined, 'tag')
    },
    async expireTags (...tags) {
      const names = tagsOf(tags)
      if (engine.none) return
      engine.uncacheable.clear()
      await removal(async () => await versioned.soften(names), undefined)
      for (const tag of tags) emit('invalidate', engine.name, 'value', tag, undefined, 'tag')
    },
    deleteCached: async (path, options) => await removal(async () => await deleteCached(engine, routes, path, options as DeleteCachedOptions), false),
    ...functions,
    stats: (): CacheStats => counters.snapshot(backend.size?.()),
    get store () { return backend.store }
  }
  return Object.freeze(cache)
}

/** The backend's own failures, as against what the caller did wrong. */
function isBackendFault (error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code !== 'string' || !code.startsWith('FST_CACHE_ERR_') || code.startsWith('FST_CACHE_ERR_BACKEND')
}
