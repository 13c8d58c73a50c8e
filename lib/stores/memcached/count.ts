import { errors } from '../../errors.ts'
import { encodeCounter } from './item.ts'
import { endOf, MOST_ROUNDS } from './parts.ts'
import type { Parts } from './parts.ts'

/**
 * Adds a whole number with memcached's own atomic arithmetic, which keeps the lifetime. What is there is asked for in the
 * same batch: a counter that has ended by its exact end, and that memcached still shows, starts anew.
 */
export async function countKey (parts: Parts, key: string, delta: number, ttl: number | undefined): Promise<number> {
  if (!Number.isInteger(delta) || Math.abs(delta) > 2 ** 53) throw new errors.FST_CACHE_ERR_ARGUMENT(`a counter takes whole numbers within ±2^53; got ${String(delta)}`)
  const server = parts.place(key)
  return await parts.namespace.under(server, key, async (name) => {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const [held, sum] = await Promise.all([parts.items.get(server, name), parts.items.count(server, name, delta)])
      const over = held !== undefined && held.content === undefined
      if (typeof sum === 'number' && !over) return sum
      if (sum === 'not a number' && held?.content !== undefined) throw new errors.FST_CACHE_ERR_NOT_A_NUMBER(JSON.stringify(key))
      if (await startAnew(parts, server, name, delta, ttl)) return delta
    }
    throw new errors.FST_CACHE_ERR_BACKEND('a counter was changed by too many at once')
  })
}

/** `false`: somebody else was faster, or has no room. */
async function startAnew (parts: Parts, server: number, name: Buffer, delta: number, ttl: number | undefined): Promise<boolean> {
  const now = parts.now()
  const item = encodeCounter(delta, endOf(ttl, now), now)
  const held = await parts.items.get(server, name)
  if (held?.content !== undefined) return false
  const outcome = held === undefined ? await parts.items.add(server, name, item, ttl) : await parts.items.set(server, name, item, ttl, held.cas)
  if (outcome === 'refused') throw new errors.FST_CACHE_ERR_BACKEND('memcached has no room for a counter')
  return outcome === 'stored'
}
