import { emit, emitError } from './events.ts'
import type { Engine } from './http/engine.ts'
import type { ValuesDeps } from './values.ts'

/** Counts and publishes what happens to single values. */
export function valueEvents ({ name, counters, tallies: { value: tally } }: Engine): Pick<ValuesDeps, 'failed' | 'event'> {
  return {
    failed (error, key) {
      counters.errors++
      emitError(name, 'value', key, error)
    },
    event (what, key, reason) {
      if (what === 'hit') { counters.hits++; tally.hits++ }
      if (what === 'miss') { counters.misses++; tally.misses++ }
      if (what === 'store') { counters.stores++; tally.stores++ }
      emit(what, name, 'value', key, undefined, reason)
    }
  }
}
