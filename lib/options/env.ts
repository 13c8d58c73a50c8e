import type { TSchema } from '@sinclair/typebox'
import type { CacheOptions } from '../../types/options.ts'
import { errors } from '../errors.ts'
import { CacheOptionsSchema } from './cache-schema.ts'
import { define, isPlainObject } from './copy.ts'
import { collect, Fault, kind, showName } from './fault.ts'
import { nearest } from './nearest.ts'
import { bySchema, wrong } from './judge.ts'

const schemas: ReadonlyMap<string, TSchema> = new Map(Object.entries(CacheOptionsSchema.properties))

/**
 * Options from the environment: every variable that has an option's name, converted as the option's schema says.
 * Numbers are decimal, booleans `true` or `false`, lists `a:1,b:2` or JSON, objects JSON. An empty variable is as
 * good as none, except that an empty `CACHE_KEY_PREFIX` is an empty prefix. Other `CACHE_` variables are ignored,
 * with one warning for all of them: the environment belongs to others too.
 *
 * @throws {errors.FST_CACHE_ERR_OPTIONS} naming every variable that cannot be converted; what it holds is not shown
 * where it may be secret
 */
export function fromEnv (env: NodeJS.ProcessEnv = process.env): CacheOptions {
  const options: CacheOptions = {}
  const faults: string[] = []
  const strangers: string[] = []
  for (const name of Object.keys(env)) {
    const text = env[name]
    const schema = schemas.get(name)
    if (schema === undefined) {
      if (name.startsWith('CACHE_')) strangers.push(name)
    } else if (text !== undefined && (text !== '' || name === 'CACHE_KEY_PREFIX')) {
      const value = collect(faults, name, () => convert(schema, text))
      if (value !== undefined) define(options, name, value)
    }
  }
  if (faults.length > 0) throw new errors.FST_CACHE_ERR_OPTIONS(`environment: ${faults.join('; ')}`)
  if (strangers.length > 0) warn(strangers)
  return options
}

function warn (names: readonly string[]): void {
  const known = [...schemas.keys()]
  const list = names.map(name => {
    const guess = nearest(name, known, 0.2) // all of them share a beginning, and most strangers mean something else
    return guess === undefined ? showName(name) : `${showName(name)} (did you mean ${guess}?)`
  })
  process.emitWarning(`fastify-cached ignores what is no option of its own in the environment: ${list.join(', ')}`, {
    type: 'FastifyCachedWarning', code: 'FST_CACHE_WRN_ENV'
  })
}

/** The forms that a schema takes beside text; a union takes the first that fits. */
function convert (schema: TSchema, text: unknown): unknown {
  if (typeof text !== 'string') throw new Fault(`is text in an environment; got ${kind(text)}`)
  const members: readonly TSchema[] = schema.anyOf ?? [schema]
  const types = new Set(members.map(member => member.type as unknown))
  if (types.has('number') || types.has('integer')) return bySchema(schema)(number(schema, text.trim()))
  if (types.has('boolean') && /^\s*(true|false)\s*$/i.test(text)) return text.trim().toLowerCase() === 'true'
  if (types.has('array')) return list(text)
  if (types.has('string')) return text
  if (types.has('boolean')) throw wrong(schema, text)
  return json(schema, text)
}

/** Plain decimal notation only: `Number` would also take `''`, `0x10` and `Infinity`. */
function number (schema: TSchema, text: string): number {
  if (/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)) return Number(text)
  throw wrong(schema, text)
}

function list (text: string): unknown[] {
  const parsed = text.trim().startsWith('[') ? parse(text) : undefined // an IPv6 address begins so too
  if (Array.isArray(parsed)) return parsed
  return text.split(',').map(item => item.trim()).filter(item => item !== '')
}

function json (schema: TSchema, text: string): unknown {
  const value = parse(text)
  if (isPlainObject(value)) return value
  throw new Fault(`takes ${String(schema.takes)}, as JSON; got ${value === undefined ? 'text that is not JSON (not shown)' : kind(value)}`)
}

function parse (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch { // its message holds a part of the text, which may be a password
    return undefined
  }
}
