import { find } from './lookup.ts'
import type { Exchange } from './exchange.ts'
import { end } from './verdict.ts'

const FIRST_PAUSE = 10
const LONGEST_PAUSE = 250

/**
 * One process fills: this one if it gets the lock, else it polls for the other's entry, with growing pauses and
 * jitter, and fills for itself when the entry does not come within the lock's lifetime.
 */
export function waitForOther (exchange: Exchange, fill: () => void): void {
  const { engine, settings } = exchange.route
  const timeout = (settings.lock as { timeout: number }).timeout * 1000
  engine.locks!.acquire(exchange.key, timeout).then((token) => {
    if (token !== undefined) {
      exchange.lock = token
      return fill()
    }
    engine.counters.lockWaits++
    return poll(exchange, engine.now() + timeout, FIRST_PAUSE, fill)
  }, () => fill())
}

async function poll (exchange: Exchange, until: number, pause: number, fill: () => void): Promise<void> {
  const { engine, settings } = exchange.route
  await new Promise<void>((resolve) => { setTimeout(resolve, pause * (0.5 + engine.random())).unref() })
  const found = await Promise.resolve(engine.versioned.lookup(exchange.key, exchange.address!.names)).catch(() => undefined)
  if (found?.entry !== undefined && found.entry.freshUntil > engine.now() && found.softened > engine.now()) {
    // The other's entry is there: this run is over before it began, and its followers look it up as well.
    end(exchange, undefined)
    exchange.attempts = 0
    exchange.flight = undefined
    exchange.fills = false
    exchange.ended = false
    return find(exchange)
  }
  if (engine.now() >= until) return fill()
  // A lock that was given back without an entry is taken over at once.
  const token = await engine.locks!.acquire(exchange.key, (settings.lock as { timeout: number }).timeout * 1000).catch(() => '')
  if (token !== undefined) {
    if (token !== '') exchange.lock = token
    return fill()
  }
  return await poll(exchange, until, Math.min(pause * 2, LONGEST_PAUSE), fill)
}
