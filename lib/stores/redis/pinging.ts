import { randomBytes } from 'node:crypto'
import { backendError } from './faults.ts'
import type { Link } from './link.ts'

/** Pings in a row that fail over a connection that seems to stand. */
const LIMIT = 3

/**
 * Is every server that holds keys there? A cluster whose nodes answer can still refuse all keys, so one key is asked
 * for as well. A connection over which nothing comes back time after time is given up by `renew`.
 */
export function pinging (link: Omit<Link, 'ping' | 'close'>, renew: () => void): () => Promise<void> {
  let unanswered = 0
  let under = 0
  return async () => {
    // A ping that hangs counts when the next one is sent: its caller has given it up
    if (under > 0 && ++unanswered >= LIMIT) {
      unanswered = 0
      renew()
    }
    under++
    try {
      const asked = [...link.masters().map((send) => send(['PING'])), link.send(['EXISTS', randomBytes(9).toString('base64url')])]
      await Promise.all(asked.map((answer) => answer.catch(unlessForbidden)))
      unanswered = 0
    } catch (error) {
      throw backendError(error)
    } finally {
      under--
    }
  }
}

/** A server that forbids the question is there. */
function unlessForbidden (error: Error): void {
  if (!error.message.startsWith('NOPERM')) throw error
}
