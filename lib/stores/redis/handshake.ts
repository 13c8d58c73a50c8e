import { randomBytes } from 'node:crypto'
import { errors } from '../../errors.ts'
import { withDeadline } from '../deadline.ts'
import { wireKey } from './keys.ts'
import { refusal } from './faults.ts'
import type { Call, Link } from './link.ts'

const LONGEST = 1000

/** The answers to a count of `x` and to a script that is not there, and those of a server that takes no writes just now. */
const AS_EXPECTED = /^(ERR value is not an integer|NOSCRIPT|OOM|MISCONF|NOREPLICAS)/

/** Any script that is not there: only the permission to run one is asked for. */
const NO_SCRIPT = '0'.repeat(40)

export interface Asked {
  readonly db: number
  /** What the keys will begin with, where it is known. */
  readonly prefix: string | undefined
  /** Later on, a primary that has become a replica is still good for reads. */
  readonly readOnlyRefused: boolean
}

/**
 * Asks a fresh connection for everything that the store will need of it, without leaving a trace: a key that does
 * not exist is read, counted wrongly, and written only if it were there.
 *
 * @returns why the server cannot be used, or `undefined` when it can; rejects when it does not answer
 */
export async function handshake (link: Pick<Link, 'send' | 'sendAll' | 'keyPrefix'>, asked: Asked): Promise<string | undefined> {
  const { db, prefix } = asked
  const late = () => new errors.FST_CACHE_ERR_BACKEND_TIMEOUT(LONGEST)
  // A client that was given a database that does not exist quietly stays in database 0
  if (db !== 0) {
    const fault = await withDeadline(link.send(['SELECT', db]), LONGEST, late).then(() => undefined, faultOf)
    if (fault !== undefined) return fault
  }
  const replies = await withDeadline(link.sendAll(probes(link.keyPrefix, prefix)), LONGEST, late)
  for (const reply of replies) {
    if (!(reply instanceof Error)) continue
    // Without the prefix the key is made up, and that the user may not touch it says nothing
    if (prefix === undefined && /NOPERM.*key/i.test(reply.message)) continue
    if (!asked.readOnlyRefused && reply.message.startsWith('READONLY')) continue
    const fault = refusal(reply)
    if (fault !== undefined) return fault
    if (/unknown command/i.test(reply.message)) return 'the server lacks a command that Redis has since version 6'
    if (!AS_EXPECTED.test(reply.message)) throw reply
  }
  return undefined
}

function probes (keyPrefix: string | Buffer, prefix: string | undefined): Call[] {
  const name = `${prefix ?? ''}~probe~${randomBytes(9).toString('base64url')}`
  const key = typeof keyPrefix === 'string' ? wireKey(keyPrefix + name) : Buffer.concat([keyPrefix, Buffer.from(name)])
  return [
    ['MGET', key],
    ['EXISTS', key],
    ['SET', key, '0', 'XX', 'PX', 1],
    ['INCRBY', key, 'x'],
    ['UNLINK', key],
    ['SCAN', '0', 'MATCH', 'x', 'COUNT', 1],
    ['EVALSHA', NO_SCRIPT, 1, key]
  ]
}

function faultOf (error: unknown): string {
  const fault = refusal(error)
  if (fault === undefined) throw error
  return fault
}
