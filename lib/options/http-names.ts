import { Fault, show } from './fault.ts'

/** RFC 9110 §5.6.2: the grammar of field names, and of cookie names (RFC 6265 §4.1.1). */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
/** RFC 9110 §5.5, without the obsolete bytes above ASCII's end that a client may read in any charset. */
const FIELD_VALUE = /^[\x21-\x7e](?:[\t\x20-\x7e]*[\x21-\x7e])?$/

export function isToken (value: unknown): value is string {
  return typeof value === 'string' && TOKEN.test(value)
}

/** A header name in lower case. */
export function fieldName (value: unknown): string {
  if (isToken(value)) return value.toLowerCase()
  throw new Fault(`takes a header name; got ${show(value)}`)
}

export function cookieName (value: unknown): string {
  if (isToken(value)) return value
  throw new Fault(`takes a cookie name; got ${show(value)}`)
}

export function isFieldValue (value: unknown): value is string {
  return typeof value === 'string' && FIELD_VALUE.test(value)
}

/** A host as keys have it: lower case, without a scheme's default port and a final dot. */
export function hostName (value: unknown): string {
  if (typeof value === 'string' && /^(\[[0-9a-f:.]+\]|[^\s/@:?#[\]*,]+)(:\d{1,5})?$/i.test(value)) {
    const host = value.toLowerCase().replace(/:(80|443)$/, '').replace(/\.(?=:\d+$|$)/, '')
    if (host !== '') return host
  }
  throw new Fault(`takes a host such as 'example.com' or 'example.com:8080'; got ${show(value)}`)
}

/**
 * A cache's name as RFC 9211 §2 has it in `Cache-Status`: a token where it is one (RFC 8941 §3.3.4), else a string
 * (§3.3.3), quoted and escaped.
 */
export function cacheName (value: string): string {
  if (/^[A-Za-z*][!#$%&'*+.^_`|~0-9A-Za-z:/-]*$/.test(value)) return value
  if (value !== '' && /^[\x20-\x7e]+$/.test(value)) return `"${value.replace(/["\\]/g, '\\$&')}"`
  throw new Fault(`takes true, false or a name in printable ASCII; got ${show(value)}`)
}
