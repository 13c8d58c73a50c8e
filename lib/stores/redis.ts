import { errors } from '../errors.ts'
import type { GuardHints } from './guarded.ts'
import type { Ioredis } from './redis/link.ts'
import { plainConnection } from './redis/client.ts'
import { clusterConnection } from './redis/cluster.ts'
import { watchChanges } from './redis/changes.ts'
import { ownClient } from './redis/own-client.ts'
import { sentinelConnection } from './redis/sentinel.ts'
import type { RedisStoreSettings } from './redis/settings.ts'
import { storeOver } from './redis/store.ts'
import type { Watchable } from './watch.ts'
import type { RedisStore } from './redis/store.ts'

export type { RedisStore, RedisStoreSettings }

/**
 * RedisCache, RedisSentinelCache and RedisClusterCache. Resolves as soon as the server is known to be usable, or not
 * to be there (it then connects in the background), 1.5 s after the call at the latest.
 *
 * @throws FST_CACHE_ERR_BACKEND_REFUSED when waiting will not help: wrong password, no such database, no such master …
 */
export async function redisStore (settings: RedisStoreSettings): Promise<RedisStore & Watchable & GuardHints> {
  const ioredis = await import('ioredis') as unknown as Ioredis
  const link = connect(ioredis, settings)
  await link.opened
  return {
    ...storeOver(link, { log: settings.log, bound: settings.operationTimeout }),
    spread: settings.kind === 'cluster' || (settings.host as { isCluster?: boolean } | undefined)?.isCluster === true,
    watch: (prefix, watcher) => watchChanges(link, { prefix, watcher, log: settings.log })
  }
}

function connect (ioredis: Ioredis, settings: RedisStoreSettings) {
  try {
    return linkOf(ioredis, settings)
  } catch (error) {
    if (((error as { code?: string }).code ?? '').startsWith('FST_CACHE_ERR_')) throw error
    throw new errors.FST_CACHE_ERR_OPTIONS(`CACHE_OPTIONS: ioredis does not take them (${(error as Error).message})`)
  }
}

function linkOf (ioredis: Ioredis, settings: RedisStoreSettings) {
  if (typeof settings.host === 'object') return ownClient(ioredis.Command, settings.host, settings)
  if (settings.kind === 'cluster') return clusterConnection(ioredis, settings)
  if (settings.kind === 'sentinel') return sentinelConnection(ioredis, settings)
  return plainConnection(ioredis, settings)
}
