import type { Counters } from '../stats.ts'
import type { Tally } from '../tally.ts'
import type { Log, Notes } from '../notes.ts'
import type { PluginSettings } from '../options/settings.ts'
import type { Flights } from '../single-flight.ts'
import type { Versioned } from '../versions/versioned.ts'
import type { Locks } from '../locks.ts'
import type { Entry, StoredReply } from '../entry.ts'
import type { DetachedRuns } from './detached-run.ts'
import type { Uncacheable } from './uncacheable.ts'
import type { EncodedBodies } from './encoded.ts'
import type { VariantUse } from './variant-use.ts'
import type { Uses } from './uses.ts'
import type { RouterSpelling } from './key.ts'
import type { KnownAddresses } from './known-addresses.ts'

/** What a leader hands to its followers: the entry, and the request fields that chose it. */
export interface Shared {
  readonly entry: Entry<StoredReply>
  readonly fields: readonly string[]
  readonly variant: string
  /** The run failed, and this is the stale entry that stood in for it: it was softened at this moment (`Infinity`: never). */
  readonly stale?: number
}

/** What the HTTP side of one cache works with. */
export interface Engine {
  /** The decorator's name. */
  readonly name: string
  readonly settings: PluginSettings
  /** Before every key of a reply. */
  readonly prefix: string
  readonly versioned: Versioned
  readonly flights: Flights<Shared>
  readonly counters: Counters
  /** Of functions and single values; a route has its own. */
  readonly tallies: { readonly memoize: Tally, readonly value: Tally }
  readonly notes: Notes
  readonly log: Log
  readonly uncacheable: Uncacheable
  readonly uses: Uses
  readonly variantUse: VariantUse
  readonly runs: DetachedRuns
  readonly encoded: EncodedBodies
  readonly locks: Locks | undefined
  readonly router: RouterSpelling
  readonly known: KnownAddresses
  /** NullCache: nothing is looked up, waited for, stored or purged. */
  readonly none: boolean
  /** Caches of child scopes that serve under the same name: automatic purges reach them. */
  readonly below: Engine[]
  now (): number
  random (): number
}
