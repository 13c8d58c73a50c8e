import { randomBytes } from 'node:crypto'
import { backendError } from './faults.ts'
import type { Link } from './link.ts'

/** Pings in a row that fail over a connection that seems to stand. */
const LIMIT = 3

/** Slots that a ping asks for a key in: enough to meet each master of an ordinary cluster. */
const SAMPLES = 12

/**
 * Is the server there; in a cluster, does any master serve keys? (A node of a cluster that has failed still answers
 * PING.) A connection over which nothing comes back time after time is given up by `renew`.
 */
export function pinging (link: Pick<Link, 'send'>, isCluster: boolean, renew: () => void): () => Promise<void> {
  let unanswered = 0
  let under = 0

  const ask = () => link.send(['EXISTS', randomBytes(9).toString('base64url')]).catch(unlessForbidden)

  return async () => {
    // A ping that hangs counts when the next one is sent: its caller has given it up
    if (under > 0 && ++unanswered >= LIMIT) {
      unanswered = 0
      renew()
    }
    under++
    try {
      await Promise.any(Array.from({ length: isCluster ? SAMPLES : 1 }, ask))
      unanswered = 0
    } catch (error) {
      throw backendError((error as AggregateError).errors[0])
    } finally {
      under--
    }
  }
}

/** A server that forbids the question is there. */
function unlessForbidden (error: Error): void {
  if (!error.message.startsWith('NOPERM')) throw error
}
