import type { NetConnectOpts } from 'node:net'
import { errors } from '../../errors.ts'

/** Where a memcached listens. */
export interface Address {
  /** The same in every process, however the server was written: what placement goes by, and what logs show. */
  readonly name: string
  readonly host: string
  /** 0 for a unix socket. */
  readonly port: number
  readonly path?: string
}

const DEFAULT_PORT = 11_211

/**
 * Reads `host:port`, `[v6]:port`, a host alone (port 11211) or the path of a unix socket.
 *
 * @throws FST_CACHE_ERR_OPTIONS for anything else
 */
export function parseAddress (text: string): Address {
  const trimmed = text.trim()
  const path = trimmed.startsWith('unix:') ? trimmed.slice(5) : trimmed
  if (path.startsWith('/') || path.startsWith('./')) return { name: path, host: path, port: 0, path }
  const bracketed = /^\[([0-9a-f:.%]+)\](?::(\d+))?$/i.exec(trimmed)
  if (bracketed !== null) return inet(text, bracketed[1] as string, bracketed[2])
  // Several colons without brackets can only be an IPv6 address.
  if (/^[0-9a-f.%]*:[0-9a-f.%]*:[0-9a-f:.%]*$/i.test(trimmed)) return inet(text, trimmed, undefined)
  const plain = /^([^\s:/[\]@]+)(?::(\d+))?$/.exec(trimmed)
  if (plain !== null) return inet(text, plain[1] as string, plain[2])
  throw refusal(text)
}

/** The servers, each once. */
export function parseAddresses (servers: readonly string[]): Address[] {
  const byName = new Map<string, Address>()
  for (const server of servers) {
    const address = parseAddress(server)
    byName.set(address.name, address)
  }
  if (byName.size === 0) throw new errors.FST_CACHE_ERR_OPTIONS('CACHE_MEMCACHED_SERVERS is empty; give at least one server, as in 127.0.0.1:11211')
  return [...byName.values()]
}

/** What `net.connect` takes. A host name is looked up anew at every connection. */
export function connectOptions (address: Address): NetConnectOpts {
  if (address.path !== undefined) return { path: address.path }
  return { host: address.host, port: address.port, noDelay: true }
}

function inet (text: string, host: string, port: string | undefined): Address {
  const number = port === undefined ? DEFAULT_PORT : Number(port)
  if (number < 1 || number > 65_535) throw refusal(text)
  const lower = host.toLowerCase()
  return { name: `${lower.includes(':') ? `[${lower}]` : lower}:${number}`, host: lower, port: number }
}

function refusal (text: string): Error {
  return new errors.FST_CACHE_ERR_OPTIONS(`CACHE_MEMCACHED_SERVERS: ${JSON.stringify(text.replace(/^.*@/, '…@'))} is no server; write host:port, [IPv6]:port or the path of a unix socket`)
}
