import type { GuardLog } from '../guarded.ts'
import type { Watch, Watcher } from '../watch.ts'
import { messageOf } from './faults.ts'
import { wireKey } from './keys.ts'
import type { Client, Link } from './link.ts'
import { mastersOf } from './sending.ts'
import { track } from './tracking.ts'
import type { Tracking } from './tracking.ts'

/** How often it is looked whether the servers are still the same, ms. */
const LOOK_EVERY = 250
const FIRST_PAUSE = 25
const LONGEST_PAUSE = 2000

/** No waiting helps: the user may not, or the server is too old. */
const FORBIDDEN = /NOPERM|unknown (sub)?command|NOAUTH|WRONGPASS/i

export interface ChangesSettings {
  readonly prefix: string
  readonly watcher: Watcher
  readonly log: GuardLog
}

interface Watched {
  tracking: Tracking | undefined
  pause: number
  /** Not tried again before. */
  notBefore: number
}

/**
 * Every change under a prefix on every server that holds keys. Live while each of them is being listened to over a
 * connection that stands, and it is the server that the data connection talks to.
 */
export function watchChanges (link: Pick<Link, 'keyPrefix'> & { client (): Client | undefined }, { prefix, watcher, log }: ChangesSettings): Watch {
  const before = Buffer.from(link.keyPrefix as string)
  const wired = Buffer.concat([before, Buffer.from(wireKey(prefix) as string)])
  /** By socket; in a cluster, where each node has its address for good, by that. */
  const servers = new Map<unknown, Watched>()
  let again: NodeJS.Timeout | undefined
  let all = false
  let closed = false
  let complaint: string | undefined

  function look (): void {
    if (closed) return
    const client = link.client()
    const targets = targetsOf(client)
    all = targets !== undefined
    if (targets === undefined) return
    for (const [place, { tracking }] of servers) {
      if (targets.has(place)) continue
      servers.delete(place)
      tracking?.close()
    }
    for (const [place, server] of targets) listen(place, server, server !== client)
  }

  function listen (place: unknown, client: Client, node: boolean): void {
    let server = servers.get(place)
    if (server === undefined) servers.set(place, server = { tracking: undefined, pause: FIRST_PAUSE, notBefore: 0 })
    if (server.tracking !== undefined || performance.now() < server.notBefore) return
    const own = server
    own.tracking = track(client, wired, node, {
      changed,
      live () {
        own.pause = FIRST_PAUSE
        complaint = undefined
        // What changed until now went unseen
        watcher.lost()
      },
      ended (error) {
        own.tracking = undefined
        own.notBefore = performance.now() + own.pause
        again = setTimeout(look, own.pause)
        again.unref()
        own.pause = Math.min(own.pause * 2, LONGEST_PAUSE)
        complain(error)
      }
    })
  }

  function changed (keys: readonly Buffer[] | null): void {
    if (keys === null) return watcher.lost()
    for (const key of keys) watcher.changed(key.toString('utf8', before.length))
  }

  function complain (error: Error): void {
    const message = messageOf(error)
    if (!FORBIDDEN.test(message) || complaint === message) return
    complaint = message
    log.error({ reason: message }, `fastify-cached: CACHE_LOCAL keeps nothing: the server does not let this user watch changes (CLIENT TRACKING and the channel __redis__:invalidate): ${message}`)
  }

  look()
  const timer = setInterval(look, LOOK_EVERY)
  timer.unref()

  return {
    get live () {
      if (!all || closed || servers.size === 0) return false
      for (const { tracking } of servers.values()) if (tracking?.live !== true) return false
      const client = link.client()
      return client !== undefined && (client.isCluster || servers.has(client.stream))
    },
    close () {
      closed = true
      clearInterval(timer)
      clearTimeout(again)
      for (const { tracking } of servers.values()) tracking?.close()
      servers.clear()
    }
  }
}

/** `undefined`: not every server that holds keys is known and connected. */
function targetsOf (client: Client | undefined): Map<unknown, Client> | undefined {
  if (client === undefined || client.status !== 'ready') return undefined
  if (!client.isCluster) return client.stream === undefined ? undefined : new Map([[client.stream, client]])
  try {
    return new Map(mastersOf(client).map((node) => [`${node.options.host}:${node.options.port}`, node]))
  } catch {
    return undefined
  }
}
