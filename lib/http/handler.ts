import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod } from 'fastify'
import { exchangeOf, type Exchange } from './exchange.ts'
import { isolated } from './isolate.ts'
import type { CachedRoute } from './route.ts'

type Start = (route: CachedRoute, request: FastifyRequest, reply: FastifyReply, proceed: (error?: Error) => void) => void

/**
 * The handler of a cached route: the last place of the look-up, and where the handler gets the request as the key
 * covers it.
 */
export function wrapHandler (route: CachedRoute, handler: RouteHandlerMethod, start: Start): RouteHandlerMethod {
  function run (server: FastifyInstance, request: FastifyRequest, reply: FastifyReply, exchange: Exchange | undefined): unknown {
    if (exchange === undefined) return handler.call(server, request, reply)
    exchange.handled = true
    if (!exchange.fills) return handler.call(server, request, reply)
    const result = handler.call(server, isolated(exchange), reply)
    if (result instanceof Promise) exchange.running = result
    return result
  }

  return function cachedHandler (this: FastifyInstance, request: FastifyRequest, reply: FastifyReply): unknown {
    const exchange = exchangeOf(request)
    if (exchange !== undefined || route.place !== 'handler') return run(this, request, reply, exchange)
    let atOnce = true
    let proceeded = false
    let result: unknown
    let goOn: ((error?: Error) => void) | undefined
    start(route, request, reply, (error) => {
      proceeded = true
      if (!atOnce) goOn!(error)
      else if (error === undefined) result = run(this, request, reply, exchangeOf(request))
      else throw error
    })
    atOnce = false
    if (proceeded) return result
    if (exchangeOf(request)!.served) return undefined
    // Pending for good where the reply comes from elsewhere: from the store, or from a handler that calls reply.send().
    return new Promise((resolve) => {
      goOn = (error) => {
        let late: unknown
        try {
          if (error !== undefined) throw error
          late = run(this, request, reply, exchangeOf(request))
        } catch (error) {
          late = Promise.reject(error)
        }
        if (late !== undefined) resolve(late)
      }
    })
  } as RouteHandlerMethod
}
