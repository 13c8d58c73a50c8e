import type { Socket } from 'node:net'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { ServerResponse } from 'node:http'
import { isPromise } from '../awaitable.ts'
import { emit, emitError } from '../events.ts'
import { placeOf, purgeNames, type Place } from './address.ts'
import type { Engine } from './engine.ts'
import { writtenHeaders, type FinalHeader } from './final-headers.ts'
import { normalHost } from './key.ts'

/** Methods that change nothing (RFC 9110 §9.2.1, RFC 4918, RFC 3253, the QUERY method). */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'QUERY', 'PROPFIND', 'REPORT', 'SEARCH'])

export function isUnsafe (method: string): boolean {
  return !SAFE.has(method)
}

/**
 * RFC 9111 §4.4: a successful answer to an unsafe method removes what is stored for its URI, and for what `Location` and
 * `Content-Location` name on the same host, before it leaves. A purge that fails never fails the request: the backend's
 * versions are retried in the background, and this process believes none of the old entries until that holds.
 */
export function purgeAfter (engine: Engine, request: FastifyRequest, reply: FastifyReply): void | Promise<void> {
  return purgeFor(engine, request, reply, reply.statusCode, (name) => reply.getHeader(name))
}

/**
 * The same for what never comes to `onSend` (`reply.hijack()`, `reply.raw`), and for what later hooks made of status and
 * `Location`: told by the head as it leaves. Such an answer cannot be held back for a remote purge.
 */
export function purgeAtHead (engine: Engine, request: FastifyRequest, reply: FastifyReply): void {
  const raw = reply.raw as ServerResponse & { writeHead: (...args: unknown[]) => unknown }
  const writeHead = raw.writeHead
  raw.writeHead = function (this: ServerResponse, ...args: unknown[]) {
    raw.writeHead = writeHead
    const written = writeHead.apply(this, args as never)
    purgeFor(engine, request, reply, this.statusCode, writtenHeaders(this, args.at(-1)))
    return written
  } as typeof raw.writeHead
}

/** The names that were moved for an answer already, by cache. */
const moved = new WeakMap<FastifyReply, Map<Engine, Set<string>>>()

function purgeFor (engine: Engine, request: FastifyRequest, reply: FastifyReply, status: number, header: FinalHeader): void | Promise<void> {
  if (engine.none || status < 200 || status >= 400) return
  const place = placeAtEnd(request, reply)
  const targets = [originForm(place.target), originForm(place.rewritten)]
  for (const field of ['location', 'content-location']) {
    const target = sameHostTarget(header(field), place)
    if (target !== undefined) targets.push(target)
  }
  const caches = moved.get(reply) ?? new Map<Engine, Set<string>>()
  moved.set(reply, caches)
  const before = caches.get(engine) ?? new Set<string>()
  caches.set(engine, before)
  const names = purgeNames([place.scheme], place.host, targets, engine.router).filter((name) => !before.has(name))
  if (names.length === 0) return
  for (const name of names) before.add(name)
  return purgeAll(engine, names, request)
}

/** A target in absolute form (RFC 9112 §3.2.2), which the router takes for its path; the host is the Host field's. */
function originForm (target: string): string {
  if (target.startsWith('/')) return target
  const path = target.indexOf('/', target.indexOf('://') + 3)
  return path < 0 ? '/' : target.slice(path)
}

/**
 * Where the request went, told once its answer is there: a body that was piped on (to an upstream, say) takes the socket
 * off the request, by which Fastify tells scheme and host. The answer has it still.
 */
function placeAtEnd (request: FastifyRequest, reply: FastifyReply): Place {
  const raw = request.raw as { socket: Socket | null }
  const { socket } = reply.raw
  if (raw.socket !== null || socket === null) return placeOf(request)
  raw.socket = socket
  try {
    return placeOf(request)
  } finally {
    raw.socket = null
  }
}

function purgeAll (engine: Engine, names: string[], request: FastifyRequest): void | Promise<void> {
  const waits: Array<Promise<unknown>> = []
  for (const one of [engine, ...engine.below]) {
    one.uncacheable.clear()
    emit('invalidate', one.name, 'route', request.originalUrl, undefined, request.method)
    try {
      const purged = one.versioned.purge(names)
      if (isPromise(purged)) waits.push(purged.catch((error: unknown) => failed(one, request, error)))
    } catch (error) {
      failed(one, request, error)
    }
  }
  return waits.length === 0 ? undefined : Promise.all(waits).then(() => undefined)
}

function failed (engine: Engine, request: FastifyRequest, error: unknown): void {
  engine.counters.errors++
  emitError(engine.name, 'route', request.originalUrl, error)
  engine.notes.error(request.log, 'purge', { err: error },
    `fastify-cached: the purge after ${request.method} failed; it is retried in the background, and entries of this URI are not served by this process until it holds`)
}

function sameHostTarget (value: unknown, place: { scheme: string, host: string, target: string }): string | undefined {
  if (typeof value !== 'string' || value === '') return undefined
  try {
    const url = new URL(value, `${place.scheme}://${place.host}${place.target}`)
    const scheme = url.protocol === 'https:' ? 'https' : url.protocol === 'http:' ? 'http' : undefined
    if (scheme !== place.scheme || normalHost(url.host, scheme) !== place.host) return undefined
    return url.pathname + url.search
  } catch {
    return undefined
  }
}
