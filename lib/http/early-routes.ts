import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import { chainOfRequest, wrapHandlerOf } from './inside.ts'
import type { Engine } from './engine.ts'
import { exchangeOf } from './exchange.ts'
import { wrapHandler } from './handler.ts'
import { start } from './hooks.ts'
import { needsHandler } from './placement.ts'
import type { CachedRoute } from './route.ts'

/**
 * Routes that were declared before the plugin had loaded (a `register` without `await`) are unknown to `onRoute`. They
 * are met at their first request, at the end of `onRequest`, and served where no later hook applies to them; else they
 * are named in one error line, with the fix. Where no route was declared before, there is nothing to pay.
 */
export function serveEarlyRoutes (instance: FastifyInstance, engine: Engine, serves: (instance: FastifyInstance) => boolean, declare: (instance: FastifyInstance, options: RouteOptions) => CachedRoute | undefined): void {
  if (/^\s*(\(empty tree\))?\s*$/.test(instance.printRoutes())) return
  const known = new WeakMap<object, CachedRoute | 'refused'>()

  instance.addHook('preParsing', function meetEarlyRoutes (request, reply, payload, done) {
    const config = request.routeOptions.config as unknown as Record<string, unknown> | undefined
    if (exchangeOf(request) !== undefined || config?.[engine.name] === undefined || config[engine.name] === false) return done()
    const { url } = request.routeOptions
    if (url === undefined || !serves(request.server)) return done()
    let route = known.get(config)
    if (route === undefined) {
      route = meet(request, engine, declare) ?? 'refused'
      known.set(config, route)
    }
    if (route === 'refused' || route.place === 'handler') return done()
    start(route, request, reply as FastifyReply, done)
  })
}

function meet (request: FastifyRequest, engine: Engine, declare: (instance: FastifyInstance, options: RouteOptions) => CachedRoute | undefined): CachedRoute | undefined {
  const { routeOptions } = request
  const where = `${String(routeOptions.method)} ${String(routeOptions.url)}`
  // A route that was declared in time has its own hooks and a handler that is wrapped already.
  const chain = chainOfRequest(request)
  if (chain?.onRequest.some((hook) => (hook as { name?: string }).name === 'bound lookupAfterOnRequest') === true) return undefined
  const complain = (why: string): undefined => {
    engine.log.error({ route: where }, `fastify-cached: route ${where} was declared before the cache had loaded and is not cached: ${why}. Await the registration (\`await app.register(cached, …)\`), or declare the routes in app.after()`)
    return undefined
  }
  if (chain === undefined) return complain('its hooks cannot be read')
  if (chain.preParsing.length > 1 || chain.preValidation.length > 0 || chain.preHandler.length > 0) {
    return complain('hooks after onRequest apply to it, which a hit would go round')
  }
  try {
    const options = { method: routeOptions.method, url: routeOptions.url, config: routeOptions.config, schema: routeOptions.schema } as unknown as RouteOptions
    const route = declare(request.server, options)
    if (route === undefined) return undefined
    if (!wrapHandlerOf(request, (handler) => wrapHandler(route, handler, start))) return complain('its handler cannot be reached')
    route.place = needsHandler(options, route.settings) ? 'handler' : 'preParsing'
    return route
  } catch (error) {
    return complain(error instanceof Error ? error.message : String(error))
  }
}
