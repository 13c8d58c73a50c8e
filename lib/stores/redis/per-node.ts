import { errors } from '../../errors.ts'
import { Breaker } from '../breaker.ts'
import { withDeadline } from '../deadline.ts'
import type { GuardLog } from '../guarded.ts'
import { notAnOutage } from '../outage.ts'
import { backendError } from './faults.ts'
import type { Call, Link } from './link.ts'

/** Inside the operation's own deadline, so that it is known which node let it pass. */
const SHARE = 0.9

const REFRESH_EVERY = 250

/** Nodes that are remembered; a cluster's addresses change over the years. */
const MOST_NODES = 1000

export interface PerNodeSettings {
  /** The address of the master that serves a key; `undefined` while that is not known. */
  readonly nodeOf: (key: string | Buffer) => string | undefined
  /** Asks the cluster which master serves what. */
  readonly refresh: () => void
  readonly bound: number
  readonly log: GuardLog
  readonly describe: string
}

/**
 * A breaker for each master of a cluster: while one of them is gone, its keys are refused at once and those of the
 * others are served. Its failures are nobody else's: the guard around the whole store hears of an outage only when
 * no master answers.
 */
export function perNode (link: Pick<Link, 'send' | 'ping'>, settings: PerNodeSettings): Pick<Link, 'send' | 'sendAll' | 'ping'> {
  const { nodeOf, bound, log, describe } = settings
  let refreshed = -Infinity

  /** A replica may have taken over: the sooner that is known, the shorter the outage. */
  function refresh (now: number): void {
    if (now - refreshed < REFRESH_EVERY) return
    refreshed = now
    settings.refresh()
  }

  const breakers = new Map<string, Breaker>()

  function breakerOf (node: string): Breaker {
    let breaker = breakers.get(node)
    if (breaker === undefined) {
      if (breakers.size >= MOST_NODES) breakers.clear()
      breakers.set(node, breaker = new Breaker())
    }
    return breaker
  }

  function send (call: Call): Promise<unknown> {
    let node: string | undefined
    try {
      node = nodeOf(keyOf(call))
    } catch (error) {
      return Promise.reject(error)
    }
    if (node === undefined) return link.send(call)
    const breaker = breakerOf(node)
    const now = performance.now()
    const ticket = breaker.enter(now)
    if (breaker.open) refresh(now)
    if (ticket === undefined) return Promise.reject(judged(new errors.FST_CACHE_ERR_BACKEND_DOWN(`${describe}: node ${node}`), breaker))
    return withDeadline(link.send(call), bound * SHARE, () => new errors.FST_CACHE_ERR_BACKEND_TIMEOUT(Math.round(bound * SHARE))).then(
      (reply) => {
        if (breaker.succeeded(ticket)) log.info({ node }, `fastify-cached: ${describe}: node ${node} is back`)
        return reply
      },
      (error: Error) => {
        if (!isNodeFault(error)) {
          breaker.succeeded(ticket)
          throw error
        }
        if (breaker.failed(ticket, performance.now(), error)) log.warn({ node, reason: error.message }, `fastify-cached: ${describe}: node ${node} is down, its keys are gone round`)
        throw judged(backendError(error), breaker)
      }
    )
  }

  function judged (error: Error, failing: Breaker): Error {
    for (const breaker of breakers.values()) {
      if (breaker !== failing && breaker.well) return notAnOutage(error)
    }
    return error
  }

  return {
    send,
    sendAll: (calls) => Promise.all(calls.map((call) => send(call).catch((error: unknown) => error))),
    async ping () {
      await link.ping()
      // Asked for only while the whole cluster is taken for down: what was known of its nodes is out of date
      breakers.clear()
    }
  }
}

function keyOf ([name, ...args]: Call): string | Buffer {
  return args[name === 'EVALSHA' || name === 'EVAL' ? 2 : 0] as string | Buffer
}

/** An error reply says that the node is there, unless it says that the cluster is not. */
function isNodeFault ({ message }: Error): boolean {
  return !/^[A-Z]{2,} /.test(message) || /^(CLUSTERDOWN|LOADING|MASTERDOWN|BUSY|TRYAGAIN|MOVED|ASK)\b/.test(message)
}
