import { isPromise } from '../awaitable.ts'
import type { Entry, Packed } from '../entry.ts'
import { errors } from '../errors.ts'
import { judge, usableOnError } from '../http/policy/freshness.ts'
import type { Awaitable } from '../stores/store.ts'
import type { Call, Engine, Origin } from './engine.ts'
import { mayJoin, obtain, takeOff } from './follow.ts'
import { isAbort, lead } from './lead.ts'
import { look } from './look.ts'
import type { Look } from './look.ts'
import { unpackResult } from './result.ts'
import { LATE, within } from './waiting.ts'

/** An entry that may stand in for a run that fails or is slow. */
interface Fallback { readonly value: unknown }

/** The stored result, at once where the backend is in memory, or that of a run. */
export function readThrough (engine: Engine, call: Call): Awaitable<unknown> {
  if (call.plan.forcedUpdate !== undefined) return afterForcedUpdate(engine, call)
  const seen = look(engine, call)
  return isPromise(seen) ? seen.then((seen) => decide(engine, call, seen)) : decide(engine, call, seen)
}

async function afterForcedUpdate (engine: Engine, call: Call): Promise<unknown> {
  const { plan, self, args } = call
  let forced: boolean
  try {
    forced = Boolean(await plan.forcedUpdate?.(self, args))
  } catch (error) {
    engine.complain(plan.label, 'forcedUpdate threw; this call goes round the cache', error)
    engine.events.bypass(plan.kind, call.key, 'forcedUpdate')
    return plan.run(self, args)
  }
  const seen = await look(engine, call)
  if (!forced) return decide(engine, call, seen)
  // It cannot be stored: what it supersedes must not come back in its place.
  if (seen.found === undefined) engine.versioned.distrust(call.key)
  return fill(engine, call, seen, undefined, { anew: true })
}

function decide (engine: Engine, call: Call, seen: Look): Awaitable<unknown> {
  const entry = seen.found?.entry
  if (entry === undefined || entry.kind !== 'value') return fill(engine, call, seen, undefined)
  const now = seen.found?.at ?? engine.now()
  const state = judge(entry, seen.found?.softened ?? Infinity, now)
  if (state === 'expired') return fill(engine, call, seen, undefined)
  let value: unknown
  try {
    value = unpackResult(engine, entry.payload as Packed)
  } catch (error) {
    engine.events.error(error, call.plan.kind, call.key)
    return fill(engine, call, seen, undefined)
  }
  if (call.plan.isStale !== undefined) return afterIsStale(engine, call, seen, entry, value)
  if (state === 'stale-if-error') return fill(engine, call, seen, { value })
  return serve(engine, call, seen, entry, value, state === 'fresh', now)
}

async function afterIsStale (engine: Engine, call: Call, seen: Look, entry: Entry, value: unknown): Promise<unknown> {
  const { plan, self, args } = call
  let stale: boolean
  try {
    stale = Boolean(await plan.isStale?.(value, self, args))
  } catch (error) {
    engine.complain(plan.label, 'isStale threw; this call goes round the cache', error)
    engine.events.bypass(plan.kind, call.key, 'isStale')
    return plan.run(self, args)
  }
  const softened = seen.found?.softened ?? Infinity
  const now = engine.now()
  const state = judge(entry, softened, now)
  if (!stale && (state === 'fresh' || state === 'stale-while-revalidate')) return serve(engine, call, seen, entry, value, state === 'fresh', now)
  // What isStale has refused may replace an error, and nothing else; the predicate may have handed out what it saw.
  if (!usableOnError(entry, softened, now)) return fill(engine, call, seen, undefined)
  return fill(engine, call, seen, { value }, { refused: stale })
}

function serve (engine: Engine, call: Call, seen: Look, entry: Entry, value: unknown, fresh: boolean, now: number): unknown {
  const { kind, rules } = call.plan
  if (!fresh) {
    engine.events.stale(kind, call.key)
    refresh(engine, call, seen)
    return value
  }
  engine.events.hit(kind, call.key)
  if (rules.eagerRefresh > 0 && now - entry.created >= (entry.freshUntil - entry.created) * rules.eagerRefresh) {
    refresh(engine, call, seen)
  }
  return value
}

/** One run in the background, unless one is under way, failed a moment ago, or there are too many. */
function refresh (engine: Engine, call: Call, seen: Look): void {
  const { key, plan } = call
  if (engine.closing() || !engine.refreshes.mayStart(key)) return
  const under = plan.rules.coalesce === undefined ? undefined : engine.flights.get(key)
  if (under !== undefined && mayJoin(engine, call, seen, under.origin as Origin)) return
  const flight = plan.rules.coalesce === undefined ? undefined : takeOff(engine, call, seen)
  engine.events.refresh(plan.kind, key)
  const run = async (): Promise<unknown> => {
    // Behind the answer, not in front of it.
    await undefined
    return lead(engine, call, seen, { flight, background: true })
  }
  const giveUp = (): void => {
    if (flight === undefined) return
    ;(flight.origin as Origin).dropped = true
    engine.flights.settle(flight, undefined)
  }
  engine.refreshes.start(key, run, giveUp)
    .catch((error) => engine.complain(plan.label, 'a refresh in the background failed', error))
}

async function fill (engine: Engine, call: Call, seen: Look, fallback: Fallback | undefined, { anew = false, refused = false } = {}): Promise<unknown> {
  const { key, plan } = call
  const stale = (): unknown => {
    engine.events.stale(plan.kind, key)
    return (fallback as Fallback).value
  }
  // What is behind the function is sick: it is not asked again for a while.
  if (fallback !== undefined && !refused && engine.refreshes.pausing(key)) return stale()
  const run = obtain(engine, call, seen, anew)
  try {
    const result = await inTime(engine, call, run, fallback !== undefined)
    if (result === LATE) return stale()
    if (fallback !== undefined) engine.refreshes.note(key, true)
    return result
  } catch (error) {
    if (fallback === undefined) throw error
    if (!isAbort(error)) engine.refreshes.note(key, false)
    return stale()
  }
}

/** Waits for a run as long as its function's options say. It goes on and fills, whoever has stopped waiting. */
async function inTime (engine: Engine, call: Call, run: Promise<unknown>, replaceable: boolean): Promise<unknown> {
  const { softTimeout, hardTimeout } = call.plan.rules
  const soft = replaceable ? softTimeout : undefined
  const wait = soft === undefined ? hardTimeout : Math.min(soft, hardTimeout ?? Infinity)
  if (wait === undefined) return run
  const result = await within(engine.timers, run, wait)
  if (result !== LATE) return result
  run.catch((error) => {
    if (replaceable) engine.refreshes.note(call.key, false)
    engine.complain(call.plan.label, 'a run that nobody waited for any more failed', error)
  })
  if (replaceable) return LATE
  throw new errors.FST_CACHE_ERR_HARD_TIMEOUT(call.plan.label, String(wait / 1000))
}
