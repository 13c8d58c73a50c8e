import type { FastifyInstance, RouteOptions } from 'fastify'
import type { RouteSettings } from '../options/settings.ts'
import { hookChain } from './inside.ts'
import type { Place } from './route.ts'

/** The two hooks that every cached route carries; the third place is its wrapped handler. */
export interface OwnHooks {
  readonly onRequest: unknown
  readonly preParsing: unknown
}

/**
 * Where a route's look-up runs: the earliest place after which no hook of anybody else is left that could refuse the
 * request. Read from the final chain, once everything is registered; what cannot be read gets the last place.
 */
export function placementOf (instance: FastifyInstance, options: RouteOptions, settings: RouteSettings, own: OwnHooks): Place {
  if (needsHandler(options, settings)) return 'handler'
  const onRequest = hookChain(instance, options, 'onRequest')
  const preParsing = hookChain(instance, options, 'preParsing')
  const preValidation = hookChain(instance, options, 'preValidation')
  const preHandler = hookChain(instance, options, 'preHandler')
  if (onRequest === undefined || preParsing === undefined || preValidation === undefined || preHandler === undefined) return 'handler'
  if (preValidation.length > 0 || preHandler.length > 0) return 'handler'
  if (preParsing.at(-1) !== own.preParsing) return 'handler'
  return preParsing.length === 1 && onRequest.at(-1) === own.onRequest ? 'onRequest' : 'preParsing'
}

/** What the route itself says, whatever hooks it has: the look-up waits for the parsed body, or for a check of the schema. */
export function needsHandler (options: Pick<RouteOptions, 'method' | 'schema'>, settings: RouteSettings): boolean {
  return settings.hook === 'preHandler' || carriesBody(options, settings) || checksUnkeyed(options, settings)
}

/** A key made of the body needs the parsed body. */
function carriesBody (options: Pick<RouteOptions, 'method'>, settings: RouteSettings): boolean {
  return [options.method].flat().some((method) => settings.methods.has(method) && method !== 'GET' && method !== 'HEAD')
}

/** A hit must not go round a check of something that the key does not cover. */
function checksUnkeyed (options: Pick<RouteOptions, 'schema'>, settings: RouteSettings): boolean {
  const schema = options.schema as Record<string, unknown> | undefined
  if (schema === undefined || schema === null) return false
  if (schema.headers !== undefined || schema.body !== undefined) return true
  const query = schema.querystring ?? schema.query
  return query !== undefined && (settings.queryString !== true || settings.makeCacheKey !== undefined)
}
