import type { Inspection } from '../inspection.ts'
import type { Tally } from '../tally.ts'

export type Sample = readonly [labels: Record<string, string>, value: number]

/** What became of requests and calls, each counted once, by route pattern and by kind. */
export function outcomesOf ({ engine, routes }: Inspection): { routes: Sample[], kinds: Sample[] } {
  const cache = engine.name
  return {
    routes: routes.flatMap(({ pattern, tally }) => samples(tally, { cache, route: pattern })),
    kinds: Object.entries(engine.tallies).flatMap(([kind, tally]) => samples(tally, { cache, kind }))
  }
}

function samples ({ hits, stale, misses, coalesced, bypasses }: Tally, labels: Record<string, string>): Sample[] {
  const counts = { hit: hits, stale, miss: misses, coalesced, bypass: bypasses }
  return Object.entries(counts).map(([outcome, count]): Sample => [{ ...labels, outcome }, count])
}

export function totalsOf ({ engine, backend, routes }: Inspection): { stores: Sample[], entries: Sample[], bytes: Sample[] } {
  const cache = engine.name
  const size = backend.size?.()
  const kinds = { route: routes.reduce((sum, { tally }) => sum + tally.stores, 0), memoize: engine.tallies.memoize.stores, value: engine.tallies.value.stores }
  return {
    stores: Object.entries(kinds).map(([kind, count]): Sample => [{ cache, kind }, count]),
    entries: size === undefined ? [] : [[{ cache }, size.entries]],
    bytes: size === undefined ? [] : [[{ cache }, size.bytes]]
  }
}
