import { hash } from 'node:crypto'
import { parseHttpDate } from './http-date.ts'

export interface ConditionalRequest {
  method: string
  ifNoneMatch: string | undefined
  ifModifiedSince: string | undefined
}

export interface Validators {
  status: number
  etag: string | undefined
  lastModified: string | undefined
  /** Milliseconds: `Date`, or when the reply was made. */
  date: number
}

/**
 * Does the client hold this reply already, so that a 304 answers it? (RFC 9110 §13.2.2, RFC 9111 §4.3.2) In doubt `false`:
 * the whole reply is never wrong.
 *
 * @param now milliseconds
 */
export function notModified (request: ConditionalRequest, reply: Validators, now: number): boolean {
  const { ifNoneMatch, ifModifiedSince } = request
  if (ifNoneMatch === undefined && ifModifiedSince === undefined) return false
  if (request.method !== 'GET' && request.method !== 'HEAD') return false
  // §13.2.1: a precondition matters only where the answer without it would be a success
  if (reply.status < 200 || reply.status > 299) return false
  // §13.1.3: beside If-None-Match, If-Modified-Since is ignored, whether or not a tag matches
  if (ifNoneMatch !== undefined) return matches(ifNoneMatch, reply.etag)
  return unmodifiedSince(ifModifiedSince as string, reply, now)
}

function matches (ifNoneMatch: string, etag: string | undefined): boolean {
  const list = ifNoneMatch.trim()
  if (list === '*') return true
  if (etag === undefined || etag === '') return false
  return list === etag || listHolds(list, opaque(etag))
}

// Weak comparison (§8.8.3.2): what stands in the quotes counts, the mark of weakness does not.
function opaque (tag: string): string {
  return tag.startsWith('W/') ? tag.slice(2) : tag
}

const COMMA = 44
const QUOTE = 34

// By hand, since commas may stand inside a tag, and a backslash does not escape there (§8.8.3). A list with anything
// else in it is no list, and matches nothing.
function listHolds (list: string, wanted: string): boolean {
  let found = false
  let separated = true
  let i = 0
  while (i < list.length) {
    const code = list.charCodeAt(i)
    if (code === COMMA || code === 32 || code === 9) {
      if (code === COMMA) separated = true
      i++
      continue
    }
    if (!separated) return false
    const start = list.startsWith('W/', i) ? i + 2 : i
    const end = endOfTag(list, start)
    if (end === -1) return false
    if (end - start === wanted.length && list.startsWith(wanted, start)) found = true
    separated = false
    i = end
  }
  return found
}

function endOfTag (list: string, open: number): number {
  if (list.charCodeAt(open) !== QUOTE) return -1
  for (let i = open + 1; i < list.length; i++) {
    const code = list.charCodeAt(i)
    if (code === QUOTE) return i + 1
    if (code < 0x21 || code === 0x7f) return -1
  }
  return -1
}

// RFC 9111 §4.3.2: without a Last-Modified the Date of the stored reply stands in for it.
function unmodifiedSince (ifModifiedSince: string, reply: Validators, now: number): boolean {
  const since = parseHttpDate(ifModifiedSince, now)
  if (since === undefined) return false
  if (reply.lastModified === undefined) return Math.floor(reply.date / 1000) * 1000 <= since
  const modified = parseHttpDate(reply.lastModified, now)
  return modified !== undefined && modified <= since
}

const IN_304: ReadonlySet<string> = new Set([
  'content-location', 'date', 'etag', 'vary', 'cache-control', 'expires', 'age', 'cache-status'
])

/**
 * Does a 304 carry this stored field? (RFC 9110 §15.4.5) `Last-Modified` only where there is no `ETag` to tell the client
 * which of its copies is meant.
 *
 * @param name in lower case
 */
export function headersOf304 (name: string, hasEtag = true): boolean {
  return IN_304.has(name) || (!hasEtag && name === 'last-modified')
}

/** An `ETag` made from the body. Weak, since a later hook (compression) may change the bytes that are sent. */
export function weakTag (body: Buffer | string): string {
  return `W/"${hash('sha1', body, 'base64url')}"`
}
