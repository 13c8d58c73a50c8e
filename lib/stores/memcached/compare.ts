import { endOf, MOST_ROUNDS } from './parts.ts'
import type { Parts } from './parts.ts'
import { encode, encodeCounter } from './item.ts'
import type { Content, Item } from './item.ts'
import type { Held } from './items.ts'
import { LONGEST_LIFE } from './pieces.ts'
import { open } from './read.ts'
import { dropManifest, prepare, withPieces } from './write.ts'

/** Removes the key while it holds exactly `expected`. */
export async function deleteKeyIf (parts: Parts, key: string, expected: Buffer): Promise<boolean> {
  const server = parts.place(key)
  return await parts.namespace.under(server, key, async (name) => {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const held = await parts.items.get(server, name)
      if (held === undefined || !await holds(parts, held, expected)) return false
      const outcome = await parts.items.delete(server, name, held.cas)
      if (outcome === 'deleted') dropManifest(parts, held.content)
      if (outcome !== 'changed') return outcome === 'deleted'
    }
    return false
  })
}

/** Replaces the value while it is `expected`; `undefined`: the new one was refused. */
export async function replaceKeyIf (parts: Parts, key: string, expected: Buffer, value: Buffer, ttl: number | undefined): Promise<boolean | undefined> {
  const prepared = await prepare(parts, value, ttl)
  if (prepared === undefined) return undefined
  const server = parts.place(key)
  return await withPieces(parts, prepared, async () => await parts.namespace.under(server, key, async (name) => {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const held = await parts.items.get(server, name)
      if (held === undefined || !await holds(parts, held, expected)) return false
      const outcome = await parts.items.set(server, name, prepared.item, prepared.ttl, held.cas)
      if (outcome === 'refused') return undefined
      if (outcome === 'stored') dropManifest(parts, held.content)
      if (outcome !== 'changed') return outcome === 'stored'
    }
    return false
  }), (replaced) => replaced === true)
}

/**
 * Makes the key live at least `ttl` ms from now. memcached's own `touch` would also shorten, since it cannot say what
 * is left; the item itself can, and is written again with its new end where that is later.
 */
export async function touchKey (parts: Parts, key: string, ttl: number | undefined): Promise<boolean> {
  const server = parts.place(key)
  return await parts.namespace.under(server, key, async (name) => {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const held = await parts.items.get(server, name)
      if (held?.content === undefined) return false
      const life = held.content.kind === 'manifest' ? Math.min(ttl ?? LONGEST_LIFE, LONGEST_LIFE) : ttl
      const end = endOf(life, parts.now())
      if (held.content.end >= end && !(held.content.kind === 'counter' && end === Infinity)) return true
      if (held.content.kind === 'manifest' && !await parts.pieces.touch(held.content.value, life as number)) return false
      const outcome = await parts.items.set(server, name, again(held.content, end, parts.now()), life, held.cas)
      if (outcome !== 'changed') return outcome === 'stored'
    }
    return false
  })
}

function again (content: Content, end: number, now: number): Item {
  return content.kind === 'counter' ? encodeCounter(Number(content.value.toString()), end, now) : encode(content.kind, content.value, end)
}

async function holds (parts: Parts, held: Held, expected: Buffer): Promise<boolean> {
  return (await open(parts, held.content))?.equals(expected) === true
}
