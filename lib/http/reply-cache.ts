import type { FastifyInstance, FastifyReply } from 'fastify'
import { errors } from '../errors.ts'
import { checkNames, secondsOf, tagsOf } from '../values.ts'
import { exchangeOf } from './exchange.ts'

/** What a handler may say of its reply: `false` keeps it out of the store. */
export interface ReplyCacheOptions {
  /** Seconds, 0 = never expires. */
  timeout?: number | null | undefined
  /** Added to the route's. */
  tags?: readonly string[] | undefined
}

/** `reply.cache()`: speaks to the cache that serves the request's route, whichever it is; elsewhere it says nothing. */
export function decorateReply (instance: FastifyInstance): void {
  if (instance.hasReplyDecorator('cache')) return
  instance.decorateReply('cache', function (this: FastifyReply, options: false | ReplyCacheOptions) {
    const exchange = exchangeOf(this.request)
    if (options !== false && (typeof options !== 'object' || options === null)) {
      throw new errors.FST_CACHE_ERR_ARGUMENT(`reply.cache() takes false, or { timeout, tags }; got ${options === null ? 'null' : typeof options}`)
    }
    if (options !== false) checkNames(options, ['timeout', 'tags'])
    const timeout = options === false ? 0 : secondsOf(options.timeout, -1)
    const tags = options === false ? [] : options.tags ?? []
    tagsOf(tags)
    if (exchange === undefined) return this
    if (exchange.watched) throw new errors.FST_CACHE_ERR_ARGUMENT(`reply.cache() was called after the reply of ${exchange.route.where} was sent`)
    if (options === false) exchange.keep = false
    else if (timeout >= 0) exchange.timeout = timeout
    if (tags.length > 0) exchange.tags = [...exchange.tags, ...tags]
    return this
  })
}
