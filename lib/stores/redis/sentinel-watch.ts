import type { RedisOptions, SentinelAddress } from 'ioredis'
import { DISCONNECT_TIMEOUT, given } from './client.ts'
import type { Ioredis } from './link.ts'

const CHANNEL = '+switch-master'
const FIRST_PAUSE = 200
const LONGEST_PAUSE = 5000

/**
 * Calls `onFailover` as soon as one of the sentinels says that the master of this name has moved. Without it a
 * demoted primary that still answers is written to until it turns read-only: 11 s, against 0.8 s.
 *
 * ioredis has a detector of its own; it prints to the console when a sentinel goes, and takes notice of every
 * master that its sentinels watch.
 *
 * @param onFailover told the address of the new master: by each sentinel, and by one that heard late seconds after the others
 * @returns ends the watch
 */
export function watchFailovers (Redis: Ioredis['Redis'], options: RedisOptions, onFailover: (host: string, port: number) => void): () => void {
  const watchers = (options.sentinels as SentinelAddress[]).map(({ host, port }) => {
    const client = new Redis({
      ...given({
        host,
        port: port ?? 26379,
        username: options.sentinelUsername,
        password: options.sentinelPassword ?? undefined,
        tls: options.sentinelTLS,
        family: options.family
      }) as RedisOptions,
      connectionName: 'fastify-cached',
      connectTimeout: 1000,
      disconnectTimeout: DISCONNECT_TIMEOUT,
      disableClientInfo: true,
      enableReadyCheck: false,
      lazyConnect: true,
      retryStrategy: (times) => Math.min(FIRST_PAUSE * 2 ** Math.min(times, 5), LONGEST_PAUSE)
    })
    // The connection that asks for the primary reports what is wrong with a sentinel
    client.on('error', () => {})
    client.on('message', (_channel: string, message: string) => {
      // name, old address, old port, new address, new port
      const [name, , , host = '', to] = message.split(' ')
      if (name === options.name) onFailover(host, Number(to))
    })
    client.subscribe(CHANNEL).catch(() => {})
    return client
  })
  return () => { for (const client of watchers) client.disconnect() }
}
