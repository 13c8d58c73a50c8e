import type { FastifyRequest } from 'fastify'
import type { Exchange } from './exchange.ts'
import { splitTarget } from './key.ts'

/**
 * The request as the handler of a reply that may be stored sees it: without what the route leaves out of the key, so
 * that nothing unkeyed can get into a shared reply. The real request is behind it: decorators and methods work, writes
 * land on the view, and hooks, `request.raw` and `reply.request` are as always.
 */
export function isolated (exchange: Exchange): FastifyRequest {
  const { request, route } = exchange
  const strict = exchange.detached !== undefined || route.settings.isolate === 'strict'
  if (!strict && route.settings.isolate === false) return request
  const hidden: PropertyDescriptorMap = {}
  hideHeaders(exchange, strict, hidden)
  hideCookies(exchange, hidden)
  hideQuery(exchange, hidden)
  if (strict) hideConnection(exchange, hidden)
  return Object.keys(hidden).length === 0 ? request : Object.create(request, hidden) as FastifyRequest
}

const value = (what: unknown): PropertyDescriptor => ({ value: what, writable: true, enumerable: true, configurable: true })

/** Without these no body is understood; they describe the request itself. */
const NEEDED = new Set(['host', ':authority', 'content-type', 'content-length', 'transfer-encoding'])

function hideHeaders ({ request, route, fields }: Exchange, strict: boolean, hidden: PropertyDescriptorMap): void {
  const { settings, engine } = route
  const credentials = engine.settings.credentialHeaders
  if (!strict) {
    const gone = credentials.filter((name) => settings.authorization === 'ignore' && request.headers[name] !== undefined)
    const cookies = typeof settings.cookies === 'object' || settings.cookies === 'ignore'
    if (gone.length === 0 && (!cookies || request.headers.cookie === undefined)) return
    const headers = { ...request.headers }
    for (const name of gone) Reflect.deleteProperty(headers, name)
    if (cookies) keepCookies(headers, settings.cookies)
    hidden.headers = value(headers)
    return
  }
  const headers: Record<string, unknown> = {}
  for (const name in request.headers) {
    if (NEEDED.has(name) || settings.vary.includes(name) || fields.includes(name)) headers[name] = request.headers[name]
    else if (name === 'accept-version' && route.keyedFields.has(name)) headers[name] = request.headers[name]
    else if (settings.authorization === 'vary' && credentials.includes(name)) headers[name] = request.headers[name]
    else if (name === 'cookie' && settings.cookies !== 'ignore') headers[name] = request.headers[name]
  }
  keepCookies(headers, settings.cookies)
  hidden.headers = value(headers)
}

/** Only the cookies that are part of the key stay in the header. */
function keepCookies (headers: Record<string, unknown>, rule: Exchange['route']['settings']['cookies']): void {
  if (rule === 'vary' || rule === 'bypass' || headers.cookie === undefined) return
  const names = typeof rule === 'object' ? rule : []
  const kept = String(headers.cookie).split(';').filter((pair) => names.includes(pair.slice(0, pair.indexOf('=')).trim()))
  if (kept.length === 0) Reflect.deleteProperty(headers, 'cookie')
  else headers.cookie = kept.map((pair) => pair.trim()).join('; ')
}

/** `request.cookies` of @fastify/cookie and its like. */
function hideCookies ({ request, route }: Exchange, hidden: PropertyDescriptorMap): void {
  const rule = route.settings.cookies
  if (rule === 'vary' || rule === 'bypass') return
  const { cookies } = request as { cookies?: unknown }
  if (typeof cookies !== 'object' || cookies === null) return
  const kept: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const name of typeof rule === 'object' ? rule : []) {
    if (Object.hasOwn(cookies, name)) kept[name] = (cookies as Record<string, unknown>)[name]
  }
  hidden.cookies = value(kept)
}

function hideQuery ({ request, route }: Exchange, hidden: PropertyDescriptorMap): void {
  const rule = route.settings.queryString
  const keyed = route.settings.makeCacheKey !== undefined
  if (rule === true || keyed) return
  const names = Array.isArray(rule) ? rule : []
  const query = request.query as Record<string, unknown> | null
  const kept: Record<string, unknown> = Object.create(null) as Record<string, unknown>
  for (const name of names) {
    if (query !== null && typeof query === 'object' && Object.hasOwn(query, name)) kept[name] = query[name]
  }
  hidden.query = value(kept)
  hidden.url = value(withQuery(request.url, names))
  hidden.originalUrl = value(withQuery(request.originalUrl, names))
}

/** The target with the listed parameters only. */
function withQuery (target: string, names: readonly string[]): string {
  const split = splitTarget(target)
  if (split === undefined || split.query === '') return target
  const kept = split.query.split('&').filter((pair) => {
    const equals = pair.indexOf('=')
    return names.includes(decoded(equals < 0 ? pair : pair.slice(0, equals)))
  })
  return kept.length === 0 ? split.path : split.path + '?' + kept.join('&')
}

function decoded (name: string): string {
  try {
    return decodeURIComponent(name.replaceAll('+', ' '))
  } catch {
    return name
  }
}

/** The client's own address is nobody else's business; host and scheme are what the key says. */
function hideConnection ({ place }: Exchange, hidden: PropertyDescriptorMap): void {
  hidden.ip = value('')
  hidden.ips = value(undefined)
  if (place === undefined) return
  const port = place.host.match(/:(\d+)$/)?.[1]
  hidden.protocol = value(place.scheme)
  hidden.host = value(place.host)
  hidden.hostname = value(port === undefined ? place.host : place.host.slice(0, -port.length - 1))
  hidden.port = value(port === undefined ? null : Number(port))
}
