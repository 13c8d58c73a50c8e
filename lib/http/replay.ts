import type { FastifyReply } from 'fastify'
import type { Entry, StoredReply } from '../entry.ts'
import { cacheControlFor } from './downstream.ts'
import { headersOf304, notModified } from './conditional.ts'
import { currentAge } from './policy/freshness.ts'
import { isMerged, mergeList } from './difference.ts'
import { sendDirectly } from './direct.ts'
import type { Exchange } from './exchange.ts'
import type { CachedRoute } from './route.ts'

/** The body as one client gets it: identity, or an encoding of it with its own validator. */
export interface Representation {
  readonly body: Buffer | null
  readonly encoding: string | undefined
  readonly etag: string | undefined
}

/**
 * Sends a stored reply: status, stored headers and body, with `Age`, `Cache-Status` and 304 of its own. What earlier
 * hooks set on this reply stays; list fields of both are merged.
 *
 * @param status the value of `Cache-Status` for this hit
 */
export function replay (exchange: Exchange, entry: Entry<StoredReply>, status: string | undefined, now: number, representation?: Representation): void {
  const { route, request, reply } = exchange
  const stored = entry.payload
  const etag = representation?.etag ?? stored.etag
  const { 'if-none-match': ifNoneMatch, 'if-modified-since': ifModifiedSince } = request.headers
  const conditional = ifNoneMatch !== undefined || ifModifiedSince !== undefined
  const unchanged = conditional && notModified({
    ifNoneMatch,
    ifModifiedSince,
    method: request.method
  }, { etag, lastModified: stored.lastModified, date: stored.date, status: stored.status }, now)

  if (!unchanged && representation === undefined && sendDirectly(exchange, entry, status, now)) return
  const typed = putHeaders(reply, stored, unchanged)
  if (etag !== undefined) reply.header('etag', etag)
  if (representation?.encoding !== undefined && !unchanged) reply.header('content-encoding', representation.encoding)
  for (const name of route.varyNames) mergeInto(reply, 'vary', name)
  reply.header('age', currentAge(stored, now))
  const control = cacheControlFor(route.settings, entry, now)
  if (control !== undefined) reply.header('cache-control', control)
  if (status !== undefined) mergeInto(reply, 'cache-status', status)

  if (unchanged) {
    reply.code(304).send()
    return
  }
  reply.code(stored.status)
  // Fastify gives bytes a type where they have none; the handler's reply had none either.
  exchange.untyped = !typed && !reply.hasHeader('content-type')
  reply.send(representation === undefined ? replayBody(route, stored) : representedBody(route, representation))
}

/**
 * The stored body for one reply. Hooks that come behind get what the handler gave them, a string where it was one, and
 * a copy of bytes, since they may change them in place. Where there are none, the stored bytes go out as they are.
 */
export function replayBody (route: CachedRoute, stored: StoredReply): Buffer | string | undefined {
  if (stored.body === null) return undefined
  if (!route.hooked) return stored.body
  return stored.text ? stored.body.toString() : Buffer.from(stored.body)
}

/** As `replayBody`, of a body that is kept in an encoding. */
function representedBody (route: CachedRoute, { body }: Representation): Buffer | undefined {
  if (body === null) return undefined
  return route.hooked ? Buffer.from(body) : body
}

/** A list of lines is given as a copy: what a later hook adds to it is this reply's alone. `true`: a content type is among them. */
export function putHeaders (reply: FastifyReply, stored: StoredReply, unchanged: boolean): boolean {
  const { headers } = stored
  let typed = false
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] as string
    const value = headers[i + 1]!
    if (unchanged && !headersOf304(name, stored.etag !== undefined)) continue
    if (name === 'content-type' && value.length > 0) typed = true
    if (isMerged(name)) mergeInto(reply, name, value)
    else if (typeof value === 'string') reply.header(name, value)
    else if (value.length === 0) reply.removeHeader(name)
    else reply.header(name, [...value])
  }
  return typed
}

/** Adds members to a list field that this reply may have already. */
export function mergeInto (reply: FastifyReply, name: string, value: string | readonly string[]): void {
  const own = reply.getHeader(name)
  reply.header(name, own !== undefined ? mergeList(name, own, value) : typeof value === 'string' ? value : [...value])
}
