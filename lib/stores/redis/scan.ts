import { withDeadline } from '../deadline.ts'
import { errors } from '../../errors.ts'
import { beginsWith } from './keys.ts'
import type { Call, Link } from './link.ts'

/** Keys that one SCAN looks at: about a millisecond of the server's time. */
const PAGE = 1000

type Send = (call: Call) => Promise<unknown>

/**
 * Removes every key that begins with these bytes, on every master. By SCAN, which lets the server's other clients
 * through between two pages; so what is written meanwhile may stay.
 *
 * @param bound longest wait for one step, ms; 0 = none
 * @returns how many keys were removed
 */
export async function removeByPrefix (link: Link, prefix: string | Buffer, bound: number): Promise<number> {
  const counts = await Promise.all(link.masters().map((send) => removeOnOne(link, bounded(send, bound), bounded(link.send, bound), prefix)))
  return counts.reduce((sum, count) => sum + count, 0)
}

async function removeOnOne (link: Link, scan: Send, send: Send, prefix: string | Buffer): Promise<number> {
  const literal = Buffer.from(prefix as string)
  const pattern = beginsWith(prefix)
  let cursor = '0'
  let removed = 0
  do {
    const [next, keys] = await scan(['SCAN', cursor, 'MATCH', pattern, 'COUNT', PAGE]) as [Buffer, Buffer[]]
    const ours = keys.filter((key) => key.subarray(0, literal.length).equals(literal))
    removed += await unlink(link, send, ours)
    cursor = next.toString()
  } while (cursor !== '0')
  return removed
}

async function unlink (link: Link, send: Send, keys: readonly Buffer[]): Promise<number> {
  const groups = new Map<number, Buffer[]>()
  for (const key of keys) {
    const id = link.group(key)
    const group = groups.get(id)
    if (group === undefined) groups.set(id, [key])
    else group.push(key)
  }
  const counts = await Promise.all([...groups.values()].map((group) => send(['UNLINK', ...group])))
  return counts.reduce<number>((sum, count) => sum + Number(count), 0)
}

function bounded (send: Send, ms: number): Send {
  return (call) => withDeadline(send(call), ms, () => new errors.FST_CACHE_ERR_BACKEND_TIMEOUT(ms))
}
