import { isPromise } from '../awaitable.ts'
import { withinBound } from './predicates.ts'
import type { Exchange } from './exchange.ts'

/**
 * What `makeCacheKey` or `keyPrefix` makes of a request. `undefined`: it threw, was no non-empty string, or did not
 * come within `CACHE_OPERATION_TIMEOUT`; the request then goes round the cache, since a key that is guessed could be
 * another user's.
 */
export function customKey (exchange: Exchange): string | undefined | Promise<string | undefined> {
  const { settings } = exchange.route
  const make = settings.makeCacheKey ?? settings.keyPrefix
  if (typeof make === 'string') return make
  const option = settings.makeCacheKey === undefined ? 'keyPrefix' : 'makeCacheKey'
  let made: unknown
  try {
    made = make!(exchange.request)
  } catch (error) {
    return refused(exchange, option, error)
  }
  if (!isPromise(made)) return accept(exchange, option, made)
  return withinBound(exchange, made).then((value) => accept(exchange, option, value), (error: unknown) => refused(exchange, option, error))
}

function accept (exchange: Exchange, option: string, made: unknown): string | undefined {
  if (typeof made === 'string' && made !== '') return made
  return refused(exchange, option, new TypeError(`${option} must give a non-empty string; got ${made === '' ? "''" : typeof made}`))
}

function refused ({ route, request }: Exchange, option: string, error: unknown): undefined {
  route.engine.notes.error(request.log, `${route.where} ${option}`, { err: error, route: route.where },
    `fastify-cached: ${option} of route ${route.where} gave no key; the request goes round the cache`)
}
