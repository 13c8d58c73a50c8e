import type { Entry, StoredReply } from '../entry.ts'
import { emit, emitError } from '../events.ts'
import { addTo } from '../tally.ts'
import type { Forward } from './cache-status.ts'
import type { Exchange } from './exchange.ts'
import { noteReason } from './reasons.ts'
import type { CachedRoute } from './route.ts'

// Every outcome of a request is counted and published here, once: the totals of `stats()`, the tally of its route, and
// the channels.

/** @param stale why a stale entry was served: `stale`, `stale-if-error` */
export function countHit ({ route, key }: Exchange, stale?: string): void {
  const { engine, tally } = route
  route.reasons = undefined
  if (stale === undefined) {
    engine.counters.hits++
    tally.hits++
  } else {
    engine.counters.stale++
    tally.stale++
  }
  emit('hit', engine.name, 'route', key, route.pattern, stale)
}

export function countMiss ({ route, key }: Exchange, reason: Forward | 'only-if-cached'): void {
  const { engine, tally } = route
  engine.counters.misses++
  tally.misses++
  addTo(tally.missReasons, reason)
  emit('miss', engine.name, 'route', key, route.pattern, reason)
}

export function countCoalesced ({ route }: Exchange): void {
  route.engine.counters.coalesced++
  route.tally.coalesced++
}

export function countBypass ({ route, request }: Exchange, reason: string): void {
  const { engine, tally } = route
  engine.counters.bypass(reason)
  tally.bypasses++
  addTo(tally.bypassReasons, reason)
  noteReason(route, reason, request.log)
  // No key was made of it: what can be told is where it went.
  emit('bypass', engine.name, 'route', request.originalUrl, route.pattern, reason)
}

export function countStore ({ route, key }: Exchange, entry: Entry<StoredReply>): void {
  const { engine, tally } = route
  route.reasons = undefined
  engine.counters.stores++
  tally.stores++
  tally.storedBytes += entry.payload.size
  tally.lifetime = entry.freshUntil - entry.created
  emit('store', engine.name, 'route', key, route.pattern)
}

/** A reply that was made for the store and is not stored. */
export function countSkip ({ route, request }: Exchange, reason: string): void {
  addTo(route.tally.skipReasons, reason)
  noteReason(route, reason, request.log)
}

export function countFault ({ engine, pattern }: CachedRoute, key: string, error: unknown): void {
  engine.counters.errors++
  emitError(engine.name, 'route', key, error, pattern)
}
