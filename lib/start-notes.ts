import type { Log } from './notes.ts'
import type { PluginSettings } from './options/settings.ts'
import { CacheOptionsSchema } from './options/schema.ts'

const DEFAULT_PREFIX = CacheOptionsSchema.properties.CACHE_KEY_PREFIX.default as string
const IN_PROCESS = new Set<PluginSettings['type']>(['NullCache', 'SimpleCache', 'FileSystemCache', 'custom'])

/** What a start should not pass over in silence. */
export function noteStart ({ type, noNullWarning, keyPrefix }: PluginSettings, log: Log): void {
  if (type === 'NullCache' && !noNullWarning) {
    log.warn({}, 'fastify-cached: CACHE_TYPE is NullCache: nothing is cached. CACHE_NO_NULL_WARNING: true says that this is meant')
  }
  if (!IN_PROCESS.has(type) && keyPrefix === DEFAULT_PREFIX) {
    log.info({}, `fastify-cached: CACHE_KEY_PREFIX is the default '${DEFAULT_PREFIX}': applications that share this ${type} server need one each`)
  }
}
