import type { Entry } from '../entry.ts'
import type { RouteSettings } from '../options/settings.ts'

/**
 * The `Cache-Control` that clients and caches in front get. Off by default, since a purge cannot reach them.
 * `true`: what is left of the entry's life; `private` where the key holds a cookie or a credential, which a cache in
 * front does not know of.
 */
export function cacheControlFor (settings: RouteSettings, entry: Pick<Entry, 'freshUntil'>, now: number): string | undefined {
  if (settings.cacheControl === undefined) return undefined
  if (typeof settings.cacheControl === 'string') return settings.cacheControl
  const left = entry.freshUntil === Infinity ? 31_536_000 : Math.max(0, Math.floor((entry.freshUntil - now) / 1000))
  return `${personal(settings) ? 'private' : 'public'}, max-age=${left}`
}

function personal (settings: RouteSettings): boolean {
  return settings.authorization === 'vary' || settings.cookies === 'vary' || typeof settings.cookies === 'object'
}
