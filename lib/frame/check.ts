import type { StoredReply, Variants } from '../entry.ts'

/** RFC 9110 §5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/
/** RFC 9110 §5.5, with what HTTP/1.1 can carry: a tab, and no other control character, nothing past one byte. */
const NOT_IN_A_VALUE = /[^\t\x20-\x7e\x80-\xff]/

/** May this go on the wire? Bytes from a backend may have been written by somebody else. */
export function isStoredReply (reply: { [P in keyof StoredReply]: unknown }): reply is StoredReply {
  return isStatus(reply.status) && isHeaders(reply.headers) && typeof reply.date === 'number' && Number.isFinite(reply.date) &&
    typeof reply.age === 'number' && reply.age >= 0 && isOptionalValue(reply.etag) && isOptionalValue(reply.lastModified) && typeof reply.text === 'boolean'
}

export function isVariants (variants: { [P in keyof Variants]: unknown }): variants is Variants {
  const { fields, stored } = variants
  return Array.isArray(fields) && fields.every(isName) && Array.isArray(stored) && stored.every((key) => typeof key === 'string')
}

function isStatus (status: unknown): boolean {
  return Number.isInteger(status) && (status as number) >= 100 && (status as number) <= 599
}

function isHeaders (headers: unknown): boolean {
  if (!Array.isArray(headers) || headers.length % 2 !== 0) return false
  for (let i = 0; i < headers.length; i += 2) {
    const value: unknown = headers[i + 1]
    if (!isName(headers[i])) return false
    if (!(Array.isArray(value) ? value.every(isValue) : isValue(value))) return false
  }
  return true
}

function isName (name: unknown): boolean {
  return typeof name === 'string' && TOKEN.test(name)
}

function isValue (value: unknown): boolean {
  return typeof value === 'string' && !NOT_IN_A_VALUE.test(value)
}

function isOptionalValue (value: unknown): boolean {
  return value === undefined || isValue(value)
}
