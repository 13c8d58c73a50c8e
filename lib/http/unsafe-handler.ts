import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify'
import type { Engine } from './engine.ts'
import { exchangeOf } from './exchange.ts'
import { isUnsafe, purgeAtHead } from './purge.ts'

/**
 * The handler of a route with an unsafe method: watches the head of its answer, since an answer that is hijacked or
 * written to `reply.raw` passes no `onSend` hook, and a later hook may change status and `Location`.
 */
export function watchUnsafe (engine: Engine, handler: RouteHandlerMethod): RouteHandlerMethod {
  return function purgingHandler (this: FastifyInstance, request: FastifyRequest, reply: FastifyReply): unknown {
    const read = exchangeOf(request)?.route.settings.methods.has(request.method) === true
    if (!read && isUnsafe(request.method)) purgeAtHead(engine, request, reply)
    return handler.call(this, request, reply)
  } as RouteHandlerMethod
}
