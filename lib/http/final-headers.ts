import { ServerResponse } from 'node:http'
import { Http2ServerResponse } from 'node:http2'
import type { HeaderValue } from './policy/response.ts'

/** A field of the reply as it leaves, by its name in lower case. */
export type FinalHeader = (name: string) => HeaderValue

/**
 * What `writeHead` was given: no headers, an object (names in any case), or a flat list of names and values.
 * What it says wins over what was set before.
 */
export function finalHeaders (raw: ServerResponse, given: unknown): FinalHeader {
  if (typeof given !== 'object' || given === null) return (name) => raw.getHeader(name)
  // As Fastify gives them; a Map for each reply costs a stored miss 0.5 µs.
  if (!Array.isArray(given) && allLowerCase(given)) return (name) => (given as Record<string, HeaderValue>)[name] ?? raw.getHeader(name)
  const named = new Map<string, HeaderValue>()
  const pairs = Array.isArray(given) ? pairsOf(given) : Object.entries(given)
  for (const [name, value] of pairs) named.set(String(name).toLowerCase(), value as HeaderValue)
  return (name) => named.get(name) ?? raw.getHeader(name)
}

function allLowerCase (headers: object): boolean {
  for (const name in headers) if (name !== name.toLowerCase()) return false
  return true
}

const PLATFORM = new Set<unknown>([ServerResponse.prototype.writeHead, Http2ServerResponse.prototype.writeHead])

/** It is Node's own: what it is given is what it writes. */
export function isPlain (writeHead: unknown): boolean {
  return PLATFORM.has(writeHead)
}

/**
 * The head as it was written, also where a wrapped `writeHead` (the way of `on-headers`) changed it on its way. HTTP/1 keeps
 * its text; HTTP/2 answers `getHeader`.
 */
export function writtenHeaders (raw: ServerResponse, given: unknown): FinalHeader {
  const head = (raw as { _header?: unknown })._header
  if (typeof head !== 'string') {
    const before = finalHeaders(raw, given)
    return (name) => raw.getHeader(name) ?? before(name)
  }
  const fields = new Map<string, string>()
  for (const line of head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':')
    if (colon < 1) continue
    const name = line.slice(0, colon).toLowerCase()
    const value = line.slice(colon + 1).trim()
    const before = fields.get(name)
    fields.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return (name) => fields.get(name)
}

function pairsOf (list: readonly unknown[]): Array<[string, unknown]> {
  const pairs: Array<[string, unknown]> = []
  for (let i = 0; i + 1 < list.length; i += 2) pairs.push([String(list[i]), list[i + 1]])
  return pairs
}
