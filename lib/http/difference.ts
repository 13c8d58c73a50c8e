import { connectionFields, isHopByHop } from './headers.ts'
import { parseVary } from './vary.ts'

export type Headers = Record<string, number | string | string[] | undefined>

/**
 * Not among the stored headers: what belongs to the connection, to this request, or is made anew on each hit. A length
 * is counted again; `Date` and `Age` are kept apart; `Set-Cookie` keeps a reply from being stored.
 */
const OWN = new Set(['content-length', 'date', 'age', 'set-cookie', 'cache-status', 'etag'])

/**
 * What was added to the headers between the look-up (`before`) and the capture (`after`), as name, value, name, value.
 * A removed field is an empty list. List fields hold only the members that were added.
 */
export function difference (before: Headers, after: Headers): Array<string | readonly string[]> {
  const named = connectionFields(text(after.connection))
  const added: Array<string | readonly string[]> = []
  for (const name in after) {
    const value = after[name]
    if (value === undefined || OWN.has(name) || isHopByHop(name) || named.has(name)) continue
    const earlier = before[name]
    if (same(earlier, value)) continue
    const kept = earlier !== undefined && LISTS.has(name) ? addedMembers(name, earlier, value) : lines(value)
    if (kept !== undefined) added.push(name, kept)
  }
  for (const name in before) {
    if (before[name] !== undefined && after[name] === undefined && !OWN.has(name) && !isHopByHop(name)) added.push(name, [])
  }
  // An upstream's Cache-Status stays in front of ours.
  if (after['cache-status'] !== undefined && !same(before['cache-status'], after['cache-status'])) added.push('cache-status', lines(after['cache-status']))
  return added
}

const LISTS = new Set(['vary', 'link'])

function addedMembers (name: string, earlier: Headers[string], value: Headers[string]): string | readonly string[] | undefined {
  if (name === 'vary') {
    const before = parseVary(earlier)
    const after = parseVary(value)
    if (after === '*') return '*'
    const members = before === '*' ? after : after.filter((field) => !before.includes(field))
    return members.length === 0 ? undefined : members.join(', ')
  }
  const before = asArray(earlier)
  const after = asArray(value).filter((line) => !before.includes(line))
  return after.length === 0 ? undefined : after.length === 1 ? after[0]! : after
}

/** On a hit, what this reply has of the field already stays beside what is stored. */
export function isMerged (name: string): boolean {
  return LISTS.has(name) || name === 'cache-status'
}

/** Two values of a list field as one; the members of `Vary` each once. */
export function mergeList (name: string, own: number | string | readonly string[], added: string | readonly string[]): string | string[] {
  if (name === 'vary') return mergeVary(asArray(own).join(', '), asArray(added).join(', '))
  const mine = asArray(own)
  const fresh = asArray(added).filter((line) => !mine.includes(line))
  return mine.length === 1 && fresh.length === 1 ? `${mine[0]!}, ${fresh[0]!}` : [...mine, ...fresh]
}

function mergeVary (own: string, added: string): string {
  const known = own.toLowerCase().split(',').map((member) => member.trim())
  const fresh = added.split(',').map((member) => member.trim()).filter((member) => member !== '' && !known.includes(member.toLowerCase()))
  return own === '' ? fresh.join(', ') : [own, ...fresh].join(', ')
}

function same (a: Headers[string], b: Headers[string]): boolean {
  if (a === b) return true
  if (a === undefined || b === undefined) return false
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((line, i) => line === b[i])
  return !Array.isArray(a) && !Array.isArray(b) && String(a) === String(b)
}

function lines (value: number | string | readonly string[]): string | readonly string[] {
  return typeof value === 'object' ? (value.length === 1 ? value[0]! : value.map(String)) : String(value)
}

function asArray (value: Headers[string] | readonly string[]): string[] {
  return value === undefined ? [] : Array.isArray(value) ? value.map(String) : [String(value)]
}

function text (value: Headers[string]): string | undefined {
  return value === undefined ? undefined : Array.isArray(value) ? value.join(',') : String(value)
}
