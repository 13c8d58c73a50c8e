import { errors } from '../../errors.ts'
import { whenHeardFor } from '../deadline.ts'
import { refusal } from './faults.ts'
import { handshake } from './handshake.ts'
import type { Client, CommandClass, Link } from './link.ts'
import { perNode } from './per-node.ts'
import { pinging } from './pinging.ts'
import { sending } from './sending.ts'
import type { RedisStoreSettings } from './settings.ts'

const OPENING = 1200
const DESCRIBE = "the application's own ioredis client"

/**
 * A client that the application made and keeps: used only while it is connected, so that nothing of ours ever waits
 * in its queue, and never closed. One that has not been connected yet is connected.
 */
export function ownClient (Command: CommandClass, candidate: object, settings: RedisStoreSettings): Link & { opened: Promise<void>, client (): Client } {
  const client = checked(candidate)
  let fault: string | undefined
  let approved = false
  let closed = false

  function connected (): Client {
    if (closed) throw new errors.FST_CACHE_ERR_CLOSED()
    if (fault !== undefined) throw new errors.FST_CACHE_ERR_BACKEND_DOWN(`${DESCRIBE}: ${fault}`)
    if (!approved || !isReady(client)) throw new errors.FST_CACHE_ERR_BACKEND_DOWN(`${DESCRIBE} is '${client.status}'`)
    return client
  }

  const keyPrefix = client.options.keyPrefix ?? ''
  const direct = sending(Command, () => client, keyPrefix)
  let greeting: Promise<void> | undefined

  /** Once per store, when the client is first seen connected; a question that brought no answer is asked again. */
  function greet (): Promise<void> {
    greeting ??= handshake(direct, { db: 0, prefix: settings.prefix, readOnlyRefused: true }).then((refused) => {
      fault = refused
      approved = refused === undefined
    }).finally(() => { greeting = undefined })
    return greeting
  }

  const opened = open(client, greet).then((refused) => {
    const why = fault ?? refused
    if (why !== undefined) throw new errors.FST_CACHE_ERR_BACKEND_REFUSED(`CACHE_REDIS_HOST, ${DESCRIBE}: ${why}`)
    if (!approved) client.on('ready', late)
  })

  function late (): void {
    if (approved || closed) return
    greet().then(() => {
      if (fault !== undefined) settings.log.error({}, `fastify-cached: CACHE_REDIS_HOST, ${DESCRIBE}: ${fault}`)
    }, () => {})
  }

  const plain = sending(Command, connected, keyPrefix)
  const link = { ...plain, ping: pinging(plain, client.isCluster, () => {}) }
  const nodeOf = (key: string | Buffer) => client.slots?.[link.group(key)]?.[0]
  const refresh = () => client.refreshSlotsCache?.()
  const whole = client.isCluster
    ? { ...link, ...perNode(link, { nodeOf, refresh, bound: settings.operationTimeout, log: settings.log, describe: DESCRIBE }) }
    : link
  return {
    ...whole,
    opened,
    client: () => client,
    async ping () {
      // The handshake may have failed while the server was loading
      if (!approved && fault === undefined && isReady(client)) await greet()
      await whole.ping()
    },
    async close () {
      closed = true
      client.off('ready', late)
    }
  }
}

/** Waits for a client that is on its way, 1.5 s at most. Resolves with why its server refuses it, where it does. */
async function open (client: Client, greet: () => Promise<void>): Promise<string | undefined> {
  if (client.status === 'wait') client.connect().catch(() => {})
  if (!isReady(client)) {
    const refused = await arrival(client)
    if (refused !== undefined || !isReady(client)) return refused
  }
  await greet().catch(() => {})
  return undefined
}

function arrival (client: Client): Promise<string | undefined> {
  return new Promise((resolve) => {
    const failed = (error: Error) => {
      const refused = refusal(error)
      if (refused !== undefined) done(refused)
    }
    const done = (refused?: string) => {
      heard()
      client.off('ready', ready)
      client.off('end', ready)
      client.off('error', failed)
      client.off('node error', failed)
      resolve(refused)
    }
    const ready = () => done()
    const heard = whenHeardFor(OPENING, done)
    client.on('ready', ready)
    client.on('end', ready)
    client.on('error', failed)
    client.on('node error', failed)
    if (client.status === 'end') done()
  })
}

/** `ready`, and its socket takes data: between a socket's end and the event that says so, commands would be queued. */
function isReady (client: Client): boolean {
  return client.status === 'ready' && client.stream?.writable !== false
}

function checked (candidate: object): Client {
  const client = candidate as Client
  const usable = typeof client.status === 'string' && typeof client.sendCommand === 'function' && typeof client.pipeline === 'function' && typeof client.on === 'function' && typeof client.options === 'object'
  if (!usable) throw new errors.FST_CACHE_ERR_OPTIONS('CACHE_REDIS_HOST takes a host name or a client of ioredis (Redis or Cluster); got another object')
  if (client.mode === 'subscriber' || client.mode === 'monitor') {
    throw new errors.FST_CACHE_ERR_BACKEND_REFUSED(`CACHE_REDIS_HOST, ${DESCRIBE}, is in ${client.mode} mode and takes no other commands; give the cache a client of its own`)
  }
  return client
}
