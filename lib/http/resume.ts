import type { Exchange } from './exchange.ts'

/** Lets the request go on to the handler. Once. */
export function proceed (exchange: Exchange): void {
  exchange.gone = true
  exchange.proceed()
}

/**
 * Work on a request behind a wait. What throws then, such as a header of an earlier hook that Node refuses as the reply
 * is written, is the failure of this request, as Fastify has it where a hook throws at once; a rejection that nobody
 * handles would end the process.
 */
export function resumed<A extends unknown[]> (exchange: Exchange, work: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      work(...args)
    } catch (error) {
      fail(exchange, error)
    }
  }
}

export function fail (exchange: Exchange, error: unknown): void {
  const { route, request, reply } = exchange
  if (!exchange.gone) {
    exchange.gone = true
    exchange.proceed(error as Error)
    return
  }
  // It had gone on already: what is left to do is not to let its client wait.
  request.log.error({ err: error, route: route.where }, `fastify-cached: a request of route ${route.where} failed behind its handler`)
  if (!reply.raw.writableEnded) reply.raw.destroy()
}

export type Done = (error: Error | null, payload?: unknown) => void

/** The `done` of an `onSend` hook that answers late: Fastify looks after what throws in it only while the hook runs. */
export function lateDone (done: Done): Done {
  return (error, payload) => {
    try {
      done(error, payload)
    } catch (thrown) {
      done(thrown as Error)
    }
  }
}
