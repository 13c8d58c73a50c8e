import { emit } from '../events.ts'
import type { Inspection } from '../inspection.ts'

export interface PurgeOrder {
  readonly by: 'url' | 'key' | 'tag'
  readonly value: string
  /** Stands before a URL that is only a path. */
  readonly origin: string
}

/** `removed`: was something there? `undefined` where nobody knows. */
export async function purge (cache: Inspection, { by, value, origin }: PurgeOrder): Promise<{ removed?: boolean }> {
  if (by === 'tag') {
    await cache.cache.invalidateTags(value)
    return {}
  }
  if (by === 'key') return { removed: await purgeKey(cache, value) }
  const { host, pathname, search } = new URL(value, origin)
  return { removed: await cache.cache.deleteCached(pathname, { host, query: search }) }
}

/** A key as the events tell it, or that of a single value. */
async function purgeKey ({ backend, cache, engine }: Inspection, key: string): Promise<boolean> {
  if (!key.startsWith(backend.base)) return await cache.delete(key)
  const removed = await backend.versioned.remove(key)
  emit('invalidate', engine.name, 'route', key, undefined, 'inspector')
  return removed
}
