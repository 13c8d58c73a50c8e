import { Type } from '@sinclair/typebox'
import type { SchemaOptions, TArray, TFunction, TLiteral, TObject, TRecord, TSchema, TUnion, TUnsafe } from '@sinclair/typebox'
import type { CacheType } from './cache-type.ts'

/** What the schemas carry besides JSON Schema. */
export interface Notes {
  /** What a message says that the option takes. */
  takes?: string
  /** Never show any part of the value. */
  secret?: boolean
  /** The backends that read it; the others check its name only. */
  only?: ReadonlyArray<CacheType | 'custom'>
}

type Extra = SchemaOptions & Notes

/** Adds the one text that stands in the schema, in the generated reference and over the type. */
export function about<T extends TSchema> (description: string, schema: T): T {
  return { ...schema, description }
}

export function notes (schema: TSchema): Notes {
  return schema as Notes
}

export function seconds (extra: Extra = {}) {
  return Type.Number({ minimum: 0, ...extra })
}

export function whole (minimum: number, extra: Extra = {}) {
  return Type.Integer({ minimum, ...extra })
}

/** A list that may be read-only: nothing of the user's is ever written to. */
export function list<T> (item: TSchema, extra: Extra = {}): TUnsafe<readonly T[]> {
  const schema: TArray = Type.Array(item, extra)
  return Type.Unsafe<readonly T[]>(schema)
}

export function record<T> (extra: Extra = {}): TUnsafe<Readonly<Record<string, T>>> {
  const schema: TRecord = Type.Record(Type.String(), Type.Unknown(), extra)
  return Type.Unsafe<Readonly<Record<string, T>>>(schema)
}

export function fn<F> (extra: Extra = {}): TUnsafe<F> {
  const schema: TFunction = Type.Function([], Type.Unknown(), extra)
  return Type.Unsafe<F>(schema)
}

/** Something with methods, known by its type alone; the checks look at the methods. */
export function object<T> (extra: Extra = {}): TUnsafe<T> {
  const schema: TObject = Type.Object({}, extra)
  return Type.Unsafe<T>(schema)
}

export function oneOf<const T extends string> (values: readonly T[], extra: Extra = {}): TUnsafe<T> {
  const schema: TUnion<TLiteral[]> = Type.Union(values.map(value => Type.Literal(value)), { takes: values.map(value => `'${value}'`).join(', '), ...extra })
  return Type.Unsafe<T>(schema)
}

/** A bounded wait for somebody else's result. */
export function wait () {
  return Type.Object({ timeout: Type.Optional(seconds({ takes: 'seconds, 0 or more' })) }, { additionalProperties: false })
}
