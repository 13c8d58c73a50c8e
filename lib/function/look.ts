import { isPromise } from '../awaitable.ts'
import type { Awaitable } from '../stores/store.ts'
import type { Found } from '../versions/versioned.ts'
import type { Call, Engine } from './engine.ts'

export interface Look {
  /** `undefined`: the backend did not answer. */
  readonly found: Found | undefined
  /** When it was asked, in the order of `Engine.tick`. */
  readonly asked: number
}

interface Pending { count: number, ended: boolean }

/**
 * Look-ups under way, by key: a backend may have answered "nothing" just before a flight wrote its result, and the
 * answer arrive when that flight is over. Such a look-up asks again instead of running what has just been run.
 */
export class PendingLooks {
  readonly #byKey = new Map<string, Pending>()

  enter (key: string): void {
    const pending = this.#byKey.get(key)
    if (pending === undefined) this.#byKey.set(key, { count: 1, ended: false })
    else pending.count++
  }

  /** `true`: a flight of the key ended meanwhile. */
  leave (key: string): boolean {
    const pending = this.#byKey.get(key)
    if (pending === undefined) return false
    if (--pending.count === 0) this.#byKey.delete(key)
    return pending.ended
  }

  flightEnded (key: string): void {
    const pending = this.#byKey.get(key)
    if (pending !== undefined) pending.ended = true
  }
}

/** Looks the call's key up, at once where the backend can. A backend that fails is a miss. */
export function look (engine: Engine, call: Call): Awaitable<Look> {
  const asked = engine.tick()
  let found: Awaitable<Found>
  try {
    found = engine.versioned.lookup(call.key, call.names)
  } catch (error) {
    engine.events.error(error, call.plan.kind, call.key)
    return { found: undefined, asked }
  }
  return isPromise(found) ? arriving(engine, call, found, asked) : { found, asked }
}

async function arriving (engine: Engine, call: Call, answer: PromiseLike<Found>, asked: number): Promise<Look> {
  engine.looks.enter(call.key)
  let found: Found | undefined
  try {
    found = await answer
  } catch (error) {
    engine.events.error(error, call.plan.kind, call.key)
  }
  const again = engine.looks.leave(call.key)
  if (!again || found === undefined || found.entry !== undefined) return { found, asked }
  return lookOnce(engine, call)
}

/** As `look`, without a second try. */
export async function lookOnce (engine: Engine, call: Call): Promise<Look> {
  const asked = engine.tick()
  try {
    return { found: await engine.versioned.lookup(call.key, call.names), asked }
  } catch (error) {
    engine.events.error(error, call.plan.kind, call.key)
    return { found: undefined, asked }
  }
}
