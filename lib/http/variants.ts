import type { FastifyRequest } from 'fastify'
import type { Variants } from '../entry.ts'
import type { Exchange } from './exchange.ts'
import { digest } from './address.ts'
import type { VariantUse } from './variant-use.ts'
import { variantKey } from './vary.ts'

/** The secondary key of RFC 9111 §4.1: the request's values of the fields that choose. */
export function variantKeyOf (fields: readonly string[], request: FastifyRequest): string {
  return fields.length === 0 ? '' : variantKey(fields, (name) => request.headers[name])
}

/** The key of the variant that a request selects, by the fields that the index under its address names. */
export function keyOfVariant ({ address, request, route }: Exchange, fields: readonly string[]): string {
  return address!.key + '~' + digest(variantKeyOf(fields, request), route.engine.settings.hashMethod)
}

/**
 * The index after a reply that `fields` chose was stored under `key`: fields only ever join, so that one read of the
 * index tells how to choose among all variants. Past `most` the least recently used variant goes, as far as this
 * process has seen their use.
 */
export function indexWith (index: Variants | undefined, fields: readonly string[], key: string, most: number, recency: VariantUse): { index: Variants, dropped: readonly string[] } {
  const union = [...new Set([...(index?.fields ?? []), ...fields])].sort()
  const grown = index !== undefined && union.length > index.fields.length
  // Keys that were made of fewer fields are never looked up again.
  const before = index === undefined ? [] : index.stored.filter((one) => one !== key)
  const kept = grown ? [] : before
  const stored = recency.sorted([...kept, key])
  const over = Math.max(0, stored.length - most)
  return { index: { fields: union, stored: stored.slice(over) }, dropped: [...(grown ? before : []), ...stored.slice(0, over)] }
}
