import { emit } from './events.ts'
import type { Engine } from './http/engine.ts'
import type { ValuesDeps } from './values.ts'

/** Counts and publishes what happens to single values. */
export function valueEvents ({ name, counters }: Engine): Pick<ValuesDeps, 'failed' | 'event'> {
  return {
    failed (error, key) {
      counters.errors++
      emit('error', name, 'value', key, undefined, error instanceof Error ? error.message : String(error))
    },
    event (what, key) {
      if (what === 'hit') counters.hits++
      else if (what === 'miss') counters.misses++
      else if (what === 'store') counters.stores++
      emit(what, name, 'value', key)
    }
  }
}
