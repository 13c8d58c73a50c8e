import { failAgain } from './fallback.ts'
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteHandlerMethod, RouteOptions } from 'fastify'
import { errors } from '../errors.ts'
import { Tally } from '../tally.ts'
import { resolveRoute } from '../options/route.ts'
import { capture } from './capture.ts'
import { claim } from './detached-run.ts'
import { serveEarlyRoutes } from './early-routes.ts'
import type { Engine } from './engine.ts'
import { exchangeOf, openExchange, type Exchange } from './exchange.ts'
import { wrapHandler } from './handler.ts'
import { hookChain, onSendHooks, prependOnSend } from './inside.ts'
import { lookup } from './lookup.ts'
import { lateDone } from './resume.ts'
import { watchUnsafe } from './unsafe-handler.ts'
import { placementOf, type OwnHooks } from './placement.ts'
import { isUnsafe, purgeAfter } from './purge.ts'
import { keyedFieldsOf, varyNamesOf, type CachedRoute } from './route.ts'
import { joinParts } from './key.ts'
import { hasPlainKeys } from './address.ts'
import { Origins } from './origin.ts'
import { tagName } from '../versions/names.ts'

type Next = (error?: Error | null, payload?: unknown) => void

/** Every route, of any cache, that a cache serves: no route has two. */
const served = new WeakSet<object>()
/** Every capture hook, of any cache: they are nobody's `onSend` but ours. */
const captures = new WeakSet<object>()

/**
 * Attaches the hooks of one cache to its scope. Routes are wrapped as they are declared; where their look-up runs is
 * settled when all is registered.
 */
export function attach (instance: FastifyInstance, engine: Engine, serves: (instance: FastifyInstance) => boolean): CachedRoute[] {
  const routes: CachedRoute[] = []
  const settle: Array<() => void> = []

  instance.addHook('onRoute', function (options) {
    const route = serves(this) ? routeOf(this, engine, options) : undefined
    if (!engine.none && [options.method].flat().some(isUnsafe)) options.handler = watchUnsafe(engine, options.handler as RouteHandlerMethod)
    if (route === undefined) return
    routes.push(route)
    const own = wrap(route, options)
    settle.push(() => {
      route.place = placementOf(this, options, route.settings, own)
      route.hooked = hasOtherOnSend(this, options)
    })
  })

  function capturing (request: FastifyRequest, reply: FastifyReply, payload: unknown, done: Next): void {
    const exchange = exchangeOf(request)
    // A method that a route lists is a cached read; any other may be unsafe, also on a route that caches its reads.
    const read = request.method === 'GET' || !isUnsafe(request.method) || exchange?.route.settings.methods.has(request.method) === true
    const after = read ? done : purging(request, reply, done)
    if (exchange === undefined || exchange.route.engine !== engine) return after(null, payload)
    if (!exchange.served && !engine.none) return capture(exchange, request, reply, payload, after as never)
    if (exchange.untyped) reply.removeHeader('content-type')
    if (exchange.failedAgain) failAgain(exchange, reply)
    after(null, payload)
  }
  const purging = (request: FastifyRequest, reply: FastifyReply, done: Next): Next => (error, payload) => {
    if (error !== null && error !== undefined) return done(error)
    const purged = purgeAfter(engine, request, reply)
    if (purged === undefined) done(null, payload)
    else purged.then(() => lateDone(done)(null, payload))
  }
  captures.add(capturing)
  const others = onSendHooks(instance)
  if (!prependOnSend(instance, capturing)) {
    instance.addHook('onSend', capturing as never)
    engine.log.warn({}, `fastify-cached: this version of Fastify keeps its hooks where they cannot be read; replies are captured after the onSend hooks ${others.join(', ')}`)
  }

  instance.addHook('onError', function noteFailure (request, reply, _error, done) {
    const exchange = exchangeOf(request)
    if (exchange !== undefined) {
      exchange.failedAgain = exchange.served
      exchange.untyped = false
      exchange.failed = true
      leaveStatus(exchange, reply)
    }
    done()
  })

  serveEarlyRoutes(instance, engine, serves, (scope, options) => {
    const route = routeOf(scope, engine, options)
    if (route !== undefined) routes.push(route)
    return route
  })

  instance.addHook('onReady', async function settlePlaces () { for (const one of settle) one() })
  return routes
}

function routeOf (instance: FastifyInstance, engine: Engine, options: RouteOptions): CachedRoute | undefined {
  const config = (options.config as Record<string, unknown> | undefined)?.[engine.name]
  if (config === undefined || config === null || config === false) return undefined
  const methods = [options.method].flat() as string[]
  const where = `${methods.join(',')} ${options.url}`
  const settings = resolveRoute(config, engine.settings, where, methods)
  if (settings === undefined) return undefined
  if (served.has(options)) throw new errors.FST_CACHE_ERR_ROUTE_OPTIONS(where, `is already served by another cache; config.${engine.name} of the second one must go`)
  served.add(options)
  const constraints = (options.constraints ?? {}) as Record<string, unknown>
  const versioned = constraints.version !== undefined
  const credentials = engine.settings.credentialHeaders
  return {
    engine,
    settings,
    where,
    pattern: options.url,
    id: joinParts([options.url, JSON.stringify(constraints, (_key, value: unknown) => value instanceof RegExp ? String(value) : value)]),
    instance,
    keyedFields: keyedFieldsOf(settings, credentials, versioned),
    varyNames: varyNamesOf(settings, credentials, versioned),
    place: 'handler',
    hooked: true,
    lateTags: typeof settings.tags === 'function' ? true : undefined,
    tally: new Tally(),
    tagNames: Array.isArray(settings.tags) ? settings.tags.map(tagName) : [],
    origins: new Origins(),
    plain: hasPlainKeys(settings, engine.router),
    lastHeaders: [],
    reasons: new Map()
  }
}

function wrap (route: CachedRoute, options: RouteOptions): OwnHooks {
  function lookupAfterOnRequest (request: FastifyRequest, reply: FastifyReply, done: Next): void {
    if (route.place === 'onRequest') start(route, request, reply, done)
    else done()
  }
  function lookupBeforeParsing (request: FastifyRequest, reply: FastifyReply, _payload: unknown, done: Next): void {
    if (route.place === 'preParsing') start(route, request, reply, done)
    else done()
  }
  // The lists may be the user's own, and shared between routes: they are never pushed into.
  options.onRequest = ([] as unknown[]).concat(options.onRequest ?? [], lookupAfterOnRequest) as never
  options.preParsing = ([lookupBeforeParsing] as unknown[]).concat(options.preParsing ?? []) as never
  options.handler = wrapHandler(route, options.handler as RouteHandlerMethod, start)
  return { onRequest: lookupAfterOnRequest, preParsing: lookupBeforeParsing }
}

/** Opens the exchange of a request: a run of our own goes on as such, anything else is looked up. */
export function start (route: CachedRoute, request: FastifyRequest, reply: FastifyReply, proceed: (error?: Error) => void): void {
  const exchange = openExchange(route, request, reply, proceed)
  if (!claim(exchange)) lookup(exchange)
}

function hasOtherOnSend (instance: FastifyInstance, options: RouteOptions): boolean {
  const chain = hookChain(instance, options, 'onSend')
  if (chain === undefined) return true
  return chain.some((hook) => typeof hook === 'function' && !captures.has(hook) && hook.name !== 'headRouteOnSendHandler')
}

/** A failure behind a reply that was as good as sent is no success: Fastify gives a status of its own to what has 200. */
function leaveStatus ({ served, failure }: Exchange, reply: FastifyReply): void {
  // Node has taken it for a reply without a body, and gives none an end any more: the end of the connection is its end.
  if (reply.statusCode === 304) (reply.raw as { shouldKeepAlive?: boolean }).shouldKeepAlive = false
  if (reply.statusCode < 400 && (served || reply.statusCode === 304)) reply.code(failure ?? 200)
}
