import { createClient } from './client.ts'
import { Connection } from './connection.ts'
import { Items } from './items.ts'
import { createKeys } from './keys.ts'
import { Namespace } from './namespace.ts'
import { Pieces } from './pieces.ts'
import { byGroup, createPlacement } from './placement.ts'
import { plan } from './settings.ts'
import type { MemcachedStoreSettings } from './settings.ts'
import { createStore } from './store.ts'
import type { MemcachedStore } from './store.ts'

export type { MemcachedLog, MemcachedStoreSettings } from './settings.ts'
export type { MemcachedStore } from './store.ts'

/** One server of several is given up inside the operation's own deadline, so that its silence is not taken for the store's. */
const SHARE = 0.9

/**
 * A store on memcached servers: values lie on one of them by rendezvous hashing. Resolves also while servers are down
 * (within `conntimeout`, 1 s); they are used as soon as they are back.
 *
 * A server that is down fails its keys at once: reads are misses while another server is up, and reject when none is;
 * everything else rejects.
 *
 * @throws FST_CACHE_ERR_OPTIONS for settings that cannot work
 * @throws FST_CACHE_ERR_BACKEND_REFUSED when a server refuses the credentials, has no SASL where credentials are given,
 *   wants some where none are, or is no memcached
 */
export async function memcachedStore (settings: MemcachedStoreSettings): Promise<MemcachedStore> {
  const chosen = plan(settings)
  const { log, now = Date.now } = settings
  if (chosen.pinned.length > 0) {
    log.warn({ options: chosen.pinned }, `fastify-cached: CACHE_OPTIONS ${chosen.pinned.join(', ')}: without effect on memcached, since the cache decides this itself (CACHE_OPERATION_TIMEOUT, no retry of a write, no second server for a key)`)
  }
  const names = chosen.addresses.map(({ name }) => name)
  // The outage of a single server is that of the store, which its guard reports.
  const several = names.length > 1
  const connections = chosen.addresses.map((address) => new Connection(address, {
    ...chosen,
    operationTimeout: settings.operationTimeout * (several ? SHARE : 1),
    down: (reason) => { if (several) log.warn({ server: address.name, reason }, `fastify-cached: memcached ${address.name} is out of service (${reason}); its keys are misses until it is back`) },
    up: () => { if (several) log.info({ server: address.name }, `fastify-cached: memcached ${address.name} is back`) }
  }))
  const { call, close } = await createClient(connections, chosen.memjs)
  const refusals = await Promise.all(connections.map(async (connection) => await connection.start()))
  const refusal = refusals.find((error) => error !== undefined)
  if (refusal !== undefined) {
    close()
    throw refusal
  }
  const items = new Items(call, now)
  const keys = createKeys(settings.prefix)
  const place = byGroup(createPlacement(names), settings.prefix)
  const pieces = new Pieces({ items, keys, names, place, isUp: (server) => connections[server]?.up === true, chunkSize: chosen.chunkSize })
  const namespace = new Namespace(call, items, keys, settings.prefix, names.length)
  const parts = { items, namespace, pieces, place, now, itemBytes: chosen.itemBytes, valueBytes: chosen.valueBytes }
  return { ...createStore({ parts, connections, call, disconnect: close, log }), spread: several }
}
