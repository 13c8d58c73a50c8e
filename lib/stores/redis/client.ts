import type { RedisOptions } from 'ioredis'
import { connection } from './connection.ts'
import type { Connection } from './connection.ts'
import { diagnose } from './diagnose.ts'
import type { Ioredis } from './link.ts'
import type { RedisStoreSettings } from './settings.ts'
import { parseRedisUrl } from './url.ts'

const PATIENCE = 3000

export const DISCONNECT_TIMEOUT = 100

const LEAST_SILENCE = 1000

/**
 * What a cache needs of ioredis, whose own defaults let a command wait for half a minute: nothing queues, nothing
 * is sent twice, and a connection that stays silent for longer than any operation may take is given up. ioredis does
 * not connect again by itself; `connection` does that.
 */
export function nodeDefaults ({ operationTimeout }: RedisStoreSettings) {
  return {
    connectionName: 'fastify-cached',
    connectTimeout: 1000,
    ...operationTimeout > 0 ? { socketTimeout: Math.max(LEAST_SILENCE, 2 * operationTimeout) } : {},
    disconnectTimeout: DISCONNECT_TIMEOUT,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    enableOfflineQueue: false,
    disableClientInfo: true,
    retryStrategy: null
  } satisfies RedisOptions
}

/** One server: host and port, a unix socket, or a URL. */
export function plainConnection ({ Redis, Command }: Ioredis, settings: RedisStoreSettings): Connection {
  const { host, port, username, password, db, url, prefix, log } = settings
  const where = url === undefined
    ? given({ host: host as string | undefined, port, username, password, db })
    : parseRedisUrl(url)
  const options: RedisOptions = {
    ...nodeDefaults(settings),
    // The permission for INFO is one of the dangerous ones; a server that loads says so in its answers too
    enableReadyCheck: false,
    ...where as RedisOptions,
    ...settings.options,
    lazyConnect: true
  }
  return connection({
    Command,
    describe: `RedisCache at ${options.path ?? `${options.host ?? 'localhost'}:${options.port ?? 6379}`}`,
    create: () => new Redis(options),
    keyPrefix: options.keyPrefix ?? '',
    db: Number(options.db ?? 0),
    prefix,
    patience: PATIENCE,
    log,
    ...(options.path === undefined ? { diagnose: () => diagnose({ host: options.host ?? 'localhost', port: options.port ?? 6379, tls: Boolean(options.tls) }) } : {})
  })
}

/** Without what was not given, so that ioredis's own defaults hold. */
export function given<T extends object> (options: T): Partial<T> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Partial<T>
}
