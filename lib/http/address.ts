import { createHash } from 'node:crypto'
import type { FastifyRequest } from 'fastify'
import { cookieValues } from './cookies.ts'
import { canonicalTarget, joinParts, listedQuery, normalHost, normalPath, normalQuery, normalScheme, splitTarget, type RouterSpelling } from './key.ts'
import { variantKey } from './vary.ts'
import { cacheName, FENCE, tagged, tagName, uriName } from '../versions/names.ts'
import type { Address } from './exchange.ts'
import type { CachedRoute } from './route.ts'

export type Scheme = 'http' | 'https'

/** Any other protocol than https counts as http: nothing that a client sends makes a third. */
export function schemeOf (request: FastifyRequest): Scheme {
  // Undefined once the connection is gone.
  return normalScheme(request.protocol as string | undefined ?? 'http')
}

/** A URI as the key and the purges see it. */
export interface Place {
  readonly scheme: Scheme
  readonly host: string
  /** As the client sent it, `originalUrl`. */
  readonly target: string
  /** After `rewriteUrl`. */
  readonly rewritten: string
}

export function placeOf (request: FastifyRequest): Place {
  const scheme = schemeOf(request)
  return { scheme, host: normalHost(request.host, scheme), target: request.originalUrl, rewritten: request.url }
}

/**
 * The key of a request on a cached route, from what the route's settings make part of it. One function serves the
 * look-up, the capture and `deleteCached`.
 *
 * @param custom what `makeCacheKey` or `keyPrefix` answered
 */
export function addressOf (route: CachedRoute, request: FastifyRequest, place: Place, custom: string | undefined): Address | undefined {
  const { settings, engine } = route
  const split = splitTarget(place.target, engine.router.useSemicolonDelimiter)
  if (split === undefined) return undefined
  const method = request.method === 'HEAD' ? 'GET' : request.method
  const parts = [method, route.id]
  if (settings.makeCacheKey !== undefined) {
    parts.push('=', custom ?? '')
  } else {
    if (settings.host !== false) parts.push(place.scheme, place.host)
    else parts.push('', '')
    parts.push(normalPath(split.path), queryPart(route, request, split.query), rewrittenPart(route, request, place), custom ?? '')
  }
  const headers = headerPart(route, request)
  if (headers !== '') parts.push(headers)
  const uris = entryNames(route, place)
  const group = engine.versioned.group(uris[0]!)
  const names = [cacheName(group), ...uris, ...(Array.isArray(settings.tags) ? settings.tags.map(tagName) : [])]
  if (route.lateTags !== false) names.push(FENCE)
  return { key: keyOf(engine.prefix + tagged(group), parts, engine.settings.hashMethod), names }
}

function queryPart (route: CachedRoute, request: FastifyRequest, query: string): string {
  const rule = route.settings.queryString
  if (rule === true) return query === '' ? '' : normalQuery(query)
  if (rule === false) return ''
  return listedQuery(rule, request.query)
}

function rewrittenPart (route: CachedRoute, request: FastifyRequest, place: Place): string {
  if (place.rewritten === place.target) return ''
  const split = splitTarget(place.rewritten, route.engine.router.useSemicolonDelimiter)
  if (split === undefined) return place.rewritten
  return joinParts([normalPath(split.path), queryPart(route, request, split.query)])
}

/** Credentials and cookies are hashed: a key is seen by whoever can read the backend. */
function headerPart (route: CachedRoute, request: FastifyRequest): string {
  const { settings, engine } = route
  const header = (name: string): string | string[] | undefined => request.headers[name]
  const parts: string[] = []
  if (settings.vary.length > 0) {
    const values = variantKey(settings.vary, header)
    const secret = settings.vary.some((name) => name === 'cookie' || engine.settings.credentialHeaders.includes(name))
    parts.push('v', secret ? digest(values, engine.settings.hashMethod) : values)
  }
  if (settings.cookies === 'vary') parts.push('c', digest(variantKey(['cookie'], header), engine.settings.hashMethod))
  else if (typeof settings.cookies === 'object') parts.push('c', digest(cookieValues(request.headers.cookie, settings.cookies), engine.settings.hashMethod))
  if (settings.authorization === 'vary') parts.push('a', digest(variantKey(engine.settings.credentialHeaders, header), engine.settings.hashMethod))
  return parts.length === 0 ? '' : joinParts(parts)
}

/** Long keys are cut to a digest, so that no backend sees a key of any length that a client chooses. */
function keyOf (prefix: string, parts: readonly string[], method: string): string {
  const key = joinParts(parts, prefix)
  return key.length - prefix.length <= 400 ? key : `${prefix}#${key.length.toString(36)}.${digest(key, method)}`
}

// utf16le keeps lone surrogates apart, which UTF-8 would make one.
export function digest (text: string, method: string): string {
  return createHash(method).update(Buffer.from(text, 'utf16le')).digest('base64url')
}

/**
 * The names that an entry of this place depends on. Entries whose key holds the whole query hang on the full URI; the
 * others on the path alone, so that a purge of any query reaches them. Host-free entries hang on the host-free name.
 */
function entryNames (route: CachedRoute, place: Place): string[] {
  const { settings, engine } = route
  const hostFree = settings.host === false || settings.makeCacheKey !== undefined
  const where = hostFree ? '' : place.scheme + '://' + place.host
  const targets = place.rewritten === place.target ? [place.target] : [place.target, place.rewritten]
  return targets.map((target) => {
    const { path, query } = canonical(target, engine.router)
    return settings.queryString === true && settings.makeCacheKey === undefined ? fullName(where, path, query) : pathName(where, path)
  })
}

/** Every name that a purge of this place moves: full and by path, with the host and without it. */
export function purgeNames (schemes: readonly Scheme[], host: string | undefined, targets: readonly string[], router: RouterSpelling): string[] {
  const wheres = ['', ...(host === undefined ? [] : schemes.map((scheme) => scheme + '://' + normalHost(host, scheme)))]
  const names = new Set<string>()
  for (const target of targets) {
    const { path, query } = canonical(target, router)
    for (const where of wheres) {
      names.add(fullName(where, path, query))
      names.add(pathName(where, path))
    }
  }
  return [...names]
}

const FULL = uriName('?')
const PATH = uriName('/')
const fullName = (where: string, path: string, query: string): string => joinParts([where, path, query], FULL)
const pathName = (where: string, path: string): string => joinParts([where, path], PATH)

function canonical (target: string, router: RouterSpelling): { path: string, query: string } {
  return canonicalTarget(target, router) ?? { path: target, query: '' }
}
