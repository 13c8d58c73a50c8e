import type { HeaderValue } from './policy/response.ts'

const NONE: readonly string[] = Object.freeze([])

/**
 * The request fields that a reply's `Vary` names: lower case, sorted, each once. `'*'` as soon as one member is (RFC 9110
 * §12.5.5), wherever it stands.
 */
export function parseVary (value: HeaderValue): readonly string[] | '*' {
  if (value === undefined) return NONE
  const text = typeof value === 'object' ? value.join(',') : String(value)
  const names = new Set<string>()
  for (const member of text.split(',')) {
    const name = member.trim().toLowerCase()
    if (name === '*') return '*'
    if (name !== '') names.add(name)
  }
  return names.size === 0 ? NONE : [...names].sort()
}

/**
 * The secondary key (RFC 9111 §4.1): the values of these request fields as they were sent, each with its length, so that
 * no two requests that differ in one share it; a field that is absent differs from an empty one. Not hashed.
 */
export function variantKey (fields: readonly string[], header: (name: string) => string | readonly string[] | undefined): string {
  let key = ''
  for (const field of fields) {
    const value = header(field)
    // Typed by hand: a plain object of headers has an inherited value for a field named "constructor"
    if (typeof value === 'string') key += `${value.length}:${value}`
    else if (Array.isArray(value)) key += lines(value)
    else key += '-'
  }
  return key
}

function lines (values: readonly string[]): string {
  let key = `[${values.length}]`
  for (const value of values) key += `${value.length}:${value}`
  return key
}
