import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod, RouteOptions } from 'fastify'
import type { Headers } from './difference.ts'

/**
 * The only file that leans on the inside of Fastify: the chain of an instance's hooks, which no public call reads, and
 * its front, where no public call adds. Both are looked up by what they look like and tried out; where that fails, the
 * callers fall back to the public calls and a later place.
 */

export type LookupHook = 'onRequest' | 'preParsing' | 'preValidation' | 'preHandler'
type Hook = LookupHook | 'onSend'
type HookLists = Record<string, unknown>

function hookLists (instance: FastifyInstance): HookLists | undefined {
  const symbol = findSymbol(instance, 'fastify.hooks')
  const lists = symbol === undefined ? undefined : (instance as never)[symbol] as HookLists | undefined
  return typeof lists === 'object' && lists !== null && Array.isArray(lists.onSend) ? lists : undefined
}

function children (instance: FastifyInstance): FastifyInstance[] {
  const symbol = findSymbol(instance, 'fastify.children')
  const list = symbol === undefined ? undefined : (instance as never)[symbol] as unknown
  return Array.isArray(list) ? list as FastifyInstance[] : []
}

function findSymbol (instance: FastifyInstance, description: string): symbol | undefined {
  let level: object | null = instance
  while (level !== null) {
    const found = Object.getOwnPropertySymbols(level).find((symbol) => symbol.description === description)
    if (found !== undefined) return found
    level = Object.getPrototypeOf(level) as object | null
  }
  return undefined
}

/**
 * Puts an `onSend` hook in front of all others of the instance and of the children that it has already.
 * `false`: this Fastify keeps its hooks elsewhere; nothing was changed.
 */
export function prependOnSend (instance: FastifyInstance, hook: unknown): boolean {
  const lists = hookLists(instance)
  if (lists === undefined) return false
  ;(lists.onSend as unknown[]).unshift(hook)
  for (const child of children(instance)) prependOnSend(child, hook)
  return true
}

/** Names of the `onSend` hooks that an instance has at this moment. */
export function onSendHooks (instance: FastifyInstance): string[] {
  const lists = hookLists(instance)
  return ((lists?.onSend ?? []) as Array<{ name?: string }>).map((hook) => hook.name === undefined || hook.name === '' ? 'anonymous' : hook.name)
}

/** The hooks of one kind that run for a route, in their order; `undefined`: cannot be told. */
export function hookChain (instance: FastifyInstance, route: RouteOptions, hook: Hook): unknown[] | undefined {
  const lists = hookLists(instance)
  if (lists === undefined || !Array.isArray(lists[hook])) return undefined
  return [...lists[hook] as unknown[]].concat(route[hook] ?? [])
}

/** The final chain as the router holds it for the route of a request; `undefined`: cannot be told. */
export function chainOfRequest (request: FastifyRequest): Record<LookupHook, unknown[]> | undefined {
  const context = contextOf(request)
  if (context === undefined) return undefined
  const list = (hook: LookupHook): unknown[] => Array.isArray(context[hook]) ? context[hook] : []
  return { onRequest: list('onRequest'), preParsing: list('preParsing'), preValidation: list('preValidation'), preHandler: list('preHandler') }
}

let replyHeaders: symbol | undefined
let replyTrailers: symbol | undefined

/** The headers that were put on a reply, themselves; `undefined`: cannot be reached. What stands on `reply.raw` is not among them. */
export function ownHeaders (reply: FastifyReply): Headers | undefined {
  replyHeaders ??= symbolOf(reply, 'fastify.reply.headers')
  const own = replyHeaders === undefined ? undefined : (reply as never)[replyHeaders] as Headers | undefined
  return typeof own === 'object' ? own : undefined
}

/** Only where `ownHeaders` gave some. */
export function replaceOwnHeaders (reply: FastifyReply, headers: Headers): void {
  (reply as unknown as Record<symbol, Headers>)[replyHeaders!] = headers
}

/** Nobody has announced a trailer. `false` also where that cannot be told. */
export function isUntrailed (reply: FastifyReply): boolean {
  replyTrailers ??= symbolOf(reply, 'fastify.reply.trailers')
  return replyTrailers !== undefined && (reply as never)[replyTrailers] === null
}

function symbolOf (object: object, description: string): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find((one) => one.description === description)
}

/**
 * `reply.getHeaders()`, a copy. Most replies have nothing on `reply.raw`: without the detour over it a stored miss takes
 * 0.4 µs less.
 */
export function headersOf (reply: FastifyReply): Headers {
  const own = ownHeaders(reply)
  return own === undefined || reply.raw.getHeaderNames().length > 0 ? reply.getHeaders() as Headers : { ...own }
}

/** Wraps the handler of a route that `onRoute` did not see. `false`: it cannot be reached; nothing was changed. */
export function wrapHandlerOf (request: FastifyRequest, wrap: (handler: RouteHandlerMethod) => RouteHandlerMethod): boolean {
  const context = contextOf(request)
  if (context === undefined || typeof context.handler !== 'function') return false
  context.handler = wrap(context.handler as RouteHandlerMethod).bind(request.server)
  return true
}

function contextOf (request: FastifyRequest): Record<string, unknown> | undefined {
  const symbol = symbolOf(request, 'fastify.context')
  const context = symbol === undefined ? undefined : (request as never)[symbol] as Record<string, unknown> | undefined
  return typeof context === 'object' && context !== null && 'onRequest' in context && 'preHandler' in context ? context : undefined
}
