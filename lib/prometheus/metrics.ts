import type { CollectFunction, Gauge, Metric, Registry } from 'prom-client'
import { flightsOf, type Inspection } from '../inspection.ts'
import { outcomesOf, totalsOf } from './samples.ts'
import type { Sample } from './samples.ts'

type Client = Pick<typeof import('prom-client'), 'Counter' | 'Gauge' | 'Histogram'>

/** Says which caches there are now: those of one server. */
export type Source = () => readonly Inspection[]

/** The sources that each registry tells of: several servers of one process may share a registry. */
const registries = new WeakMap<Registry, Set<Source>>()

interface Family {
  readonly name: string
  readonly help: string
  readonly labels: readonly string[]
  read (cache: Inspection): Sample[]
}

const COUNTERS: readonly Family[] = [
  { name: 'fastify_cached_requests_total', help: 'Requests of cached routes, by what became of them: hit, stale, miss, coalesced, bypass', labels: ['cache', 'route', 'outcome'], read: (cache) => outcomesOf(cache).routes },
  { name: 'fastify_cached_calls_total', help: 'Calls of memoized functions and reads of single values, by what became of them', labels: ['cache', 'kind', 'outcome'], read: (cache) => outcomesOf(cache).kinds },
  { name: 'fastify_cached_stores_total', help: 'Entries written', labels: ['cache', 'kind'], read: (cache) => totalsOf(cache).stores },
  { name: 'fastify_cached_refreshes_total', help: 'Background runs begun', labels: ['cache'], read: ({ engine }) => [[{ cache: engine.name }, engine.counters.refreshes]] },
  { name: 'fastify_cached_lock_waits_total', help: "Waits for another process's fill", labels: ['cache'], read: ({ engine }) => [[{ cache: engine.name }, engine.counters.lockWaits]] },
  { name: 'fastify_cached_backend_errors_total', help: 'Operations of the backend that failed', labels: ['cache'], read: ({ engine }) => [[{ cache: engine.name }, engine.counters.errors]] }
]

const GAUGES: readonly Family[] = [
  { name: 'fastify_cached_entries', help: 'Entries held in this process', labels: ['cache'], read: (cache) => totalsOf(cache).entries },
  { name: 'fastify_cached_bytes', help: 'Bytes held in this process', labels: ['cache'], read: (cache) => totalsOf(cache).bytes },
  { name: 'fastify_cached_flights', help: 'Runs under way that others wait for, or could', labels: ['cache'], read: (cache) => [[{ cache: cache.engine.name }, flightsOf(cache)]] },
  { name: 'fastify_cached_backend_up', help: '1 while the backend answers, 0 while the breaker is open', labels: ['cache', 'backend'], read: ({ engine, health }) => [[{ cache: engine.name, backend: engine.settings.type }, health.state.up ? 1 : 0]] }
]

const LATENCY = 'fastify_cached_backend_seconds'
const BUCKETS = [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1]

/**
 * Adds the caches of one server to a registry. What is counted is read when the registry is: between two readings
 * nothing happens, except for the latency of remote backends, which is observed as it comes.
 *
 * @returns what takes them out again
 */
export function addMetrics (client: Client, register: Registry, source: Source): () => void {
  const sources = registries.get(register) ?? define(client, register)
  registries.set(register, sources)
  sources.add(source)
  return () => {
    sources.delete(source)
    if (sources.size > 0) return
    registries.delete(register)
    for (const { name } of [...COUNTERS, ...GAUGES]) register.removeSingleMetric(name)
    register.removeSingleMetric(LATENCY)
  }
}

function define ({ Counter, Gauge, Histogram }: Client, register: Registry): Set<Source> {
  const sources = new Set<Source>()
  for (const Kind of [Counter, Gauge]) {
    for (const { name, help, labels, read } of Kind === Counter ? COUNTERS : GAUGES) {
      const collect: CollectFunction<Gauge> = function (this: Gauge) {
        this.reset()
        for (const one of sources) {
          for (const cache of one()) for (const [values, value] of read(cache)) this.inc(values, value)
        }
      }
      // eslint-disable-next-line no-new
      new Kind({ name, help, labelNames: [...labels], registers: [register], collect: collect as never })
    }
  }
  // eslint-disable-next-line no-new
  new Histogram({ name: LATENCY, help: 'How long an operation of the backend took that answered, in seconds', labelNames: ['cache', 'backend'], buckets: BUCKETS, registers: [register] })
  return sources
}

/** Lets a registry observe the latency of these caches' backends. */
export function observeLatency (register: Registry, caches: readonly Inspection[]): Array<() => void> {
  const histogram = register.getSingleMetric(LATENCY) as Metric & { observe (labels: object, value: number): void }
  return caches.map(({ engine, health }) => {
    const labels = { cache: engine.name, backend: engine.settings.type }
    return health.onLatency((ms) => { histogram.observe(labels, ms / 1000) })
  })
}
