import { deleteCached, type DeleteCachedOptions } from './http/delete-cached.ts'
import { errors } from './errors.ts'
import { inBatches } from './in-batches.ts'
import type { Engine } from './http/engine.ts'
import type { CachedRoute } from './http/route.ts'
import { emit, emitError, type CacheEvent } from './events.ts'
import type { CacheStats } from './stats.ts'
import type { Backend } from './backend.ts'
import type { FunctionSide } from './function/functions.ts'
import { keyOf, tagsOf, timeoutOf, type Values } from './values.ts'
import type { Cache } from '../types/cache.ts'

/** What `fastify.cache` is put together from. */
export interface CacheParts {
  readonly engine: Engine
  readonly backend: Backend
  readonly values: Values
  readonly functions: FunctionSide
  readonly routes: readonly CachedRoute[]
}

/** `fastify.cache`: delegates to the parts, and settles what a failed deletion means. */
export function createCache ({ engine, backend, values, functions, routes }: CacheParts): Cache {
  const { versioned, settings, counters } = engine

  /** Counts and publishes what failed. Faults of the caller are none of the backend's. */
  async function watched<T> (work: () => Promise<T> | T, key: string, kind: CacheEvent['kind'] = 'value'): Promise<T> {
    try {
      return await work()
    } catch (error) {
      if (isBackendFault(error)) {
        counters.errors++
        emitError(engine.name, kind, key, error)
      }
      throw error
    }
  }

  /** A lost deletion is wrong data: it rejects, unless `CACHE_IGNORE_ERRORS`; either way it is retried behind. */
  async function removal<T> (work: () => Promise<T> | T, otherwise: T, key: string, kind?: CacheEvent['kind']): Promise<T> {
    try {
      return await watched(work, key, kind)
    } catch (error) {
      if (settings.ignoreErrors && isBackendFault(error)) return otherwise
      throw error
    }
  }

  async function deleteMany (keys: readonly string[]): Promise<string[]> {
    checkKeys(keys)
    for (const key of keys) keyOf(key)
    const results = await inBatches(keys, async (key) => await watched(() => values.delete(key), key))
    const deleted = keys.filter((_key, i) => { const one = results[i]!; return one.status === 'fulfilled' && one.value })
    const fault = results.find((one) => one.status === 'rejected')
    if (fault === undefined || (settings.ignoreErrors && isBackendFault(fault.reason))) return deleted
    throw Object.assign(fault.reason as Error, { deleted })
  }

  function invalidated (reason: string, keys: readonly string[]): void {
    for (const key of keys) emit('invalidate', engine.name, 'value', key, undefined, reason)
  }

  const { close: _close, ...publicPart } = functions
  const cache: Cache = {
    get: ((key: string) => {
      try {
        // Not an async function: what that waits for is at hand in memory, and the waiting took 30 to 80 ns of a hit of 450.
        return Promise.resolve(values.get(key))
      } catch (error) {
        return Promise.reject(error)
      }
    }) as Cache['get'],
    getMany: (async (keys: readonly string[]) => await values.getMany(checkKeys(keys))) as Cache['getMany'],
    async getDict (keys) {
      checkKeys(keys)
      const found = await values.getMany(keys)
      const dict = Object.create(null) as Record<string, never>
      keys.forEach((key, i) => { dict[key] = found[i] as never })
      return dict
    },
    has: async (key) => await values.has(key),
    set: async (key, value, options) => await values.set(key, value, options),
    async setMany (entries, options) {
      const pairs = pairsOf(entries)
      const results = await inBatches(pairs, async ([key, value]) => await values.set(key, value, options))
      const fault = results.find((one) => one.status === 'rejected')
      if (fault !== undefined) throw fault.reason
      return pairs.filter((_pair, i) => (results[i] as PromiseFulfilledResult<boolean>).value).map(([key]) => key)
    },
    add: async (key, value, options) => await watched(() => values.add(key, value, options), key),
    delete: async (key) => await removal(() => values.delete(key), false, key),
    deleteMany,
    unlink: async (...keys) => await deleteMany(keys),
    deleteByPrefix: async (prefix) => await removal(() => values.deleteByPrefix(prefix), 0, String(prefix)),
    inc: async (key, delta = 1, options) => await watched(() => values.increment(key, delta, timeoutOf(options)), key),
    dec: async (key, delta = 1, options) => await watched(() => values.increment(key, typeof delta === 'number' ? -delta : delta, timeoutOf(options)), key),
    async clear () {
      if (engine.none) return true
      engine.uncacheable.clear()
      return await removal(async () => {
        const cleared = await versioned.clear(backend.base)
        invalidated('clear', [''])
        return cleared
      }, false, '')
    },
    async invalidateTags (...tags) {
      const names = tagsOf(tags)
      if (engine.none) return
      engine.uncacheable.clear()
      await removal(async () => {
        await versioned.purge(names)
        invalidated('tag', tags)
      }, undefined, tags.join())
    },
    async expireTags (...tags) {
      const names = tagsOf(tags)
      if (engine.none) return
      engine.uncacheable.clear()
      await removal(async () => {
        await versioned.soften(names)
        invalidated('tag', tags)
      }, undefined, tags.join())
    },
    deleteCached: async (path, options) => await removal(async () => await deleteCached(engine, routes, path, options as DeleteCachedOptions), false, String(path), 'route'),
    ...publicPart,
    stats: (): CacheStats => counters.snapshot(backend.size?.()),
    get store () { return backend.store }
  }
  return Object.freeze(cache)
}

function checkKeys (keys: unknown): readonly string[] {
  if (Array.isArray(keys)) return keys as string[]
  throw new errors.FST_CACHE_ERR_ARGUMENT(`keys must be a list of keys; got ${keys === null ? 'null' : typeof keys}`)
}

function pairsOf (entries: unknown): Array<[string, unknown]> {
  if (entries instanceof Map) return [...entries as Map<string, unknown>]
  if (typeof entries === 'object' && entries !== null && !Array.isArray(entries) && !(Symbol.iterator in entries)) return Object.entries(entries)
  throw new errors.FST_CACHE_ERR_ARGUMENT('setMany takes an object or a Map of keys and values')
}

/** The backend's own failures, as against what the caller did wrong. */
function isBackendFault (error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code !== 'string' || !code.startsWith('FST_CACHE_ERR_') || code.startsWith('FST_CACHE_ERR_BACKEND') || code === 'FST_CACHE_ERR_DIRECTORY'
}
