import { errors } from './errors.ts'
import type { Entry, Packed } from './entry.ts'
import { entrySize } from './entry-size.ts'
import type { Health } from './health.ts'
import type { Log } from './notes.ts'
import type { CacheOptions, StoreFactory } from '../types/options.ts'
import type { PluginSettings } from './options/settings.ts'
import { localTier } from './local-tier.ts'
import { storeLocks, type Locks } from './locks.ts'
import { guarded, type GuardHints } from './stores/guarded.ts'
import { nullStore } from './stores/null.ts'
import { isCount } from './stores/count.ts'
import { simpleStore } from './stores/simple.ts'
import { isGathering, type Store } from './stores/store.ts'
import { Held } from './versions/held.ts'
import { memoryVersions } from './versions/memory.ts'
import { remoteVersions } from './versions/remote.ts'
import type { Versioned } from './versions/versioned.ts'

/** A backend with its versions: what the rest works with, whatever `CACHE_TYPE` says. */
export interface Backend {
  readonly store: Store<never>
  readonly versioned: Versioned
  readonly locks: Locks | undefined
  /** Before every key of this cache; no other cache's begins so. */
  readonly base: string
  /** Entries and bytes, where the backend knows. */
  readonly size: (() => { entries: number, bytes: number }) | undefined
  close (): Promise<void>
}

export interface BackendContext {
  readonly settings: PluginSettings
  readonly base: string
  readonly log: Log
  /** Id of the serializer, written into every frame. */
  readonly serializer: string
  now (): number
  /** Told how the backend is. */
  readonly health: Health
}

/** Opens the backend that the options name. Rejects when it can never work: refused credentials, an unusable folder. */
export async function openBackend (context: BackendContext): Promise<Backend> {
  const { settings } = context
  if (settings.type === 'NullCache') return inMemory(context, Object.assign(nullStore<Held>(), { values: () => [] }))
  if (settings.type === 'SimpleCache') return simple(context)
  return remote(context, await openRemote(context))
}

function simple (context: BackendContext): Backend {
  const { settings, now } = context
  const store = simpleStore<Held>({
    threshold: settings.threshold,
    maxBytes: settings.maxBytes,
    now,
    sizeOf: entrySize,
    nodeOf: Held.at,
    count: {
      read: (entry) => entry.kind === 'value' && entry.names.length === 0 && isCount(entry.payload) ? entry.payload : undefined,
      make: (count) => new Held(countEntry(count, now()), 0)
    }
  })
  return { ...inMemory(context, store), size: () => ({ entries: store.entries, bytes: store.bytes }) }
}

/** A counter's lifetime is the store's alone, as it is on every backend that counts by itself. */
function countEntry (count: number, created: number): Entry<Packed> {
  return { kind: 'value', payload: count, created, freshUntil: Infinity, staleWhileRevalidate: 0, staleIfError: 0, names: [], marks: [], sequence: 0 }
}

function inMemory ({ base, now }: BackendContext, store: Parameters<typeof memoryVersions>[0]): Backend {
  return {
    store: store as unknown as Store<never>,
    versioned: memoryVersions(store, now),
    // One process has nobody to wait for: its flights are enough.
    locks: undefined,
    base,
    size: undefined,
    async close () { await store.close?.() }
  }
}

function remote (context: BackendContext, inner: Store<Buffer> & GuardHints): Backend {
  const { settings, base, log, now, serializer, health } = context
  const store = guarded(inner, { name: settings.type, timeout: settings.operationTimeout * 1000, log, onLatency: (ms) => health.answered(ms), onOutage: (state) => health.outage(state) })
  const marks = base + 'm:'
  const far = remoteVersions({ store, base, prefix: marks, serializer, spread: inner.spread === true, gathers: isGathering(inner), timeout: settings.operationTimeout * 1000, now })
  const near = settings.local === undefined ? { store, versioned: far } : localTier(settings.local, { inner, store, versioned: far, base, marks, now })
  return {
    store: near.store as unknown as Store<never>,
    versioned: near.versioned,
    locks: storeLocks(store, base + 'l:'),
    base,
    size: undefined,
    async close () {
      near.versioned.close()
      await store.close()
    }
  }
}

/** `CACHE_OPTIONS: { mode: 0o640 }`: the permissions of the files. */
function fileMode ({ clientOptions }: PluginSettings): { mode?: number } {
  const { mode } = clientOptions
  if (mode === undefined) return {}
  if (typeof mode === 'number' && Number.isInteger(mode) && mode >= 0 && mode <= 0o777) return { mode }
  throw new errors.FST_CACHE_ERR_OPTIONS(`CACHE_OPTIONS.mode must be the permission bits of a file, 0 to 0o777; got ${typeof mode === 'number' ? mode : typeof mode}`)
}

async function made (factory: StoreFactory, options: Readonly<CacheOptions>): Promise<Store> {
  try {
    return await factory(options)
  } catch (error) {
    if (String((error as { code?: unknown } | null)?.code).startsWith('FST_CACHE_ERR_')) throw error
    throw Object.assign(new errors.FST_CACHE_ERR_BACKEND_REFUSED(`the function given as CACHE_TYPE made no store: ${error instanceof Error ? error.message : String(error)}`), { cause: error })
  }
}

/** Client libraries are loaded only when a type that needs them is chosen. */
async function openRemote (context: BackendContext): Promise<Store<Buffer> & GuardHints> {
  const { settings, log, now, base } = context
  const operationTimeout = settings.operationTimeout * 1000
  switch (settings.type) {
    case 'FileSystemCache': {
      const { fileSystemStore } = await import('./stores/file-system.ts')
      return await fileSystemStore({ dir: settings.dir!, threshold: settings.threshold, hash: settings.fileHashMethod, now, log, ...fileMode(settings) })
    }
    case 'RedisCache':
    case 'RedisSentinelCache':
    case 'RedisClusterCache': {
      const { redisStore } = await import('./stores/redis.ts')
      const kind = settings.type === 'RedisCache' ? 'plain' : settings.type === 'RedisSentinelCache' ? 'sentinel' : 'cluster'
      return await redisStore({ kind, ...settings.redis, options: settings.clientOptions, operationTimeout, prefix: base, log })
    }
    case 'MemcachedCache':
    case 'SASLMemcachedCache':
    case 'SpreadSASLMemcachedCache': {
      const { memcachedStore } = await import('./stores/memcached/index.ts')
      const kind = settings.type === 'MemcachedCache' ? 'plain' : settings.type === 'SASLMemcachedCache' ? 'sasl' : 'spread'
      return await memcachedStore({ kind, ...settings.memcached, options: settings.clientOptions, operationTimeout, prefix: base, log, now })
    }
    default: {
      const { customStore } = await import('./stores/custom.ts')
      const given = typeof settings.custom === 'function' ? await made(settings.custom, settings.options) : settings.custom
      if (typeof given !== 'object' || given === null) throw new errors.FST_CACHE_ERR_OPTIONS(`CACHE_TYPE: the function must give a Store; got ${given === null ? 'null' : typeof given}`)
      return customStore(given)
    }
  }
}
