import type { ServerResponse } from 'node:http'
import type { Entry, StoredReply } from '../entry.ts'
import { isMerged, mergeList, type Headers } from './difference.ts'
import { cacheControlFor } from './downstream.ts'
import type { Exchange } from './exchange.ts'
import { isUntrailed, ownHeaders, replaceOwnHeaders } from './inside.ts'
import { currentAge } from './policy/freshness.ts'
import type { CachedRoute } from './route.ts'

/**
 * The headers of a stored reply as one object, made at its first hit. A copy of it has the same shape each time, which
 * costs a tenth of setting its names one by one.
 */
export type Head = Readonly<Headers>

/**
 * Writes a stored reply to the connection, where nothing of Fastify's way of a reply is left to run for it: no other
 * `onSend` hook, no trailers, and nobody who has put a `send` of his own on the reply. The headers stay on the reply, for
 * loggers and `onResponse` hooks. Takes 0.2 of the CPU of a route that sends a ready Buffer off a hit.
 *
 * @returns `false`: it is Fastify's to send; nothing was written
 */
export function sendDirectly (exchange: Exchange, entry: Entry<StoredReply>, status: string | undefined, now: number): boolean {
  const { route, request, reply } = exchange
  const stored = entry.payload
  const { body } = stored
  if (route.hooked || body === null || request.method !== 'GET' || !carriesBody(stored.status)) return false
  const raw = reply.raw as ServerResponse
  if (request.raw.httpVersionMajor !== 1 || raw.headersSent || raw.getHeaderNames().length > 0) return false
  const earlier = ownHeaders(reply)
  if (earlier === undefined || !isUntrailed(reply) || Object.hasOwn(reply, 'send')) return false
  if (stored.head === undefined) stored.head = headOf(stored, route)
  const { head } = stored
  if (head === null) return false
  const headers = Object.keys(earlier).length === 0 ? { ...head } : over(earlier, head)
  headers.age = currentAge(stored, now)
  const control = cacheControlFor(route.settings, entry, now)
  if (control !== undefined) headers['cache-control'] = control
  if (status !== undefined) {
    const upstream = headers['cache-status']
    headers['cache-status'] = upstream === undefined || upstream === '' ? status : mergeList('cache-status', upstream, status)
  }
  // It throws where an earlier hook's header is none: then the reply is still what that hook left.
  raw.writeHead(stored.status, headers as Record<string, string>)
  replaceOwnHeaders(reply, headers)
  raw.end(body, null as never, null as never)
  return true
}

/** RFC 9110 §6.4.1 */
const carriesBody = (status: number): boolean => status >= 200 && status !== 204 && status !== 304

/** `null`: a field of several lines, or one that it takes away, as few replies have; each request gets a list of its own. */
function headOf (stored: StoredReply, route: CachedRoute): Head | null {
  const head: Headers = {}
  for (let i = 0; i < stored.headers.length; i += 2) {
    const value = stored.headers[i + 1]!
    if (typeof value !== 'string') return null
    head[stored.headers[i] as string] = value
  }
  for (const name of route.varyNames) head.vary = head.vary === undefined ? name : mergeList('vary', head.vary, name)
  if (stored.etag !== undefined) head.etag = stored.etag
  head['content-length'] = String(stored.size)
  // In their places already, so that a hit changes no shape.
  head.age = 0
  if (route.settings.cacheControl !== undefined) head['cache-control'] ??= ''
  if (route.engine.settings.statusHeader !== false) head['cache-status'] ??= ''
  return head
}

/** List fields of both are merged; of the others, the stored one wins. */
function over (before: Headers, head: Head): Headers {
  const earlier = { ...before }
  for (const name in head) {
    const value = head[name]
    const own = earlier[name]
    if (own === undefined || !isMerged(name)) earlier[name] = value
    else if (value !== '') earlier[name] = mergeList(name, own, value as string)
  }
  return earlier
}
