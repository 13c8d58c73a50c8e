import type { FastifyRequest } from 'fastify'
import type { Entry, StoredReply, Variants } from '../entry.ts'
import { addressOf, type Place } from '../http/address.ts'
import { normalHost, normalScheme } from '../http/key.ts'
import { matchesPattern } from '../http/pattern.ts'
import { judge, ttl } from '../http/policy/freshness.ts'
import type { CachedRoute } from '../http/route.ts'
import type { Inspection } from '../inspection.ts'
import { isTag, tagOf } from '../versions/names.ts'

/** An entry as the page shows it: never its body. */
export interface EntryState {
  readonly key: string
  readonly kind: Entry['kind']
  readonly freshness: string
  /** Seconds of freshness left, negative when stale; `null`: it never expires. */
  readonly ttl: number | null
  /** ms since the epoch. */
  readonly created: number
  readonly tags: string[]
  readonly route?: string
  readonly status?: number
  readonly headers?: Array<[name: string, value: string]>
  readonly size?: number
}

/** What may be looked up: `origin` stands before a URL that is only a path. */
export interface Question {
  readonly by: 'url' | 'key'
  readonly value: string
  readonly origin: string
}

export interface Answer {
  readonly entries: EntryState[]
  /** What could not be looked up, and why. */
  readonly notes: string[]
}

export async function findEntries (cache: Inspection, { by, value, origin }: Question): Promise<Answer> {
  return by === 'key' ? await byKey(cache, value) : await byUrl(cache, value, origin)
}

/** A key as the events tell it, or that of a single value. */
async function byKey (cache: Inspection, key: string): Promise<Answer> {
  const { base } = cache.backend
  const keys = key.startsWith(base) ? [key] : [`${base}v:${key}`]
  return { entries: (await Promise.all(keys.map(async (one) => await entriesAt(cache, one)))).flat(), notes: [] }
}

async function byUrl (cache: Inspection, url: string, origin: string): Promise<Answer> {
  const { engine, routes } = cache
  const target = targetOf(url, origin)
  if (target === undefined) return { entries: [], notes: ['This is no URL.'] }
  const entries: EntryState[] = []
  const notes: string[] = []
  const matching = routes.filter(({ pattern, where }) => !where.startsWith('HEAD ') && matchesPattern(pattern, target.path, engine.router.caseSensitive))
  if (matching.length === 0) notes.push('No cached route has this path.')
  for (const route of matching) {
    const key = keyOf(route, target)
    if (key === undefined) notes.push(`The keys of ${route.where} are made by the application: look one up by its key.`)
    else entries.push(...await entriesAt(cache, key, route))
    if (usesRequest(route)) notes.push(`${route.where} keeps entries by request headers too; this one is for a request without them.`)
  }
  return { entries, notes }
}

interface Target { scheme: 'http' | 'https', host: string, path: string, whole: string, query: Record<string, string | string[]> }

function targetOf (url: string, origin: string): Target | undefined {
  try {
    const { protocol, host, pathname, search } = new URL(url, origin)
    if (protocol !== 'http:' && protocol !== 'https:') return undefined
    const scheme = normalScheme(protocol.slice(0, -1))
    const query: Target['query'] = Object.create(null)
    for (const [name, value] of new URLSearchParams(search)) {
      const before = query[name]
      query[name] = before === undefined ? value : [before, value].flat()
    }
    return { scheme, host: normalHost(host, scheme), path: pathname, whole: pathname + search, query }
  } catch {
    return undefined
  }
}

function keyOf (route: CachedRoute, { scheme, host, whole, query }: Target): string | undefined {
  const { makeCacheKey, keyPrefix } = route.settings
  if (makeCacheKey !== undefined || typeof keyPrefix === 'function') return undefined
  const place: Place = { scheme, host, target: whole, rewritten: whole }
  return addressOf(route, { method: 'GET', headers: {}, query } as unknown as FastifyRequest, place, keyPrefix)?.key
}

function usesRequest ({ settings }: CachedRoute): boolean {
  return settings.vary.length > 0 || settings.authorization === 'vary' || settings.cookies === 'vary' || typeof settings.cookies === 'object'
}

/** What stands under a key: one entry, or the variants that it leads to. */
async function entriesAt (cache: Inspection, key: string, route?: CachedRoute): Promise<EntryState[]> {
  const { versioned } = cache.backend
  const { entry, softened } = await versioned.lookup(key, [])
  if (entry === undefined) return []
  const shown = describe(cache, key, entry, softened, route)
  if (entry.kind !== 'variants') return [shown]
  const variants = (entry.payload as Variants).stored
  const found = await versioned.lookupMany(variants)
  return found.flatMap((one, i) => one.entry === undefined ? [] : [describe(cache, variants[i]!, one.entry, one.softened, route)])
}

function describe ({ engine }: Inspection, key: string, entry: Entry, softened: number, route: CachedRoute | undefined): EntryState {
  const now = engine.now()
  const shown: EntryState = {
    key,
    kind: entry.kind,
    freshness: judge(entry, softened, now),
    ttl: ttl(entry, softened, now) ?? null,
    created: entry.created,
    tags: entry.names.filter(isTag).map(tagOf),
    ...(route === undefined ? {} : { route: route.where })
  }
  if (entry.kind !== 'reply') return shown
  const { status, headers, size } = entry.payload as StoredReply
  return { ...shown, status, size, headers: pairs(headers) }
}

function pairs (headers: StoredReply['headers']): Array<[string, string]> {
  const list: Array<[string, string]> = []
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1]!
    list.push([headers[i] as string, typeof value === 'string' ? value : value.join(', ')])
  }
  return list
}
