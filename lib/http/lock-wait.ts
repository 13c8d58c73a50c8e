import type { Found } from '../versions/versioned.ts'
import { countFault } from './outcomes.ts'
import { find } from './lookup.ts'
import type { Exchange } from './exchange.ts'
import { end } from './verdict.ts'

const FIRST_PAUSE = 10
const LONGEST_PAUSE = 250

/**
 * One process fills: this one if it gets the lock, else it polls for the other's entry, with growing pauses and
 * jitter, and fills for itself when the entry does not come within the lock's lifetime. A backend that cannot lock
 * stops nobody.
 */
export async function waitForOther (exchange: Exchange, fill: () => void): Promise<void> {
  const { engine, settings } = exchange.route
  const life = (settings.lock as { timeout: number }).timeout * 1000
  const until = performance.now() + life
  for (let pause = FIRST_PAUSE, waited = false; ; pause = Math.min(pause * 2, LONGEST_PAUSE), waited = true) {
    const took = await take(exchange, life)
    if (took === 'down') return fill()
    exchange.lock = took
    if (took === undefined && !waited) engine.counters.lockWaits++
    // Also by the owner: another one may have come and gone between the look-up and the lock.
    if (await filledByOther(exchange)) return handOver(exchange)
    const left = until - performance.now()
    if (took !== undefined || left <= 0) return fill()
    await sleep(Math.min(pause * (0.5 + engine.random()), left))
  }
}

/**
 * The turn of a background run, which does not wait. `undefined`: another process is at it, or was just now.
 */
export async function takeTurn (exchange: Exchange): Promise<{ token: string | undefined } | undefined> {
  const { engine, settings } = exchange.route
  if (settings.lock === false || engine.locks === undefined) return { token: undefined }
  const token = await take(exchange, settings.lock.timeout * 1000)
  if (token === 'down') return { token: undefined }
  if (token === undefined) return undefined
  if (!await filledByOther(exchange)) return { token }
  await engine.locks.release(exchange.key, token)
  return undefined
}

async function take ({ route, key }: Exchange, life: number): Promise<string | 'down' | undefined> {
  try {
    return await route.engine.locks!.acquire(key, life)
  } catch (error) {
    countFault(route, key, error)
    return 'down'
  }
}

/** Is there a fresh entry now that was not there at the look-up? Else the run begins from what stands now. */
async function filledByOther (exchange: Exchange): Promise<boolean> {
  const { engine } = exchange.route
  const before = exchange.found?.entry
  exchange.asked = engine.flights.tick()
  let found: Found
  try {
    found = await engine.versioned.lookup(exchange.key, exchange.address!.names)
  } catch {
    return false
  }
  exchange.found = found
  const { entry, softened } = found
  if (entry === undefined) return false
  if (entry.kind === 'variants') return before?.kind !== 'variants'
  if (before?.kind === entry.kind && before.created === entry.created) return false
  return Math.min(entry.freshUntil, softened) > engine.now()
}

/** The other's entry is there: this run is over before it began, and its followers look it up as well. */
function handOver (exchange: Exchange): void {
  end(exchange, undefined)
  exchange.attempts = 0
  exchange.flight = undefined
  exchange.fills = false
  exchange.ended = false
  find(exchange)
}

function sleep (ms: number): Promise<void> {
  return new Promise((resolve) => { setTimeout(resolve, ms).unref() })
}
