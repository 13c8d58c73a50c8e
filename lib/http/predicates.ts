import { isPromise } from '../awaitable.ts'
import { withDeadline } from '../stores/deadline.ts'
import type { Exchange } from './exchange.ts'
import { resumed } from './resume.ts'

/**
 * Asks a predicate of the route and goes on with its answer, at once where it answers at once. One that throws or
 * rejects, or does not answer within `CACHE_OPERATION_TIMEOUT`, never fails the request: it is logged with the route, and
 * the answer is `undefined`.
 */
export function ask (exchange: Exchange, option: string, question: () => unknown, next: (answer: boolean | undefined) => void): void {
  let answer: unknown
  try {
    answer = question()
  } catch (error) {
    threw(exchange, option, error)
    return next(undefined)
  }
  if (!isPromise(answer)) return next(Boolean(answer))
  withinBound(exchange, answer).then((value) => Boolean(value), (error: unknown) => {
    threw(exchange, option, error)
    return undefined
  }).then(resumed(exchange, next))
}

/** Rejects where a function of the route has not answered within `CACHE_OPERATION_TIMEOUT`. */
export async function withinBound (exchange: Exchange, answer: Promise<unknown>): Promise<unknown> {
  const bound = exchange.route.engine.settings.operationTimeout * 1000
  return await withDeadline(answer, bound, () => new Error(`no answer within ${bound} ms (CACHE_OPERATION_TIMEOUT)`))
}

export function threw ({ route, request }: Exchange, option: string, error: unknown): void {
  route.engine.notes.error(request.log, `${route.where} ${option}`, { err: error, route: route.where },
    `fastify-cached: ${option} of route ${route.where} failed; this request is treated as if the cache were not there`)
}
