import { isPromise } from '../awaitable.ts'
import type { Packed } from '../entry.ts'
import type { Flight } from '../single-flight.ts'
import type { Awaitable } from '../stores/store.ts'
import type { Found, Stamp } from '../versions/versioned.ts'
import type { Call, Engine, Origin, Shared } from './engine.ts'
import type { Look } from './look.ts'
import { packResult, unpackResult } from './result.ts'
import { giveBack, takeTurn } from './turn.ts'
import type { Turn } from './turn.ts'

/** Longer than any run that is waited for: the versions of a run must live until its result is written. */
const RUN_MARGIN = 60_000

/** Functions that call each other start inside each other's calls so deep; further down with a stack of their own. */
const MOST_NESTED = 20

/** A refresh that another process is already making. Not a failure. */
export const TAKEN = Symbol('taken')

export interface Lead {
  /** Absent: too many flights, or no coalescing; the run goes side by side with others. */
  readonly flight: Flight<Shared> | undefined
  /** Nobody waits for it: it does not wait either. */
  readonly background: boolean
}

/**
 * Runs the function and stores what it brings. The flight ends when the write has settled, so that a call that comes
 * next finds the result either there or in the store.
 */
export function lead (engine: Engine, call: Call, look: Look, how: Lead): Promise<unknown> {
  const run = leading(engine, call, look, how)
  engine.running.add(run)
  const over = (): void => { engine.running.delete(run) }
  run.then(over, over)
  return run
}

async function leading (engine: Engine, call: Call, look: Look, { flight, background }: Lead): Promise<unknown> {
  let shared: Shared | undefined
  try {
    const made = await inTurn(engine, call, look, flight?.origin as Origin | undefined, background)
    if (made.packed !== undefined) shared = { packed: made.packed }
    return made.result
  } catch (error) {
    shared = isAbort(error) ? { aborted: true } : { error }
    throw error
  } finally {
    if (flight !== undefined) {
      engine.flights.settle(flight, shared)
      engine.looks.flightEnded(call.key)
    }
  }
}

/** Not a failure of the function: who called it has called it off. */
export function isAbort (error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || (error as { code?: unknown }).code === 'ABORT_ERR')
}

interface Made { readonly result: unknown, readonly packed: Packed | undefined }

async function inTurn (engine: Engine, call: Call, look: Look, origin: Origin | undefined, background: boolean): Promise<Made> {
  const { lock } = call.plan.rules
  if (lock === undefined || look.found === undefined) return make(engine, call, look, origin)
  const turn: Turn = await takeTurn(engine, call, look, lock, !background)
  if (turn.taken === true) return { result: TAKEN, packed: undefined }
  if (turn.filled !== undefined) {
    const packed = turn.filled.payload as Packed
    try {
      return { result: unpackResult(engine, packed), packed }
    } catch (error) {
      engine.events.error(error, call.plan.kind, call.key)
    }
  }
  try {
    return await make(engine, call, turn.look, origin)
  } finally {
    if (turn.token !== undefined) await giveBack(engine, call, turn.token)
  }
}

async function make (engine: Engine, call: Call, look: Look, origin: Origin | undefined): Promise<Made> {
  const beginning = begin(engine, call, look.found)
  // In memory the function starts before its caller goes on, as it would without a cache.
  const stamp = isPromise(beginning) ? await beginning : beginning
  if (origin !== undefined) {
    origin.stamp = stamp
    origin.begun = engine.tick()
  }
  if (engine.stack.depth >= MOST_NESTED) await undefined
  const intact = asCalled(call)
  const result = await started(engine, call)
  if (!intact) {
    engine.complain(call.plan.label, 'an argument was changed between the call and the run; the result is not stored', undefined)
    return { result, packed: undefined }
  }
  const kept = await mayKeep(engine, call, result)
  const packed = packResult(engine, call, result)
  if (stamp === undefined && look.found?.entry !== undefined) engine.versioned.distrust(call.key)
  if (stamp === undefined || overtaken(origin)) return { result, packed }
  if (origin !== undefined) origin.wrote = true
  const names = kept && packed !== undefined ? namesOf(engine, call, result) : undefined
  if (names !== undefined && packed !== undefined) await write(engine, call, packed, names, stamp)
  else if (look.found?.entry !== undefined) await supersede(engine, call, stamp)
  return { result, packed }
}

/** A run that began later has brought its result already, or nobody reckons with this one any more. */
function overtaken (origin: Origin | undefined): boolean {
  if (origin?.dropped === true) return true
  for (let later = origin?.successor; later !== undefined; later = later.successor) {
    if (later.wrote) return true
  }
  return false
}

/** The versions that the run is made under; without them nothing can be stored. */
function begin (engine: Engine, call: Call, found: Found | undefined): Awaitable<Stamp | undefined> {
  if (found === undefined) return undefined
  const { lifetime, staleIfError, staleWhileRevalidate } = call.plan.rules
  const failed = (error: unknown): undefined => engine.events.error(error, call.plan.kind, call.key) as undefined
  try {
    const stamp = engine.versioned.begin(found, lifetime + Math.max(staleIfError, staleWhileRevalidate) + RUN_MARGIN)
    return isPromise(stamp) ? stamp.then(undefined, failed) : stamp
  } catch (error) {
    return failed(error)
  }
}

function started (engine: Engine, call: Call): unknown {
  engine.stack.depth++
  try {
    return call.plan.run(call.self, call.args)
  } finally {
    engine.stack.depth--
  }
}

/**
 * Are the arguments still those of the key? A caller may change an object as soon as it has called, while the look-up
 * is on its way; what is then made of it must not stand under the key of what it was.
 */
function asCalled ({ plan, key, self, args }: Call): boolean {
  if (plan.derive === undefined || !args.some((arg) => typeof arg === 'object' && arg !== null)) return true
  try {
    return plan.derive(self, args) === key
  } catch {
    return false
  }
}

async function mayKeep (engine: Engine, call: Call, result: unknown): Promise<boolean> {
  const { rules, responseFilter, label } = call.plan
  if (result === undefined && !rules.keepsUndefined) return false
  if (result === null && !rules.keepsNull) return false
  if (responseFilter === undefined) return true
  try {
    return Boolean(await responseFilter(result, call.self, call.args))
  } catch (error) {
    engine.complain(label, 'responseFilter threw; the result is not stored', error)
    return false
  }
}

function namesOf (engine: Engine, call: Call, result: unknown): readonly string[] | undefined {
  const { names, label } = call.plan
  if (names === undefined) return call.names
  try {
    return [...new Set([...call.names, ...names(result, call.self, call.args)])]
  } catch (error) {
    engine.complain(label, 'tags failed; the result is not stored', error)
    return undefined
  }
}

async function write (engine: Engine, call: Call, payload: Packed, names: readonly string[], stamp: Stamp): Promise<void> {
  const { lifetime, jitter, staleIfError, staleWhileRevalidate } = call.plan.rules
  const { kind } = call.plan
  const created = engine.now()
  const freshUntil = created + (jitter === 0 ? lifetime : lifetime * (1 - jitter * engine.random()))
  try {
    const written = await engine.versioned.write(call.key, { kind: 'value', payload, created, freshUntil, staleIfError, staleWhileRevalidate, names }, stamp)
    if (written) engine.events.store(kind, call.key)
  } catch (error) {
    engine.events.error(error, kind, call.key)
  }
}

/** The run has shown that the entry that it started from is no answer any more, and has none to put in its place. */
async function supersede (engine: Engine, call: Call, stamp: Stamp): Promise<void> {
  if (engine.versioned.outdated(call.key, stamp)) return
  try {
    await engine.versioned.remove(call.key)
  } catch (error) {
    engine.events.error(error, call.plan.kind, call.key)
  }
}
