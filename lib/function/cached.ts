import { errors } from '../errors.ts'
import type { Callable, Promised } from '../../types/functions.ts'
import type { Args, Call, Engine, FillPlan } from './engine.ts'
import { readThrough } from './fill.ts'
import { collected } from './generator.ts'
import { CachedOptionsSchema, GetOrSetOptionsSchema, checkOptions, rulesOf } from './options.ts'
import { applied, goesRound, tagging } from './predicates.ts'

export interface CachedContext {
  readonly engine: Engine
  readonly off: boolean
  readonly valueKey: (key: string) => string
  readonly cacheName: (name: string) => string
  readonly defaultTimeout: number
  readonly tagName: (tag: string) => string
}

type Run = (this: unknown, ...args: readonly unknown[]) => unknown
type Options = Readonly<Record<string, unknown>>
type Through = (self: unknown, args: Args) => unknown

/** The value under `key`, or what `make` brings, stored under the same key that `get` reads. */
export async function getOrSet (context: CachedContext, key: unknown, make: unknown, given: unknown): Promise<unknown> {
  const checked = checkKey(key)
  const label = `getOrSet('${shortened(checked)}')`
  if (typeof make !== 'function') {
    throw new errors.FST_CACHE_ERR_FUNCTION(`${label} takes a function that makes the value; got ${make === null ? 'null' : typeof make}`)
  }
  const options = checkOptions(GetOrSetOptionsSchema, label, given)
  return oneEntry(context, checked, label, make as Run, options)(undefined, [])
}

/**
 * A function with one entry, whatever its arguments.
 *
 * @throws FST_CACHE_ERR_FUNCTION, FST_CACHE_ERR_OPTIONS
 */
export function cached<F extends Callable> (context: CachedContext, fn: F, given: unknown): Promised<F> {
  if (typeof fn !== 'function') throw new errors.FST_CACHE_ERR_FUNCTION(`cached takes a function; got ${fn === null ? 'null' : typeof fn}`)
  const options = checkOptions(CachedOptionsSchema, `cached(${fn.name})`, given)
  if (options.key === undefined) throw new errors.FST_CACHE_ERR_OPTIONS(`cached(${fn.name}): option 'key' is needed; its one entry stands under it`)
  const key = options.key as string
  const through = oneEntry(context, key, `cached('${shortened(key)}')`, fn as unknown as Run, options)
  function cachedFunction (this: unknown, ...args: unknown[]): Promise<unknown> {
    try {
      return Promise.resolve(through(this, args))
    } catch (error) {
      return Promise.reject(error)
    }
  }
  Object.defineProperties(cachedFunction, {
    name: { value: fn.name, configurable: true },
    length: { value: fn.length, configurable: true }
  })
  return cachedFunction as unknown as Promised<F>
}

function oneEntry (context: CachedContext, key: string, label: string, make: Run, options: Options): Through {
  const { engine, cacheName, off, tagName } = context
  const run: Through = async (self, args) => collected(await make.apply(self, [...args]))
  if (off) return run
  const { names, computed } = tagging(options, tagName)
  const plan: FillPlan = {
    kind: 'value',
    label,
    rules: rulesOf(options, context.defaultTimeout, { none: true, undefined: false }),
    run,
    ...applied(options),
    names: computed
  }
  const valueKey = context.valueKey(key)
  const place = { plan, key: valueKey, names: namesUnder(cacheName(valueKey), names) }
  const through: Through = (self, args) => readThrough(engine, { ...place, self, args } satisfies Call)
  const unless = options.unless as Run | undefined
  if (unless === undefined) return through
  return async (self, args) => await goesRound(engine, plan, unless, self, args) ? run(self, args) : through(self, args)
}

/** By the name of a part of the cache, of which there are few. */
const untagged = new Map<string, readonly string[]>()

/** What a value depends on. Those without tags share one list (56 bytes less each); `concat` leaves no room to grow, as a spread would (150). */
function namesUnder (cacheName: string, tags: readonly string[]): readonly string[] {
  if (tags.length > 0) return [cacheName].concat(tags)
  let names = untagged.get(cacheName)
  if (names === undefined) untagged.set(cacheName, names = [cacheName])
  return names
}

export function checkKey (key: unknown): string {
  if (typeof key === 'string' && key !== '') return key
  throw new errors.FST_CACHE_ERR_KEY(key === '' ? "''" : key === null ? 'null' : Array.isArray(key) ? 'an array' : typeof key)
}

function shortened (key: string): string {
  return key.length > 40 ? `${key.slice(0, 40)}…` : key
}
