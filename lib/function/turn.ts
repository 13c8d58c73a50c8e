import { judge } from '../http/policy/freshness.ts'
import type { Entry } from '../entry.ts'
import type { Call, Engine } from './engine.ts'
import { lookOnce } from './look.ts'
import type { Look } from './look.ts'
import { pause } from './waiting.ts'

const FIRST_PAUSE = 10
const LONGEST_PAUSE = 200

export interface Turn {
  /** Set: this process holds the lock, and must release it. */
  readonly token?: string
  /** Set: another process has filled the key meanwhile. */
  readonly filled?: Entry
  /** The lock is held, and who asked does not wait. */
  readonly taken?: true
  readonly look: Look
}

/**
 * One process fills, the others wait for its entry: with growing, jittered pauses, at most for the lifetime of the
 * lock, so that an owner that died delays nobody longer. A backend that cannot lock stops nobody.
 */
export async function takeTurn (engine: Engine, call: Call, first: Look, life: number, patient: boolean): Promise<Turn> {
  const deadline = engine.now() + life
  let look = first
  for (let wait = FIRST_PAUSE, waited = false; ; wait = Math.min(wait * 1.5, LONGEST_PAUSE), waited = true) {
    let token: string | undefined
    try {
      token = await engine.locks.acquire(call.key, life)
    } catch (error) {
      engine.events.error(error, call.plan.kind, call.key)
      return { look }
    }
    if (token === undefined && !patient) return { look, taken: true }
    if (token === undefined && !waited) engine.events.lockWait(call.plan.kind, call.key)
    // Also by the owner: another one may have come and gone between the look-up and the lock.
    look = await lookOnce(engine, call)
    const filled = newer(engine, first, look)
    if (filled !== undefined) {
      if (token !== undefined) await giveBack(engine, call, token)
      return { look, filled }
    }
    if (token !== undefined) return { look, token }
    const left = deadline - engine.now()
    if (left <= 0 || engine.closing()) return { look }
    await pause(engine.timers, Math.min(wait * (0.5 + engine.random()), left))
  }
}

/** A fresh entry that was not there at the first look-up. */
function newer (engine: Engine, first: Look, { found }: Look): Entry | undefined {
  const entry = found?.entry
  if (entry === undefined || entry.kind !== 'value') return undefined
  const before = first.found?.entry
  if (before !== undefined && before.created === entry.created) return undefined
  return judge(entry, found?.softened ?? Infinity, engine.now()) === 'fresh' ? entry : undefined
}

export async function giveBack (engine: Engine, call: Call, token: string): Promise<void> {
  try {
    await engine.locks.release(call.key, token)
  } catch (error) {
    engine.events.error(error, call.plan.kind, call.key)
  }
}
