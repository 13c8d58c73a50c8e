import type { FastifyInstance } from 'fastify'
import type { Backend } from '../backend.ts'
import { Notes } from '../notes.ts'
import type { PluginSettings } from '../options/settings.ts'
import { Flights } from '../single-flight.ts'
import { Counters } from '../stats.ts'
import { Tally } from '../tally.ts'
import { DetachedRuns } from './detached-run.ts'
import { EncodedBodies } from './encoded.ts'
import type { Engine } from './engine.ts'
import type { RouterSpelling } from './key.ts'
import { KnownAddresses } from './known-addresses.ts'
import { Uncacheable } from './uncacheable.ts'
import { VariantUse } from './variant-use.ts'
import { Uses } from './uses.ts'

/** An engine before its backend is open: `connect` completes it. */
export interface OpeningEngine extends Engine {
  connect (backend: Backend): void
}

export function createEngine (instance: FastifyInstance, settings: PluginSettings): OpeningEngine {
  const now = (): number => Date.now()
  const engine = {
    name: settings.decorator,
    settings,
    prefix: '',
    versioned: undefined,
    flights: new Flights(),
    counters: new Counters(),
    tallies: { memoize: new Tally(), value: new Tally() },
    notes: new Notes(now),
    log: instance.log,
    uncacheable: new Uncacheable(),
    uses: new Uses(),
    variantUse: new VariantUse(),
    runs: new DetachedRuns(),
    encoded: new EncodedBodies(),
    locks: undefined,
    router: routerSpelling(instance),
    known: new KnownAddresses(),
    none: settings.type === 'NullCache',
    below: [],
    now,
    random: Math.random,
    connect (backend: Backend) {
      engine.prefix = backend.base + 'r:'
      engine.versioned = backend.versioned
      engine.flights.remembersEnds = !backend.versioned.immediate
      engine.locks = backend.locks
    }
  } as unknown as { -readonly [P in keyof OpeningEngine]: OpeningEngine[P] }
  return engine
}

/** How this server's router compares paths: options stand at the top or, newer, under `routerOptions`. */
function routerSpelling (instance: FastifyInstance): RouterSpelling {
  const config = instance.initialConfig as Partial<RouterSpelling> & { routerOptions?: Partial<RouterSpelling> }
  const option = (name: keyof RouterSpelling, otherwise: boolean): boolean => config.routerOptions?.[name] ?? config[name] ?? otherwise
  return {
    caseSensitive: option('caseSensitive', true),
    ignoreTrailingSlash: option('ignoreTrailingSlash', false),
    ignoreDuplicateSlashes: option('ignoreDuplicateSlashes', false),
    useSemicolonDelimiter: option('useSemicolonDelimiter', false)
  }
}
