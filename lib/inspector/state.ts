import { flightsOf, type Inspection } from '../inspection.ts'
import type { CachedRoute } from '../http/route.ts'
import type { Latencies, Latency } from './latency.ts'

/** One cached route as the page shows it. */
export interface RouteState {
  readonly route: string
  readonly hits: number
  readonly stale: number
  readonly misses: number
  readonly coalesced: number
  readonly bypasses: number
  readonly stores: number
  /** Why, by reason. */
  readonly missReasons: Record<string, number>
  readonly bypassReasons: Record<string, number>
  readonly skipReasons: Record<string, number>
  /** Bytes of a stored body on average. */
  readonly size: number | null
  /** What the route says: seconds, `never`, `headers`, `by reply`. */
  readonly timeout: number | string
  /** Seconds that its latest entry was given, `null` for none or no end. */
  readonly lifetime: number | null
}

export interface CacheState {
  readonly name: string
  readonly backend: string
  readonly prefix: string
  readonly up: boolean
  readonly since: number | null
  readonly reason: string | null
  readonly outages: number
  readonly remote: boolean
  readonly flights: number
  readonly refreshes: number
  readonly stats: object
  readonly latency: Latency
  readonly routes: RouteState[]
}

/** All numbers of one cache: what a page that asks again and again shows the differences of. */
export function stateOf (cache: Inspection, latencies: Latencies): CacheState {
  const { engine, backend, health, routes } = cache
  const { up, since, reason, outages } = health.state
  return {
    name: engine.name,
    backend: engine.settings.type,
    prefix: engine.settings.keyPrefix,
    up,
    since: since ?? null,
    reason: reason ?? null,
    outages,
    remote: !backend.versioned.immediate,
    flights: flightsOf(cache),
    refreshes: engine.runs.size,
    stats: cache.cache.stats(),
    latency: latencies.read(cache),
    routes: [...byRoute(routes).values()].map(routeState)
  }
}

/** A GET route and its automatic HEAD are one row. */
function byRoute (routes: readonly CachedRoute[]): Map<string, CachedRoute[]> {
  const rows = new Map<string, CachedRoute[]>()
  for (const route of routes) {
    const row = rows.get(route.id)
    if (row === undefined) rows.set(route.id, [route])
    else row.push(route)
  }
  return rows
}

function routeState (routes: readonly CachedRoute[]): RouteState {
  const tallies = routes.map(({ tally }) => tally)
  const sum = (name: 'hits' | 'stale' | 'misses' | 'coalesced' | 'bypasses' | 'stores' | 'storedBytes'): number => tallies.reduce((total, tally) => total + tally[name], 0)
  const reasons = (name: 'missReasons' | 'bypassReasons' | 'skipReasons'): Record<string, number> => {
    const all = new Map<string, number>()
    for (const tally of tallies) for (const [reason, count] of tally[name]) all.set(reason, (all.get(reason) ?? 0) + count)
    return Object.fromEntries(all)
  }
  const stores = sum('stores')
  const { timeout } = routes[0]!.settings
  const lifetime = tallies.find((tally) => tally.lifetime !== undefined)?.lifetime
  return {
    route: routes.map(({ where }) => where).find((where) => !where.startsWith('HEAD ')) ?? routes[0]!.where,
    hits: sum('hits'),
    stale: sum('stale'),
    misses: sum('misses'),
    coalesced: sum('coalesced'),
    bypasses: sum('bypasses'),
    stores,
    missReasons: reasons('missReasons'),
    bypassReasons: reasons('bypassReasons'),
    skipReasons: reasons('skipReasons'),
    size: stores === 0 ? null : Math.round(sum('storedBytes') / stores),
    timeout: typeof timeout === 'function' ? 'by reply' : timeout === 0 ? 'never expires' : timeout,
    lifetime: lifetime === undefined || lifetime === Infinity ? null : Math.round(lifetime / 1000)
  }
}
