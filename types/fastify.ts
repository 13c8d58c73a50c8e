import type { ReplyCacheOptions } from '../lib/http/reply-cache.ts'
import type { Cache } from './cache.ts'
import type { RouteCacheConfig } from './options.ts'

declare module 'fastify' {
  interface FastifyInstance {
    /** The cache of this scope (under another name where `CACHE_DECORATOR` says so). */
    cache: Cache
  }
  interface FastifyContextConfig {
    /** Opts the route in: `true`, a policy's name, or options. */
    cache?: RouteCacheConfig
  }
  interface FastifyReply {
    /** Sets lifetime and tags of this reply, or keeps it out of the store with `false`. */
    cache (options: false | ReplyCacheOptions): this
  }
}
