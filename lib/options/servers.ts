import { Fault, show } from './fault.ts'

export type HostPort = [host: string, port: number]

/** `'a:1,b:2'` or a list → its items. An empty list is refused: there would be nothing to connect to. */
export function items (value: unknown, takes: string): readonly unknown[] {
  const list: unknown = typeof value === 'string' ? value.split(',').map(item => item.trim()).filter(item => item !== '') : value
  if (!Array.isArray(list)) throw new Fault(`takes ${takes}; got ${show(value)}`)
  if (list.length === 0) throw new Fault(`takes ${takes}; got an empty ${typeof value === 'string' ? 'string' : 'list'}`)
  return list
}

/** `'host:port'`, `'[v6]:port'`, `['host', port]` or `{ host, port }`. */
export function hostPort (item: unknown, defaultPort: number, position: number): HostPort {
  if (typeof item === 'string') return splitHostPort(item, defaultPort, position)
  const [host, port]: unknown[] = Array.isArray(item) ? item : pair(item)
  if (typeof host !== 'string') throw bad(position, "is not 'host:port' or ['host', port]")
  return [checkHost(host, position), checkPort(port ?? defaultPort, position)]
}

function pair (item: unknown): unknown[] {
  if (typeof item !== 'object' || item === null) return []
  const { host, port } = item as { host?: unknown, port?: unknown }
  return [host, port]
}

export function splitHostPort (text: string, defaultPort: number, position: number): HostPort {
  const trimmed = text.trim()
  // userinfo may hold a password: such an address is never repeated
  if (trimmed.includes('@') || trimmed.includes('://')) throw bad(position, "is not 'host:port' (no scheme, no user or password)")
  const v6 = /^\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\](?::(.*))?$/.exec(trimmed)
  const plain = /^([^:[\]]+)(?::(.*))?$/.exec(trimmed)
  const match = v6 ?? plain
  if (match === null) throw bad(position, `is not 'host:port' or '[v6]:port': ${show(text)}`)
  const port = match[2]
  if (port !== undefined && !/^\d{1,6}$/.test(port)) throw bad(position, `has a port that is not a number: ${show(text)}`)
  return [checkHost(match[1] ?? '', position), checkPort(port === undefined ? defaultPort : Number(port), position)]
}

function checkHost (host: string, position: number): string {
  const trimmed = host.trim().replace(/^\[(.*)\]$/, '$1')
  if (trimmed === '' || /[\s/@,]/.test(trimmed)) throw bad(position, 'has no usable host name')
  return trimmed
}

function checkPort (port: unknown, position: number): number {
  if (typeof port === 'number' && isPort(port)) return port
  throw bad(position, `has a port outside 1–65535: ${show(port)}`)
}

export function isPort (port: number): boolean {
  return Number.isInteger(port) && port >= 1 && port <= 65535
}

function bad (position: number, text: string): Fault {
  return new Fault(`is wrong: server ${position + 1} of the list ${text}`)
}
