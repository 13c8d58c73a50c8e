import type { RouteCacheOptions } from '../../types/options.ts'
import { isPlainObject, ownEntries } from './copy.ts'
import { kind, showName } from './fault.ts'
import { judge } from './judge.ts'
import { nearest } from './nearest.ts'
import { routeRules } from './route-rules.ts'

/** By name, whatever the name (`__proto__` too): without a prototype. `policy` is resolved in them. */
export type Policies = Readonly<Record<string, RouteCacheOptions>>

/** Checks a copy of route options, wherever they stand; `path` is said before each fault. */
export function checkRouteOptions (copy: Readonly<Record<string, unknown>>, path: string, faults: string[]): RouteCacheOptions {
  judge(copy, path === '' ? 'route option' : `route option in ${path}`, path === '' ? '' : `${path}.`, routeRules, faults)
  return Object.fromEntries(ownEntries(copy)) as RouteCacheOptions
}

/** Checks every policy, and lays those that build on another (`policy`) over it. */
export function checkPolicies (copy: Readonly<Record<string, unknown>>, faults: string[]): Policies {
  const written = new Map<string, RouteCacheOptions>()
  for (const [name, value] of ownEntries(copy)) {
    const path = `CACHE_POLICIES.${showName(name)}`
    if (isPlainObject(value)) written.set(name, checkRouteOptions(value, path, faults))
    else faults.push(`${path} takes a plain object of route options; got ${kind(value)}`)
  }
  const policies: Record<string, RouteCacheOptions> = Object.create(null)
  for (const name of written.keys()) {
    policies[name] = Object.freeze(layered(name, written, faults))
  }
  return Object.freeze(policies)
}

function layered (name: string, written: ReadonlyMap<string, RouteCacheOptions>, faults: string[]): RouteCacheOptions {
  const layers: RouteCacheOptions[] = []
  const seen = new Set<string>()
  for (let next: string | null | undefined = name; typeof next === 'string';) {
    if (seen.has(next)) {
      faults.push(`CACHE_POLICIES.${showName(name)}.policy leads back to itself`)
      break
    }
    seen.add(next)
    const options = written.get(next)
    if (options === undefined) {
      faults.push(`CACHE_POLICIES.${showName(name)}.policy ${unknownPolicy(next, [...written.keys()])}`)
      break
    }
    const { policy, ...rest } = options
    layers.unshift(rest)
    next = policy
  }
  return Object.assign({}, ...layers) as RouteCacheOptions
}

/** Lays `options` over the policy that it names. */
export function overPolicy (options: RouteCacheOptions, policies: Policies, path: string, faults: string[]): RouteCacheOptions {
  const { policy, ...rest } = options
  if (typeof policy !== 'string') return rest
  const base = policies[policy]
  if (base === undefined) {
    faults.push(`${path} ${unknownPolicy(policy, Object.keys(policies))}`)
    return rest
  }
  return { ...base, ...rest }
}

function unknownPolicy (name: string, known: readonly string[]): string {
  const guess = nearest(name, known)
  const hint = guess !== undefined ? `did you mean ${showName(guess)}?` : known.length === 0 ? 'CACHE_POLICIES has none' : `known are ${known.map(showName).join(', ')}`
  return `names an unknown policy ${showName(name)}: ${hint}`
}
