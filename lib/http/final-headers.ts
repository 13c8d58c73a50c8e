import type { ServerResponse } from 'node:http'
import type { HeaderValue } from './policy/response.ts'

/** A field of the reply as it leaves, by its name in lower case. */
export type FinalHeader = (name: string) => HeaderValue

/**
 * What `writeHead` was given: no headers, an object (names in any case), or a flat list of names and values.
 * What it says wins over what was set before.
 */
export function finalHeaders (raw: ServerResponse, given: unknown): FinalHeader {
  if (typeof given !== 'object' || given === null) return (name) => raw.getHeader(name)
  const named = new Map<string, HeaderValue>()
  const pairs = Array.isArray(given) ? pairsOf(given) : Object.entries(given)
  for (const [name, value] of pairs) named.set(String(name).toLowerCase(), value as HeaderValue)
  return (name) => named.get(name) ?? raw.getHeader(name)
}

/** The head that was written, as text: what a wrapped `writeHead` put into it without telling `getHeader`. */
export function headSays (raw: ServerResponse, name: string): boolean {
  const head = (raw as { _header?: unknown })._header
  return typeof head === 'string' && head.toLowerCase().includes(`\r\n${name}:`)
}

function pairsOf (list: readonly unknown[]): Array<[string, unknown]> {
  const pairs: Array<[string, unknown]> = []
  for (let i = 0; i + 1 < list.length; i += 2) pairs.push([String(list[i]), list[i + 1]])
  return pairs
}
