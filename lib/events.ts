import { channel } from 'node:diagnostics_channel'

/** What a subscriber of a `fastify-cached:*` channel of `node:diagnostics_channel` is given. */
export interface CacheEvent {
  /** The cache's decorator name. */
  readonly cache: string
  /** A cached route, a memoized function, or a single value. */
  readonly kind: 'route' | 'memoize' | 'value'
  /**
   * Of the entry as the backend knows it (values: as the application does); the URL where no key was made of it, a tag or
   * a prefix where these were invalidated. Credentials and cookies stand in it as digests only.
   */
  readonly key: string
  /** The pattern of a cached route, as `/user/:name`. */
  readonly route?: string
  /** Why: of a bypass, a miss or an invalidation; `stale` of a stale hit; the message of an error. */
  readonly reason?: string
}

const channels = {
  hit: channel('fastify-cached:hit'),
  miss: channel('fastify-cached:miss'),
  store: channel('fastify-cached:store'),
  bypass: channel('fastify-cached:bypass'),
  invalidate: channel('fastify-cached:invalidate'),
  error: channel('fastify-cached:error')
}

export type EventName = keyof typeof channels

/** Nothing is built while nobody listens. */
export function emit (name: EventName, cache: string, kind: CacheEvent['kind'], key: string, route?: string, reason?: string): void {
  const target = channels[name]
  if (!target.hasSubscribers) return
  target.publish({ cache, kind, key, ...(route === undefined ? {} : { route }), ...(reason === undefined ? {} : { reason }) } satisfies CacheEvent)
}

export function emitError (cache: string, kind: CacheEvent['kind'], key: string, error: unknown, route?: string): void {
  if (channels.error.hasSubscribers) emit('error', cache, kind, key, route, error instanceof Error ? error.message : String(error))
}
