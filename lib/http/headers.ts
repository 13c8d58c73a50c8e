import type { HeaderValue } from './policy/response.ts'

/**
 * Fields that belong to one connection and are never stored or replayed (RFC 9110 §7.6.1, §11.7), with those that only
 * older software sends.
 */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection', 'proxy-connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade', 'http2-settings',
  'proxy-authenticate', 'proxy-authentication-info', 'proxy-authorization'
])

/** @param name in lower case */
export function isHopByHop (name: string): boolean {
  return HOP_BY_HOP.has(name)
}

const NONE: ReadonlySet<string> = new Set()

/** The fields that a `Connection` names, in lower case: these belong to the connection as well (RFC 9110 §7.6.1). */
export function connectionFields (connection: HeaderValue): ReadonlySet<string> {
  if (connection === undefined) return NONE
  const text = typeof connection === 'object' ? connection.join(',') : String(connection)
  const names = new Set<string>()
  for (const member of text.split(',')) {
    const name = member.trim().toLowerCase()
    if (name !== '') names.add(name)
  }
  return names
}

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/

/** May it be written as a field's name? (RFC 9110 §5.1; Node throws otherwise) */
export function validName (name: string): boolean {
  return TOKEN.test(name)
}

/** May it be written as a field's value? No control characters, no line ends (RFC 9110 §5.5; Node throws otherwise) */
export function validValue (value: string): boolean {
  return VALUE.test(value)
}
