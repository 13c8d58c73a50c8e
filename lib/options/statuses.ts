import { Fault, show } from './fault.ts'
import { plainObject } from './judge.ts'

const TAKES = 'an object { status: seconds, true or false }, such as { 404: 10, 302: true }'

const NEVER_STORED: ReadonlyMap<number, string> = new Map([
  [206, 'it is a part of a reply'],
  [304, 'it has no body of its own'],
  [401, 'it answers one client'],
  [407, 'it answers one client'],
  [429, 'it answers one client']
])

/** What the user wrote about status codes, by number: a lifetime in seconds, `true` = the route's, `false` = not stored. */
export function checkStatuses (value: unknown): ReadonlyMap<number, number | boolean> {
  const statuses = new Map<number, number | boolean>()
  for (const [name, lifetime] of Object.entries(plainObject(value, TAKES))) {
    if (lifetime === undefined || lifetime === null) continue
    statuses.set(checkCode(name, lifetime), checkLifetime(name, lifetime))
  }
  return statuses
}

function checkCode (name: string, lifetime: unknown): number {
  if (!/^[1-5]\d\d$/.test(name)) throw new Fault(`takes status codes from 200 to 599; got ${show(name)}`)
  const code = Number(name)
  if (code < 200) throw new Fault(`names ${code}, which is no final reply`)
  const why = NEVER_STORED.get(code)
  if (why !== undefined && lifetime !== false) throw new Fault(`names ${code}, which is never stored: ${why}`)
  return code
}

function checkLifetime (name: string, lifetime: unknown): number | boolean {
  if (name.startsWith('5') && lifetime === true) throw new Fault(`needs a lifetime of its own for ${name}, in seconds: a server's fault should not last as long as its good replies`)
  if (typeof lifetime === 'boolean') return lifetime
  if (typeof lifetime === 'number' && Number.isFinite(lifetime) && lifetime >= 0) return lifetime
  throw new Fault(`takes seconds (0 = never expires), true or false for ${name}; got ${show(lifetime)}`)
}

/** RFC 9111 §3: final, understood, and cacheable without anything that the reply would have to declare. */
const DEFAULTS = [200, 203, 204, 300, 301, 308]

/** The codes that a route stores, each with its lifetime in seconds or `true` for the route's. */
export function mergeStatuses (written: ReadonlyMap<number, number | boolean> | undefined): ReadonlyMap<number, number | true> {
  const merged = new Map<number, number | true>(DEFAULTS.map(code => [code, true]))
  for (const [code, lifetime] of written ?? []) {
    if (lifetime === false) merged.delete(code)
    else merged.set(code, lifetime)
  }
  return merged
}
