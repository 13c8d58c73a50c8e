import { isPromise } from '../awaitable.ts'
import type { Entry, StoredReply, Variants } from '../entry.ts'
import type { Found } from '../versions/versioned.ts'
import { countFault, countStore } from './outcomes.ts'
import type { Captured, Exchange } from './exchange.ts'
import { indexWith, keyOfVariant } from './variants.ts'

/** Writes an entry under its key, with the index of variants where request fields chose it. Never rejects. */
export function store (exchange: Exchange, entry: Entry<StoredReply>, capture: Captured): void | Promise<void> {
  const { engine } = exchange.route
  try {
    const written = capture.fields.length === 0 && exchange.key === exchange.address!.key
      ? engine.versioned.write(exchange.key, entry, exchange.stamp!)
      : storeVariant(exchange, entry, capture)
    if (!isPromise(written)) return noted(exchange, entry, written)
    return written.then((stored) => noted(exchange, entry, stored), (error: unknown) => countFault(exchange.route, exchange.key, error))
  } catch (error) {
    countFault(exchange.route, exchange.key, error)
  }
}

function noted (exchange: Exchange, entry: Entry<StoredReply>, stored: boolean): void {
  const { route } = exchange
  if (exchange.detached !== undefined) exchange.detached.outcome = stored ? 'stored' : exchange.detached.outcome
  if (!stored) return
  route.engine.uncacheable.delete(exchange.key)
  route.engine.runs.forgive(exchange.key)
  countStore(exchange, entry)
}

/**
 * A variant beside others: the index under the address tells which fields choose; it is written first, so that the
 * variant is found. A reply without `Vary` where variants stand joins them under the fields that are known.
 */
function storeVariant (exchange: Exchange, entry: Entry<StoredReply>, capture: Captured): boolean | Promise<boolean> {
  const { versioned } = exchange.route.engine
  const index = versioned.lookup(exchange.address!.key, exchange.address!.names)
  return isPromise(index)
    ? index.then((found) => writeBoth(exchange, entry, capture, found))
    : writeBoth(exchange, entry, capture, index)
}

function writeBoth (exchange: Exchange, entry: Entry<StoredReply>, capture: Captured, found: Found): boolean | Promise<boolean> {
  const { engine, settings } = exchange.route
  const standing = found.entry?.kind === 'variants' ? found.entry.payload as Variants : undefined
  const key = keyOfVariant(exchange, [...new Set([...(standing?.fields ?? []), ...capture.fields])].sort())
  engine.variantUse.note(key)
  const { index, dropped } = indexWith(standing, capture.fields, key, settings.maxVariants, engine.variantUse)
  const longest = found.entry === undefined ? 0 : found.entry.freshUntil + Math.max(found.entry.staleIfError, found.entry.staleWhileRevalidate)
  const end = Math.max(longest, entry.freshUntil + Math.max(entry.staleIfError, entry.staleWhileRevalidate))
  const indexEntry: Entry<Variants> = { ...entry, kind: 'variants', payload: index, freshUntil: end, staleIfError: 0, staleWhileRevalidate: 0 }
  for (const old of dropped) forget(exchange, old)
  // The variant's own stamp: its fence is the looked-up key's, which a purge of the address moves as well.
  const first = engine.versioned.write(exchange.address!.key, indexEntry, exchange.stamp!)
  const second = (ok: boolean): boolean | Promise<boolean> => ok ? engine.versioned.write(key, entry, exchange.stamp!) : false
  return isPromise(first) ? first.then(second) : second(first)
}

function forget (exchange: Exchange, key: string): void {
  try {
    const removed = exchange.route.engine.versioned.remove(key)
    if (isPromise(removed)) removed.catch(() => {})
  } catch {}
}
