import { AsyncLocalStorage } from 'node:async_hooks'
import { errors } from '../errors.ts'
import type { Flight } from '../single-flight.ts'
import type { Stamp } from '../versions/versioned.ts'
import type { Call, Engine, Origin, Shared } from './engine.ts'
import { lead } from './lead.ts'
import { lookOnce } from './look.ts'
import type { Look } from './look.ts'
import { unpackResult } from './result.ts'
import { LATE, within } from './waiting.ts'

/** How often somebody leads again after an abort, before all run side by side. */
const MOST_LEADS = 2

/**
 * The keys whose runs a call gave up waiting for, for all that happens in the run of its own that followed. Entered only
 * then, so that nobody else pays for it.
 */
const givenUp = new AsyncLocalStorage<ReadonlySet<string>>()

/**
 * The result of the key's run: of the one under way where this call may join it, else of one that it leads.
 *
 * @param anew leads in any case: what is under way may have seen what this call must not see
 */
export function obtain (engine: Engine, call: Call, look: Look, anew: boolean, leads = 1): Promise<unknown> {
  const { coalesce } = call.plan.rules
  if (coalesce === undefined) return run(engine, call, look, undefined)
  if (givenUp.getStore()?.has(call.key) === true) return Promise.reject(new errors.FST_CACHE_ERR_FUNCTION(`${call.plan.label} calls itself with the same key while it runs: it would never end. Give the inner call other arguments, or call the uncached function`))
  const flight = anew ? undefined : engine.flights.get(call.key)
  if (flight !== undefined && mayJoin(engine, call, look, flight.origin as Origin)) return follow(engine, call, flight, coalesce, leads)
  return run(engine, call, look, takeOff(engine, call, look))
}

function run (engine: Engine, call: Call, look: Look, flight: Flight<Shared> | undefined): Promise<unknown> {
  engine.events.miss(call.plan.kind, call.key)
  return lead(engine, call, look, { flight, background: false })
}

/** For this call alone, without storing. */
function runAside (engine: Engine, call: Call): unknown {
  engine.events.miss(call.plan.kind, call.key)
  return call.plan.run(call.self, call.args)
}

/** A flight of the call's own, in place of one that it may not join. `undefined`: there are too many. */
export function takeOff (engine: Engine, call: Call, look: Look): Flight<Shared> | undefined {
  const before = engine.flights.get(call.key)
  const origin: Origin = {
    since: engine.now(), names: call.names, found: look.found, stamp: undefined, begun: Infinity, successor: undefined, wrote: false, dropped: false
  }
  const flight = engine.flights.lead(call.key, origin)
  if (before !== undefined && flight !== undefined) (before.origin as Origin).successor = origin
  return flight
}

/** A call that came after a purge never joins a run from before it. */
export function mayJoin (engine: Engine, call: Call, look: Look, origin: Origin): boolean {
  if (engine.now() - origin.since > engine.longestRun) return false
  if (!sameNames(call.names, origin.names)) return false
  const { found } = origin
  // The backend did not answer its leader: joined only by who got no answer either.
  if (found === undefined) return look.found === undefined
  const { stamp } = origin
  if (engine.versioned.outdated(call.key, stamp ?? { names: found.names, marks: [], sequence: found.sequence, fence: { touched: false, fills: 0 } })) return false
  // Its tags may turn out to be those that were purged, or made stale, since.
  if (stamp !== undefined && engine.versioned.disturbed?.(stamp) === true) return false
  return stamp === undefined || look.found === undefined || sameMarks(look, stamp, origin.begun)
}

function sameNames (a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((name, i) => name === b[i]))
}

/** Purges of other processes show in the marks. One that is missing was purged, or not yet made when it was asked for. */
function sameMarks ({ found, asked }: Look, stamp: Stamp, begun: number): boolean {
  if (found === undefined) return true
  return stamp.names.every((name, i) => {
    const at = found.names.indexOf(name)
    const mark = found.marks[at]
    // '': the server of that name is gone, and neither of them knows more.
    return at === -1 || mark === stamp.marks[i] || (mark === undefined && (asked < begun || stamp.marks[i] === ''))
  })
}

async function follow (engine: Engine, call: Call, flight: Flight<Shared>, wait: number, leads: number): Promise<unknown> {
  engine.events.coalesced(call.plan.kind, call.key)
  flight.followers++
  const shared = await within(engine.timers, flight.outcome, wait)
  flight.followers--
  // Too late, or nothing that could be shared: for itself, without storing, since the leader may still do that.
  if (shared === LATE) return await givenUp.run(new Set([...givenUp.getStore() ?? [], call.key]), async () => await runAside(engine, call))
  if (shared === undefined) return runAside(engine, call)
  if ('error' in shared) throw shared.error
  if ('aborted' in shared) {
    if (leads >= MOST_LEADS) return runAside(engine, call)
    return obtain(engine, call, await lookOnce(engine, call), false, leads + 1)
  }
  try {
    return unpackResult(engine, shared.packed)
  } catch (error) {
    engine.events.error(error, call.plan.kind, call.key)
    return runAside(engine, call)
  }
}
