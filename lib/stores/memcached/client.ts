import { errors } from '../../errors.ts'
import { PROBE } from './connection.ts'
import type { Connection } from './connection.ts'
import { frame, STATUS } from './protocol.ts'
import type { Reply, Request } from './protocol.ts'

/** One request to one server, by its number. Rejects when there is no answer; a refusal is a reply. */
export type Call = (server: number, request: Request) => Promise<Reply>

/** What is used of `memjs.Client`. Its `get`, `set` … know neither CAS nor flags, and count wrongly past 2^32. */
interface MemjsClient {
  seq: number
  getServer: (key: string) => number
  incrSeq (): void
  perform (key: string, request: Buffer, seq: number, callback: (error: Error | null, reply?: Reply | null) => void): void
  close (): void
}

type MemjsClientClass = new (servers: readonly Connection[], options: Record<string, unknown>) => MemjsClient

/** A retry would count twice, and another server would bring back what was purged there; both are ours to decide. */
const PINNED = { retries: 1, failover: false }

const SILENT = { log: () => {} }

/** A `memjs.Client` over our connections. memjs is loaded here, and only here. */
export async function createClient (connections: readonly Connection[], options: Record<string, unknown>): Promise<{ call: Call, close (): void }> {
  const { default: memjs } = await import('memjs') as unknown as { default: { Client: MemjsClientClass } }
  const client = new memjs.Client(connections, { logger: SILENT, ...options, ...PINNED })
  const numbers = new Map(connections.map(({ name }, i) => [name, i]))
  client.getServer = (name) => numbers.get(name) ?? 0

  const call: Call = async (server, request) => await new Promise((resolve, reject) => {
    do client.incrSeq(); while (client.seq >>> 0 === PROBE)
    const name = (connections[server] as Connection).name
    client.perform(name, frame(request, client.seq >>> 0), client.seq, (error, reply) => {
      if (reply === undefined || reply === null) reject(error)
      else resolve(reply)
    })
  })
  return { call, close: () => { client.close() } }
}

/** The error for a status that the operation cannot have. */
export function unexpected (reply: Reply): Error {
  const text = reply.value.length > 0 && reply.status !== STATUS.ok ? reply.value.toString('latin1', 0, 80).replace(/[^\x20-\x7e]/g, '?') : 'no explanation'
  return new errors.FST_CACHE_ERR_BACKEND(`memcached answered status 0x${reply.status.toString(16)} (${text})`)
}
