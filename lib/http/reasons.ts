import type { CachedRoute } from './route.ts'
import type { Log } from '../notes.ts'

const ENOUGH = 100

/** The option that would change it, for the reasons that an option can change. */
const REMEDIES: Record<string, string> = {
  method: '`methods` lists the methods that are served from the cache',
  key: '`makeCacheKey` or `keyPrefix` gave no key; the log says why',
  authorization: "`authorization: 'vary'` gives each user entries of their own, `'ignore'` shares them with all",
  cookie: "`cookies: [names]` makes these part of the key, `cookies: 'ignore'` shares the reply with all",
  'set-cookie': 'the reply sets a cookie; set it on another route, or with a hook that does not run here',
  private: 'the reply says `Cache-Control: private`',
  'no-store': 'the reply says `Cache-Control: no-store`',
  'no-cache': 'the reply says `Cache-Control: no-cache`',
  status: '`statuses` names the status codes that are stored',
  'too-large': '`maxEntryBytes` (or CACHE_MAX_ENTRY_BYTES) is the bound of a body',
  'no-lifetime': "with `timeout: 'headers'` the reply must declare its own lifetime",
  'vary-star': 'the reply says `Vary: *`',
  host: '`host` lists the hosts that are served from the cache',
  unless: 'the route option `unless` answers true',
  'response-filter': 'the route option `responseFilter` answers false',
  range: 'requests with `Range` go round the cache'
}

/**
 * A route whose first hundred replies all went round the cache, or were not stored, for one reason is named once, with
 * what would change it.
 */
export function noteReason (route: CachedRoute, reason: string, log: Log): void {
  const { reasons } = route
  if (reasons === undefined) return
  const count = (reasons.get(reason) ?? 0) + 1
  reasons.set(reason, count)
  if (reasons.size > 1) {
    route.reasons = undefined
    return
  }
  if (count < ENOUGH) return
  route.reasons = undefined
  const remedy = REMEDIES[reason]
  log.warn({ route: route.where, reason, replies: count },
    `fastify-cached: the first ${count} replies of route ${route.where} were not cached: ${reason}${remedy === undefined ? '' : '. ' + remedy}`)
}
