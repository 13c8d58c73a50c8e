import type { TSchema } from '@sinclair/typebox'
import { Value } from '@sinclair/typebox/value'
import { isPlainObject } from './copy.ts'
import { collect, Fault, kind, show, unknownName } from './fault.ts'
import { notes } from './schema-kit.ts'

/** Turns one value (never undefined or null) into what the plugin works with, or throws a `Fault`. */
export type Rule<T = unknown> = (value: unknown) => T

/** The rule that a schema alone makes. A union's own error says nothing of use: the text is the schema's `takes`. */
export function bySchema<T> (schema: TSchema): Rule<T> {
  return (value) => {
    if (Number.isNaN(value) || value === Infinity || value === -Infinity || !Value.Check(schema, value)) throw wrong(schema, value)
    return value as T
  }
}

/** `takes …; got …`, without the value where the option may be secret. */
export function wrong (schema: TSchema, value: unknown): Fault {
  const { takes = 'another value', secret = false } = notes(schema)
  return new Fault(`takes ${takes}; got ${secret ? kind(value) : show(value)}`)
}

/** Every item by one check; a fault says which item. */
export function each<T> (list: readonly unknown[], check: (item: unknown) => T): T[] {
  return list.map((item, index) => {
    try {
      return check(item)
    } catch (error) {
      if (error instanceof Fault) throw new Fault(`has a wrong item ${index + 1}: it ${error.message}`)
      throw error
    }
  })
}

/** Checks the names of a copied object against its schema, and every value by its rule. Faults are collected. */
export function judge (
  copy: Readonly<Record<string, unknown>>, what: string, prefix: string, rules: ReadonlyMap<string, Rule>, faults: string[],
  skip: (name: string) => boolean = () => false
): Map<string, unknown> {
  const resolved = new Map<string, unknown>()
  for (const [name, value] of Object.entries(copy)) {
    const rule = rules.get(name)
    if (rule === undefined) {
      faults.push(unknownName(what, name, [...rules.keys()]))
    } else if (value !== undefined && value !== null && !skip(name)) {
      const result = collect(faults, `${prefix}${name}`, () => rule(value))
      if (result !== undefined) resolved.set(name, result)
    }
  }
  return resolved
}

/** One rule for each property of a schema: its own where one is given, else the schema's. */
export function rulesOf (properties: Readonly<Record<string, TSchema>>, own: Readonly<Record<string, Rule>>): ReadonlyMap<string, Rule> {
  return new Map(Object.entries(properties).map(([name, schema]) => [name, Object.hasOwn(own, name) ? own[name] as Rule : bySchema(schema)]))
}

export function plainObject (value: unknown, takes: string, secret = false): Record<string, unknown> {
  if (isPlainObject(value)) return value
  throw new Fault(`takes ${takes}; got ${secret ? kind(value) : show(value)}`)
}
