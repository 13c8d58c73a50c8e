import type { FastifyReply, FastifyRequest } from 'fastify'
import { FENCE, tagName } from '../versions/names.ts'
import type { Exchange } from './exchange.ts'
import { Origins } from './origin.ts'
import { threw } from './predicates.ts'
import type { CachedRoute } from './route.ts'

/** The tags of a reply: the route's, and those of `reply.cache()`. `undefined`: the route's function gave none that are any. */
export function tagsOf (exchange: Exchange, request: FastifyRequest, reply: FastifyReply): readonly string[] | undefined {
  const { tags } = exchange.route.settings
  if (typeof tags !== 'function') return exchange.tags.length === 0 ? tags : [...tags, ...exchange.tags]
  try {
    const made: unknown = tags(request, reply)
    if (Array.isArray(made) && made.every((tag) => typeof tag === 'string' && tag !== '')) return [...made as string[], ...exchange.tags]
    throw new TypeError('tags must give a list of non-empty strings')
  } catch (error) {
    threw(exchange, 'tags', error)
    return undefined
  }
}

/** What a reply with these tags depends on. The fence is watched, not depended on. */
export function namesOf (exchange: Exchange, tags: readonly string[]): readonly string[] {
  const { route, address } = exchange
  if (exchange.tags.length > 0) expectLateTags(route, true)
  else if (route.lateTags === undefined) expectLateTags(route, false)
  if (tags === route.settings.tags && address!.names.at(-1) !== FENCE) return address!.names
  return [...new Set([...exchange.address!.names.filter((name) => name !== FENCE), ...tags.map(tagName)])]
}

/** Do its fills watch for purges of any tag? Addresses that were made before are of the other opinion. */
function expectLateTags (route: CachedRoute, late: boolean): void {
  if (route.lateTags === late) return
  route.lateTags = late
  route.origins = new Origins()
}
