import { unescape } from 'node:querystring'

const PERCENT = 37
const PLUS = 43
const EQUALS = 61
const BRACKET = 91

/** The raw pairs sorted by name; pairs of one name stay in their order. Where they are sorted already nothing is built. */
export function normalQuery (query: string): string {
  if (!query.includes('&') || isSorted(query)) return query
  const named = query.split('&').map(pair => ({ pair, name: parameterName(pair, 0, pair.length) }))
  named.sort((a, b) => a.name < b.name ? -1 : a.name > b.name ? 1 : 0)
  return named.map(({ pair }) => pair).join('&')
}

function isSorted (query: string): boolean {
  let previous = ''
  for (let start = 0; start <= query.length;) {
    const ampersand = query.indexOf('&', start)
    const end = ampersand === -1 ? query.length : ampersand
    const name = parameterName(query, start, end)
    if (name < previous) return false
    previous = name
    start = end + 1
  }
  return true
}

// The name as parsers read it: sorted by the raw name, `?%61=1&a=2` and `?a=2&%61=1` would be one key, while the first
// says a = [1, 2] and the second a = [2, 1]. Nested parsers merge `a[]=1&a=2` under `a` as well, in their order. Names
// that are taken for equal here although a parser tells them apart cost a shared entry at most.
function parameterName (query: string, start: number, end: number): string {
  let i = start
  let plain = true
  for (; i < end; i++) {
    const code = query.charCodeAt(i)
    if (code === EQUALS) break
    if (code === PERCENT || code === PLUS || code === BRACKET) plain = false
  }
  const name = query.slice(start, i)
  return plain ? name : baseName(unescape(name.replaceAll('+', ' ')))
}

function baseName (name: string): string {
  const bracket = name.indexOf('[', 1)
  return bracket === -1 ? name : name.slice(0, bracket)
}

/**
 * What the server's own query parser found under these names, as one text: values that differ, in type too, give
 * different texts. Taken from the parsed query and not from the raw one, so that no spelling of a name slips by.
 *
 * @param parsed `request.query`, of whatever parser: objects, arrays, `Map`s, `URLSearchParams`
 */
export function listedQuery (names: readonly string[], parsed: unknown): string {
  let text = ''
  for (const name of names) {
    const value = valueUnder(parsed, name)
    // Nearly always, and short
    text += typeof value === 'string' ? tagged('s', value) : canonical(value)
  }
  return text
}

/** What a parser found under a name. */
export function valueUnder (parsed: unknown, name: string): unknown {
  if (typeof parsed !== 'object' || parsed === null) return undefined
  if (parsed instanceof URLSearchParams) return parsed.getAll(name)
  if (parsed instanceof Map) return parsed.get(name)
  return (parsed as Record<string, unknown>)[name]
}

function tagged (tag: string, text: string): string {
  return `${tag}${text.length}:${text}`
}

// With a stack of its own: a parser may nest as deep as the request line is long, and the text is built in order.
function canonical (root: unknown): string {
  const pending: unknown[] = [root]
  let text = ''
  while (pending.length > 0) {
    const value = pending.pop()
    if (value instanceof Literal) text += value.text
    else if (typeof value === 'object' && value !== null) text += open(value, pending)
    else text += primitive(value)
  }
  return text
}

/** Text among values that are still to be written. */
class Literal {
  readonly text: string
  constructor (text: string) { this.text = text }
}

function primitive (value: unknown): string {
  switch (typeof value) {
    case 'string': return tagged('s', value)
    case 'number': return Object.is(value, -0) ? 'n2:-0' : tagged('n', String(value))
    case 'bigint': return tagged('i', String(value))
    case 'boolean': return value ? 't' : 'f'
    case 'undefined': return '-'
    // null, and what no query can be made of
    default: return value === null ? '0' : tagged('x', String(value))
  }
}

// A container says how many values follow, so that it needs no end mark.
function open (value: object, pending: unknown[]): string {
  if (Array.isArray(value)) return push('[', value, pending)
  if (value instanceof Map || value instanceof Set || value instanceof URLSearchParams) return push('{', [...value], pending)
  if (value instanceof Date) return tagged('d', String(value.getTime()))
  const keys = Object.keys(value).sort()
  for (let i = keys.length - 1; i >= 0; i--) {
    const key = keys[i] as string
    pending.push((value as Record<string, unknown>)[key], new Literal(tagged('k', key)))
  }
  return `{${keys.length};`
}

function push (tag: string, values: readonly unknown[], pending: unknown[]): string {
  for (let i = values.length - 1; i >= 0; i--) pending.push(values[i])
  return `${tag}[${values.length};`
}
