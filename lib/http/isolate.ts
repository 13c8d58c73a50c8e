import type { FastifyRequest } from 'fastify'
import type { Exchange } from './exchange.ts'
import { splitTarget } from './key.ts'
import { valueUnder } from './query.ts'

/**
 * The request as the handler of a reply that may be stored sees it: without what the route leaves out of the key, so
 * that nothing unkeyed can get into a shared reply. The real request is behind it: decorators and methods work, what the
 * handler writes is there for later hooks and the error handler, and `request.raw` and `reply.request` are as always.
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
  return Object.keys(hidden).length === 0 ? request : Object.create(new Proxy(request, WRITE_THROUGH), hidden) as FastifyRequest
}

/** A write of what is not hidden passes the view, and lands where hooks find it. */
const WRITE_THROUGH: ProxyHandler<FastifyRequest> = {
  set: (request, name, written) => Reflect.set(request, name, written)
}

const value = (what: unknown): PropertyDescriptor => ({ value: what, writable: true, enumerable: true, configurable: true })

/** Without these no body is understood. */
const OF_THE_BODY = new Set(['content-type', 'content-length', 'transfer-encoding'])
const OF_THE_HOST = new Set(['host', ':authority'])

/** With `isolate: 'strict'` an unkeyed host is hidden too; a background run is given its trigger's by contract. */
function hidesHost ({ settings }: Exchange['route']): boolean {
  return settings.isolate === 'strict' && settings.host === false && settings.makeCacheKey === undefined
}

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
    if (settings.vary.includes(name) || fields.includes(name)) headers[name] = request.headers[name]
    else if (OF_THE_HOST.has(name) && !hidesHost(route)) headers[name] = request.headers[name]
    else if (OF_THE_BODY.has(name) && request.method !== 'GET' && request.method !== 'HEAD') headers[name] = request.headers[name]
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
  const kept = String(headers.cookie).split(';').filter((pair) => names.includes(nameOf(pair)))
  if (kept.length === 0) Reflect.deleteProperty(headers, 'cookie')
  else headers.cookie = kept.map((pair) => pair.trim()).join('; ')
}

function nameOf (pair: string): string {
  const equals = pair.indexOf('=')
  return (equals < 0 ? pair : pair.slice(0, equals)).trim()
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
  hidden.query = value(listed(request.query, names))
  hidden.url = value(withQuery(request.url, request.query, names))
  hidden.originalUrl = value(withQuery(request.originalUrl, request.query, names))
}

/** The listed parameters as the server's parser found them, in the kind of container that it gives. */
function listed (query: unknown, names: readonly string[]): unknown {
  if (query instanceof URLSearchParams) return new URLSearchParams([...query].filter(([name]) => names.includes(name)))
  if (query instanceof Map) return new Map([...query].filter(([name]) => names.includes(name as string)))
  const kept = Object.create(null) as Record<string, unknown>
  if (typeof query !== 'object' || query === null) return kept
  for (const name of names) if (Object.hasOwn(query, name)) kept[name] = (query as Record<string, unknown>)[name]
  return kept
}

/**
 * The target with the listed parameters only, made anew from what the parser found: in the raw text one parser's value
 * may hold what is another parameter to the next (`page=1;user=bob`).
 */
function withQuery (target: string, query: unknown, names: readonly string[]): string {
  const split = splitTarget(target)
  if (split === undefined || split.query === '') return target
  const pairs = new URLSearchParams()
  for (const name of names) {
    for (const one of [valueUnder(query, name)].flat()) if (typeof one === 'string') pairs.append(name, one)
  }
  return pairs.size === 0 ? split.path : `${split.path}?${pairs.toString()}`
}

/** The client's own address is nobody else's business; host and scheme are what the key says. */
function hideConnection ({ place, route }: Exchange, hidden: PropertyDescriptorMap): void {
  hidden.ip = value('')
  hidden.ips = value(undefined)
  if (hidesHost(route)) return hideHost(hidden)
  if (place === undefined) return
  const port = place.host.match(/:(\d+)$/)?.[1]
  hidden.protocol = value(place.scheme)
  hidden.host = value(place.host)
  hidden.hostname = value(port === undefined ? place.host : place.host.slice(0, -port.length - 1))
  hidden.port = value(port === undefined ? null : Number(port))
}

function hideHost (hidden: PropertyDescriptorMap): void {
  hidden.protocol = value('http')
  hidden.host = value('')
  hidden.hostname = value('')
  hidden.port = value(null)
}
