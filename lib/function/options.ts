import { createHash, getHashes } from 'node:crypto'

import { Type } from '@sinclair/typebox'
import type { NumberOptions, TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'

import { errors } from '../errors.ts'
import { nearest } from '../options/nearest.ts'
import type { FillRules } from './engine.ts'

const seconds = (takes = 'a number of seconds, 0 or more'): TSchema => Type.Number({ minimum: 0, takes })
const switchable = (bound: NumberOptions, takes: string): TSchema => Type.Union([
  Type.Boolean(),
  Type.Object({ timeout: Type.Optional(Type.Number(bound)) }, { additionalProperties: false })
], { takes })
const predicate = Type.Function([], Type.Unknown(), { takes: 'a function' })
const text = Type.String({ minLength: 1, takes: 'a non-empty string' })

/** What every fill can be told. */
const fill = {
  timeout: seconds('a number of seconds, 0 (never expires) or more'),
  unless: predicate,
  forcedUpdate: predicate,
  isStale: predicate,
  responseFilter: predicate,
  cacheNone: Type.Boolean({ takes: 'true or false' }),
  tags: Type.Union([Type.Array(Type.String({ minLength: 1 })), predicate], { takes: 'a list of non-empty strings, or a function that returns one' }),
  jitter: Type.Number({ minimum: 0, maximum: 0.5, takes: 'a number from 0 to 0.5' }),
  eagerRefresh: Type.Number({ minimum: 0, maximum: 1, takes: 'a number from 0 to 1' }),
  staleWhileRevalidate: seconds(),
  staleIfError: seconds(),
  softTimeout: seconds(),
  hardTimeout: seconds(),
  coalesce: switchable({ minimum: 0 }, 'true, false or { timeout: seconds }'),
  lock: switchable({ exclusiveMinimum: 0 }, 'true, false or { timeout: seconds } (more than 0)')
}

/** The options of `getOrSet`. */
export const GetOrSetOptionsSchema = Type.Partial(Type.Object(fill))

/** The options of `cached`. */
export const CachedOptionsSchema = Type.Partial(Type.Object({ key: text, ...fill }))

/** The options of `memoize`. */
export const MemoizeOptionsSchema = Type.Partial(Type.Object({
  ...fill,
  name: text,
  makeName: predicate,
  makeCacheKey: predicate,
  argsToIgnore: Type.Array(Type.Integer({ minimum: 0 }), { takes: 'a list of positions, counted from 0' }),
  hashMethod: text,
  sourceCheck: Type.Boolean({ takes: 'true or false' })
}))

type Schema = typeof GetOrSetOptionsSchema | typeof CachedOptionsSchema | typeof MemoizeOptionsSchema
type AnyOptions = Readonly<Record<string, unknown>>

/**
 * A bare lifetime, options, or nothing, as a frozen copy of the options, checked. `undefined` and `null` mean the
 * default and are left out.
 *
 * @param subject names the function in messages: `memoize(loadUser)`
 * @throws FST_CACHE_ERR_TIMEOUT for a bare lifetime, FST_CACHE_ERR_OPTIONS with every fault of the options
 */
export function checkOptions (schema: Schema, subject: string, given: unknown): AnyOptions {
  if (given === undefined || given === null) return Object.freeze({})
  if (typeof given === 'number') return Object.freeze({ timeout: checkTimeout(given) })
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw new errors.FST_CACHE_ERR_OPTIONS(`${subject}: the options must be a number of seconds or an object; got ${shown(given)}`)
  }
  const faults: string[] = []
  const options: Record<string, unknown> = Object.create(null)
  const properties: Record<string, TSchema> = schema.properties
  for (const [name, value] of Object.entries(given)) {
    if (!Object.hasOwn(properties, name)) {
      const meant = nearest(name, Object.keys(properties))
      faults.push(`option '${name}' is unknown${meant === undefined ? '' : `; did you mean '${meant}'?`}`)
    } else if (value !== undefined && value !== null) {
      const fault = faultOf(name, properties[name] as TSchema, value)
      if (fault !== undefined) faults.push(fault)
      options[name] = Array.isArray(value) ? Object.freeze([...value]) : value
    }
  }
  if (faults.length > 0) throw new errors.FST_CACHE_ERR_OPTIONS(`${subject}: ${faults.join('; ')}`)
  return Object.freeze(options)
}

function faultOf (name: string, schema: TSchema, value: unknown): string | undefined {
  if (!Value.Check(schema, value)) return `option '${name}' must be ${schema.takes}; got ${shown(value)}`
  if (name === 'hashMethod' && !wideEnough(value as string)) return `option 'hashMethod' must be one of crypto.getHashes() with 128 bits or more; got ${shown(value)}`
  return undefined
}

function wideEnough (method: string): boolean {
  return getHashes().includes(method) && createHash(method).digest().length >= 16
}

/** @throws FST_CACHE_ERR_TIMEOUT */
export function checkTimeout (seconds: unknown): number {
  if (typeof seconds === 'number' && Number.isFinite(seconds) && seconds >= 0) return seconds
  throw new errors.FST_CACHE_ERR_TIMEOUT(shown(seconds))
}

function shown (value: unknown): string {
  if (typeof value === 'string') return `'${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value)) return `[${value.map(shown).slice(0, 5).join(', ')}]`
  if (typeof value === 'object' && value !== null) return 'an object'
  return Object.is(value, -0) ? '-0' : String(value)
}

const COALESCE_WAIT = 5
const LOCK_LIFE = 5

/** Seconds of the user as milliseconds of the engine. `0` never expires. */
export function lifetimeOf (seconds: number): number {
  return seconds === 0 ? Infinity : seconds * 1000
}

/**
 * @param timeout seconds, the lifetime where the options have none
 * @param keeps which empty results are stored where the options do not say
 */
export function rulesOf (options: AnyOptions, timeout: number, keeps: { none: boolean, undefined: boolean }): FillRules {
  const span = (name: string): number | undefined => options[name] === undefined ? undefined : (options[name] as number) * 1000
  const none = (options.cacheNone as boolean | undefined) ?? keeps.none
  return {
    lifetime: lifetimeOf((options.timeout as number | undefined) ?? timeout),
    jitter: (options.jitter as number | undefined) ?? 0,
    eagerRefresh: (options.eagerRefresh as number | undefined) ?? 0,
    staleWhileRevalidate: span('staleWhileRevalidate') ?? 0,
    staleIfError: span('staleIfError') ?? 0,
    softTimeout: span('softTimeout'),
    hardTimeout: span('hardTimeout'),
    coalesce: switched(options.coalesce ?? true, COALESCE_WAIT),
    lock: switched(options.lock ?? false, LOCK_LIFE),
    keepsNull: none,
    keepsUndefined: none && keeps.undefined
  }
}

function switched (option: unknown, seconds: number): number | undefined {
  if (option === false) return undefined
  if (option === true) return seconds * 1000
  return ((option as { timeout?: number }).timeout ?? seconds) * 1000
}
