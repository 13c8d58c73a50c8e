import type { Backend } from './backend.ts'
import { emit, emitError, type CacheEvent } from './events.ts'
import type { FunctionKind, Locks, Shared } from './function/engine.ts'
import { createFunctions, type FunctionSide } from './function/functions.ts'
import type { Engine } from './http/engine.ts'
import type { Packer } from './serializer.ts'
import type { Flights } from './single-flight.ts'
import { cacheName, tagName } from './versions/names.ts'

/** ms that closing waits for runs of functions. */
const DRAIN = 5_000

/** Where nobody else fills there is nothing to lock: in one process, flights are enough. */
const ALONE: Locks = { acquire: () => 'alone', release: () => undefined }

/** The function side of a cache, on its backend, with its counters and events. */
export function functionSide (engine: Engine, backend: Backend, packer: Packer, flights: Flights<Shared>): FunctionSide {
  const { settings, counters, name, tallies } = engine
  const publish = (what: Parameters<typeof emit>[0], kind: CacheEvent['kind'], key: string, reason?: string): void => emit(what, name, kind, key, undefined, reason)
  return createFunctions({
    versioned: backend.versioned,
    flights,
    packer,
    locks: backend.locks ?? ALONE,
    log: engine.log,
    prefix: backend.base,
    cacheName: (name) => cacheName(backend.versioned.group(name)),
    tagName,
    defaultTimeout: settings.defaultTimeout,
    hashMethod: settings.hashMethod,
    sourceCheck: settings.sourceCheck,
    nullCache: engine.none,
    ignoreErrors: settings.ignoreErrors,
    now: engine.now,
    drain: DRAIN,
    events: {
      hit (kind: FunctionKind, key: string) { counters.hits++; tallies[kind].hits++; publish('hit', kind, key) },
      stale (kind, key) { counters.stale++; tallies[kind].stale++; publish('hit', kind, key, 'stale') },
      miss (kind, key) { counters.misses++; tallies[kind].misses++; publish('miss', kind, key) },
      bypass (kind, key, reason) { counters.bypass(reason); tallies[kind].bypasses++; publish('bypass', kind, key ?? '', reason) },
      store (kind, key) { counters.stores++; tallies[kind].stores++; publish('store', kind, key) },
      coalesced (kind) { counters.coalesced++; tallies[kind].coalesced++ },
      refresh () { counters.refreshes++ },
      lockWait () { counters.lockWaits++ },
      error (error, kind, key) { counters.errors++; emitError(name, kind, key, error) },
      invalidate (kind, key) { publish('invalidate', kind, key) }
    }
  })
}
