import { errors } from '../../errors.ts'
import { whenHeardFor, withDeadline } from '../deadline.ts'
import type { GuardLog } from '../guarded.ts'
import { messageOf, refusal } from './faults.ts'
import { handshake } from './handshake.ts'
import type { Client, CommandClass, Link } from './link.ts'
import { pinging } from './pinging.ts'
import { sending } from './sending.ts'

/** How a connection is made, and of what kind. */
export interface Recipe {
  readonly Command: CommandClass
  /** What messages call it: `RedisCache at localhost:6379`. No credentials. */
  readonly describe: string
  /** Makes a client that is not connected yet; `attempt` counts from 1 since the connection was last well. */
  create (attempt: number): Client
  readonly cluster?: true
  readonly keyPrefix: string | Buffer
  readonly db: number
  readonly prefix: string | undefined
  /** An attempt that is not through by then is given up, ms. */
  readonly patience: number
  readonly log: GuardLog
  /** Looks closer at a server to which the first attempt brought no connection, and no reason why. */
  readonly diagnose?: () => Promise<string | undefined>
}

export interface Connection extends Link {
  /** Resolves once it is known whether the server can be used, or 1.5 s have passed; rejects when it refuses. */
  readonly opened: Promise<void>
  /** The client under way, whether it is connected or not. */
  client (): Client | undefined
  /** Drops the connection that there is for a new one. */
  renew (): void
}

const OPENING = 1200
const GOODBYE = 500
const FIRST_PAUSE = 50
const LONGEST_PAUSE = 1000

/**
 * A connection that is made anew whenever it ends, with a fresh client each time: nothing that the old one had in its
 * queues, and no state that it may be stuck in, survives. A client counts as connected only when its server has
 * passed the handshake; until then every command is refused at once.
 */
export function connection (recipe: Recipe): Connection {
  const { describe, log } = recipe
  let client: Client | undefined
  let usable = false
  let closed = false
  let attempt = 0
  let reason = 'not connected yet'
  let complaint: string | undefined
  let pause: NodeJS.Timeout | undefined
  let settle!: (fault?: string) => void

  const opened = new Promise<void>((resolve, reject) => {
    const heard = whenHeardFor(OPENING, () => settle())
    settle = (fault) => {
      heard()
      settle = complain
      if (fault === undefined) return resolve()
      finish()
      reject(new errors.FST_CACHE_ERR_BACKEND_REFUSED(`${describe}: ${fault}`))
    }
  })

  /** After the start a refusal is an outage; it is said once, since waiting alone will not end it. */
  function complain (fault?: string): void {
    if (fault === undefined || fault === complaint) return
    complaint = fault
    log.error({ backend: describe }, `fastify-cached: ${describe}: ${fault}`)
  }

  function start (): void {
    const first = attempt++ === 0
    const own = client = recipe.create(attempt)
    let fault: string | undefined
    let told: string | undefined
    const watchdog = setTimeout(() => drop(own), recipe.patience)
    watchdog.unref()
    const note = (error: Error) => {
      // "Connection is closed." comes last and says least
      told ??= reason = messageOf(error)
      fault ??= refusal(error)
    }
    for (const event of ['error', 'sentinelError', 'node error']) own.on(event, note)
    own.on('ready', () => {
      greet(own, first).then((refused) => {
        if (own !== client) return
        if (refused !== undefined) {
          fault = refused
          drop(own)
          return
        }
        clearTimeout(watchdog)
        usable = true
        attempt = 1
        complaint = undefined
        settle()
      }).catch((error: Error) => {
        note(error)
        drop(own)
      })
    })
    const lost = () => {
      if (own !== client) return
      if (usable) reason = 'the connection was lost'
      usable = false
    }
    own.on('close', lost)
    own.on('reconnecting', lost)
    own.once('end', () => {
      clearTimeout(watchdog)
      if (own !== client || closed) return
      usable = false
      client = undefined
      conclude(fault, first).catch(note)
    })
    own.connect().catch(note)
  }

  async function conclude (fault: string | undefined, first: boolean): Promise<void> {
    if (fault === undefined && first && !/ECONNREFUSED|ENOENT|ENOTFOUND|EAI_AGAIN/.test(reason)) fault = await recipe.diagnose?.()
    if (closed) return
    // It may be this process that stood still for so long; while the start waits, another attempt can tell
    if (fault === undefined && first && settle !== complain && /ETIMEDOUT|Socket timeout/.test(reason)) {
      attempt = 0
      start()
      return
    }
    if (fault !== undefined) reason = fault
    settle(fault)
    if (!closed) again()
  }

  function greet (own: Client, first: boolean): Promise<string | undefined> {
    return handshake(sending(recipe.Command, () => own, recipe.keyPrefix), { db: recipe.db, prefix: recipe.prefix, readOnlyRefused: first })
  }

  function again (): void {
    pause = setTimeout(start, Math.min(FIRST_PAUSE * 2 ** (attempt - 1), LONGEST_PAUSE))
    pause.unref()
  }

  function connected (): Client {
    if (closed) throw new errors.FST_CACHE_ERR_CLOSED()
    if (!usable || client === undefined) throw new errors.FST_CACHE_ERR_BACKEND_DOWN(`${describe}: ${reason}`)
    return client
  }

  function renew (): void {
    if (client === undefined || closed) return
    usable = false
    drop(client)
  }

  /** Idempotent. */
  function finish (): void {
    closed = true
    usable = false
    clearTimeout(pause)
    if (client !== undefined) drop(client)
  }

  start()
  const link = sending(recipe.Command, connected, recipe.keyPrefix)
  return {
    ...link,
    opened,
    client: () => client,
    renew,
    ping: pinging(link, recipe.cluster === true, renew),
    async close () {
      const leaving = client
      const wasUsable = usable
      closed = true
      usable = false
      clearTimeout(pause)
      settle()
      // QUIT is answered after everything that was sent before it
      if (wasUsable && leaving !== undefined) await withDeadline(leaving.quit(), GOODBYE, () => new Error('no answer')).catch(() => {})
      finish()
    }
  }
}

/** Ends a client at once: a server that does not answer would keep the socket, and so the process, for seconds. */
function drop (client: Client): void {
  const streams = [client, ...client.nodes?.() ?? []].map((node) => node.stream)
  client.disconnect()
  for (const stream of streams) stream?.destroy?.()
}
