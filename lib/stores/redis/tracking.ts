import type { RedisOptions } from 'ioredis'
import { withDeadline } from '../deadline.ts'
import type { Client } from './link.ts'

/** Where a server puts the messages of client-side caching for a connection that speaks RESP2. */
const CHANNEL = '__redis__:invalidate'

/** An attempt that is not through by then is given up, ms. */
const PATIENCE = 2000
const PING_EVERY = 500
const PING_BOUND = 1000

/** Whatever the data connection does about lost connections and queues: this one is made once and then given up. */
const OF_ITS_OWN = {
  // ioredis drops the push messages of RESP3; under RESP2 they come as those of a channel
  protocol: 2,
  connectionName: 'fastify-cached-tracking',
  keyPrefix: '',
  lazyConnect: true,
  connectTimeout: 1000,
  disconnectTimeout: 100,
  maxRetriesPerRequest: 0,
  enableOfflineQueue: false,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  enableAutoPipelining: false,
  disableClientInfo: true,
  readOnly: false,
  monitor: false,
  retryStrategy: null,
  reconnectOnError: null,
  sentinelRetryStrategy: () => null
} as unknown as RedisOptions

export interface TrackingEvents {
  /** Keys that changed; `null`: all of them. */
  changed (keys: readonly Buffer[] | null): void
  live (): void
  /** Once, at the end; not after `close`. */
  ended (error: Error): void
}

/** A connection over which one server tells what changes under a prefix. */
export interface Tracking {
  readonly live: boolean
  close (): void
}

/**
 * `CLIENT TRACKING … BCAST`: the server tells of every key that begins so, whoever changes it and by whatever command,
 * and keeps nothing in mind for it. The connection redirects its messages to itself.
 *
 * @param data a connection to the server in question
 * @param node it is a cluster's
 */
export function track (data: Client, prefix: Buffer, node: boolean, events: TrackingEvents): Tracking {
  const own = data.duplicate!(OF_ITS_OWN)
  let live = false
  let closed = false
  let reason: Error | undefined

  const watchdog = setTimeout(() => end(new Error('no answer in time')), PATIENCE)
  watchdog.unref()
  const pinger = setInterval(() => {
    if (live) withDeadline(own.ping(), PING_BOUND, () => new Error('a ping was not answered')).catch(end)
  }, PING_EVERY)
  pinger.unref()

  function end (error: Error): void {
    if (closed) return
    close()
    events.ended(reason ?? error)
  }

  function close (): void {
    closed = true
    live = false
    clearTimeout(watchdog)
    clearInterval(pinger)
    const { stream } = own
    own.disconnect()
    stream?.destroy?.()
  }

  async function start (): Promise<void> {
    await own.connect()
    // Behind one name there may be several servers, and sentinels may name another by now. A node of a cluster is its
    // address, and is connected only when it is needed
    if (!node && !sameServer(own, data)) throw new Error('reached another server than the data connection')
    const id = await own.call('CLIENT', 'ID')
    await own.call('CLIENT', 'TRACKING', 'ON', 'REDIRECT', Number(id), 'BCAST', 'PREFIX', prefix)
    await own.subscribe(CHANNEL)
    if (closed) return
    clearTimeout(watchdog)
    live = true
    events.live()
  }

  // "Connection is closed." comes last and says least
  own.on('error', (error: Error) => { reason ??= error })
  own.on('end', () => end(new Error('the connection ended')))
  own.on('messageBuffer', (_channel: Buffer, keys: readonly Buffer[] | null) => { if (!closed) events.changed(keys) })
  start().catch(end)

  return {
    get live () { return live },
    close
  }
}

function sameServer ({ stream: one }: Client, { stream: other }: Client): boolean {
  return one?.remoteAddress === other?.remoteAddress && one?.remotePort === other?.remotePort
}
