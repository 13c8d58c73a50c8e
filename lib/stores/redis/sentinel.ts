import type { RedisOptions, SentinelAddress } from 'ioredis'
import { DISCONNECT_TIMEOUT, given, nodeDefaults } from './client.ts'
import { connection } from './connection.ts'
import type { Connection } from './connection.ts'
import type { Ioredis } from './link.ts'
import { watchFailovers } from './sentinel-watch.ts'
import type { RedisStoreSettings } from './settings.ts'

const SENTINEL_ANSWER = 500

/** The primary of a group that sentinels watch; a fresh look-up at each connection. */
export function sentinelConnection ({ Redis, Command, SentinelConnector }: Ioredis, settings: RedisStoreSettings): Connection {
  const { username, password, db, sentinels = [], sentinelMaster, sentinelPassword, prefix, log } = settings
  /** The connections to sentinels have no option of their own for this, and would keep a closing process for 2 s. */
  class Connector extends SentinelConnector {
    override connectToSentinel (endpoint: object, more?: object): unknown {
      return super.connectToSentinel(endpoint, { disconnectTimeout: DISCONNECT_TIMEOUT, ...more })
    }
  }
  const options: RedisOptions = {
    ...nodeDefaults(settings),
    Connector: Connector as unknown as NonNullable<RedisOptions['Connector']>,
    // Tells whether the server that the sentinels named is a primary still
    enableReadyCheck: true,
    ...given({ username, password, db, sentinelPassword }) as RedisOptions,
    sentinels: sentinels.map(([host, port]) => ({ host, port })),
    name: sentinelMaster ?? 'mymaster',
    sentinelCommandTimeout: SENTINEL_ANSWER,
    sentinelRetryStrategy: () => null,
    ...settings.options,
    lazyConnect: true
  }
  const asked: SentinelAddress[] = [...options.sentinels as SentinelAddress[]]
  const link = connection({
    Command,
    describe: `RedisSentinelCache '${options.name}' at ${asked.map(({ host, port }) => `${host}:${port}`).join(', ')}`,
    // Each time another sentinel first: one that is frozen costs its whole time-out
    create: (attempt) => new Redis({ ...options, sentinels: rotated(asked, attempt - 1) }),
    keyPrefix: options.keyPrefix ?? '',
    db: Number(options.db ?? 0),
    prefix,
    patience: 2000 + asked.length * 1000,
    log
  })
  const unwatch = watchFailovers(Redis, options, (host, port) => {
    // A sentinel that heard late tells nothing new: a connection to that very server was dropped for it, 0.1 s of outage
    const { remoteAddress, remotePort } = link.client()?.stream ?? {}
    if (remoteAddress !== host || remotePort !== port) link.renew()
  })
  const close = async () => {
    unwatch()
    await link.close()
  }
  link.opened.catch(unwatch)
  return { ...link, ...renewing(link), close }
}

/** A primary that refuses a write has been demoted: the sentinels know the new one. */
function renewing (link: Connection): Pick<Connection, 'send' | 'sendAll'> {
  const look = (error: unknown) => {
    if (error instanceof Error && error.message.startsWith('READONLY')) link.renew()
  }
  return {
    send: (call) => link.send(call).catch((error: unknown) => {
      look(error)
      throw error
    }),
    sendAll: async (calls) => {
      const replies = await link.sendAll(calls)
      replies.forEach(look)
      return replies
    }
  }
}

function rotated<T> (list: readonly T[], by: number): T[] {
  const from = by % Math.max(1, list.length)
  return [...list.slice(from), ...list.slice(0, from)]
}
