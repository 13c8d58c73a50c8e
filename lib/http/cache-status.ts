import type { HeaderValue } from './policy/response.ts'

// The Cache-Status field (RFC 9211), a Structured Field (RFC 8941): no value of a request ever gets into it.

/** Why a request went on to the handler (RFC 9211 §2.2). */
export type Forward = 'bypass' | 'method' | 'uri-miss' | 'vary-miss' | 'miss' | 'request' | 'stale' | 'partial'

export interface ForwardDetails {
  stored?: boolean
  collapsed?: boolean
  /** The status that came where another one is sent (§2.3). */
  status?: number
  detail?: string
}

const TOKEN = /^[A-Za-z*][\w!#$%&'*+.^`|~:/-]*$/

/** A name or detail as an item of the field: a token where it can be one, else a quoted string (RFC 8941 §3.3.3, §3.3.4). */
export function statusItem (text: string): string {
  if (TOKEN.test(text)) return text
  return `"${text.replace(/[^\x20-\x7e]/g, '?').replace(/["\\]/g, '\\$&')}"`
}

/** The largest integer that a Structured Field holds (RFC 8941 §3.3.1). */
const LARGEST = 999_999_999_999_999

/**
 * `name; hit; ttl=42`
 *
 * @param name as `statusItem` gave it
 * @param ttl whole seconds, negative for a stale hit; `undefined`: it never expires
 */
export function hitStatus (name: string, ttl: number | undefined): string {
  if (name !== lastName || ttl !== lastTtl) {
    lastName = name
    lastTtl = ttl
    lastHit = makeHitStatus(name, ttl)
  }
  return lastHit
}

// What was stored together expires together: hits of one second mostly say the same.
let lastName: string | undefined
let lastTtl: number | undefined
let lastHit = ''

function makeHitStatus (name: string, ttl: number | undefined): string {
  return ttl === undefined ? `${name}; hit` : `${name}; hit; ttl=${Math.max(-LARGEST, Math.min(ttl, LARGEST))}`
}

/**
 * `name; fwd=uri-miss; stored`
 *
 * @param name as `statusItem` gave it
 */
export function forwardStatus (name: string, forward: Forward, details?: ForwardDetails): string {
  let text = `${name}; fwd=${forward}`
  if (details === undefined) return text
  if (details.status !== undefined) text += `; fwd-status=${details.status}`
  if (details.stored === true) text += '; stored'
  if (details.collapsed === true) text += '; collapsed'
  if (details.detail !== undefined) text += `; detail=${statusItem(details.detail)}`
  return text
}

/** Behind what the caches nearer to the origin said: the list goes from the origin to the client (RFC 9211 §2). */
export function appendStatus (upstream: HeaderValue, own: string): string {
  if (upstream === undefined || upstream === '') return own
  const text = typeof upstream === 'object' ? upstream.join(', ') : String(upstream)
  return text === '' ? own : `${text}, ${own}`
}
