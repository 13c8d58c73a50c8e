import type { RouteCacheOptions } from '../../types/options.ts'
import { errors } from '../errors.ts'
import { copyData, define } from './copy.ts'
import { collect, kind, show } from './fault.ts'
import { judge } from './judge.ts'
import { checkRouteOptions, overPolicy } from './policies.ts'
import { routeRules } from './route-rules.ts'
import type { ResolvedRoute } from './route-rules.ts'
import type { PluginSettings, RouteSettings } from './settings.ts'
import { mergeStatuses } from './statuses.ts'

const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD'])
const WITH_BODY = ['POST', 'QUERY']

/**
 * Checks what a route says about its caching and completes it: `CACHE_ROUTE_DEFAULTS`, over them the policy that the
 * route names, over both what it says itself.
 *
 * @param config `true`, `false`, the name of a policy, or options; `undefined`, `null` and `false` opt the route out
 * @param where how messages name the route, such as `GET /user/:name`
 * @param methods the methods that the route answers
 * @returns `undefined` for a route that is not cached
 * @throws {errors.FST_CACHE_ERR_ROUTE_OPTIONS} with all that is wrong
 */
export function resolveRoute (config: unknown, plugin: PluginSettings, where: string, methods: readonly string[]): RouteSettings | undefined {
  if (config === undefined || config === null || config === false) return undefined
  const faults: string[] = []
  const own = overPolicy(readConfig(config, faults), plugin.policies, 'policy', faults)
  const merged = { ...plugin.routeDefaults, ...own }
  if (faults.length === 0) {
    const resolved = Object.fromEntries(judge(merged as Record<string, unknown>, 'route option', '', routeRules, faults)) as ResolvedRoute
    const settings = complete(resolved, plugin)
    const written = new Set(Object.keys(own))
    const more = [methodFault(settings, methods), keyFault(settings, methods, written), softTimeoutFault(settings, merged, written), ...varyFaults(settings)]
    for (const fault of more) if (fault !== undefined) faults.push(fault)
    if (faults.length === 0) return Object.freeze(withVaried(withWindow(settings)))
  }
  throw new errors.FST_CACHE_ERR_ROUTE_OPTIONS(where, faults.join('; '))
}

function readConfig (config: unknown, faults: string[]): RouteCacheOptions {
  if (config === true) return {}
  if (typeof config === 'string') return { policy: config }
  if (typeof config !== 'object' || config === null || kind(config) === 'a list') {
    faults.push(`takes true, false, the name of a policy, or an object of options; got ${show(config)}`)
    return {}
  }
  const copy: Record<string, unknown> = Object.create(null)
  for (const name of collect(faults, 'the options object', () => Object.keys(config)) ?? []) {
    define(copy, name, collect(faults, name, () => copyData((config as Record<string, unknown>)[name])))
  }
  return checkRouteOptions(copy, '', faults)
}

function complete (o: ResolvedRoute, plugin: PluginSettings): RouteSettings {
  return {
    timeout: o.timeout ?? plugin.defaultTimeout,
    hasTimeout: o.timeout !== undefined,
    queryString: o.queryString ?? true,
    keyPrefix: o.keyPrefix === '' ? undefined : o.keyPrefix,
    makeCacheKey: o.makeCacheKey,
    vary: o.vary ?? [],
    methods: o.methods ?? METHODS,
    host: o.host ?? true,
    authorization: o.authorization ?? 'bypass',
    cookies: o.cookies ?? 'bypass',
    isolate: o.isolate ?? true,
    statuses: mergeStatuses(o.statuses),
    unless: o.unless,
    forcedUpdate: o.forcedUpdate,
    isStale: o.isStale,
    responseFilter: o.responseFilter,
    tags: o.tags ?? [],
    minUses: o.minUses ?? 1,
    maxVariants: o.maxVariants ?? 32,
    jitter: o.jitter ?? 0,
    eagerRefresh: o.eagerRefresh ?? 0,
    staleWhileRevalidate: o.staleWhileRevalidate ?? 0,
    staleIfError: o.staleIfError ?? 0,
    softTimeout: o.softTimeout,
    coalesce: o.coalesce ?? { timeout: 5 },
    lock: o.lock ?? false,
    compress: o.compress ?? false,
    cacheControl: o.cacheControl === false ? undefined : o.cacheControl,
    requestDirectives: o.requestDirectives ?? false,
    hook: o.hook ?? 'auto',
    etag: o.etag ?? true,
    maxEntryBytes: o.maxEntryBytes ?? plugin.maxEntryBytes
  }
}

function methodFault (settings: RouteSettings, methods: readonly string[]): string | undefined {
  // Fastify declares a HEAD route beside each GET, with the same config: it has nothing to answer for.
  if (methods.some(method => settings.methods.has(method) || method === 'HEAD')) return undefined
  const reads = methods.filter(method => WITH_BODY.includes(method))
  const advice = reads.length > 0 ? `say methods: ['${reads.join("', '")}'] with a makeCacheKey` : 'such a method is never answered from a cache'
  return `methods: it answers ${methods.join(', ')}, and only ${[...settings.methods].join(', ')} would be cached: ${advice}, or leave it uncached with cache: false`
}

/** A default that names POST for other routes does no harm to one that has only GET. */
function keyFault (settings: RouteSettings, methods: readonly string[], written: ReadonlySet<string>): string | undefined {
  if (settings.makeCacheKey !== undefined) return undefined
  const named = WITH_BODY.filter(method => settings.methods.has(method) && (written.has('methods') || methods.includes(method)))
  if (named.length === 0) return undefined
  return `methods: ${named.join(' and ')} need${named.length > 1 ? '' : 's'} a makeCacheKey, since the answer depends on the body`
}

function softTimeoutFault (settings: RouteSettings, merged: RouteCacheOptions, written: ReadonlySet<string>): string | undefined {
  // In this mode the reply itself may declare the window (RFC 5861 §4).
  if (settings.softTimeout === undefined || settings.staleIfError > 0 || settings.timeout === 'headers') return undefined
  const switchedOff = merged.staleIfError === 0 && !written.has('softTimeout')
  return switchedOff ? undefined : 'softTimeout does nothing without staleIfError, which says how long a stale entry may replace a slow handler: give both'
}

function withWindow (settings: RouteSettings): RouteSettings {
  return settings.staleIfError > 0 || settings.timeout === 'headers' ? settings : { ...settings, softTimeout: undefined }
}

/** `Cookie` and `Authorization` have options of their own, which decide whether the request is looked up at all. */
const VARIED = ['cookie', 'authorization'] as const

function varyFaults (settings: RouteSettings): string[] {
  return VARIED.filter(name => settings.vary.includes(name)).flatMap(name => {
    const option = name === 'cookie' ? 'cookies' : name
    return settings[option] === 'bypass' ? [`vary names ${name}, but such requests go round the cache: say ${option}: 'vary' instead`] : []
  })
}

function withVaried (settings: RouteSettings): RouteSettings {
  const { vary } = settings
  if (!VARIED.some(name => vary.includes(name))) return settings
  return {
    ...settings,
    vary: vary.filter(name => !VARIED.some(varied => varied === name)),
    cookies: vary.includes('cookie') ? 'vary' : settings.cookies,
    authorization: vary.includes('authorization') ? 'vary' : settings.authorization
  }
}
