import type { Awaitable } from '../store.ts'
import { encode, encodeValue } from './item.ts'
import type { Content, Item } from './item.ts'
import { endOf, MOST_ROUNDS } from './parts.ts'
import type { Parts } from './parts.ts'
import { LONGEST_LIFE } from './pieces.ts'

/** A value ready to be put under its key. */
export interface Prepared {
  readonly item: Item
  readonly ttl: number | undefined
  /** Where the value lies in pieces. */
  readonly manifest: Buffer | undefined
}

export function isLarge (parts: Parts, value: Buffer): boolean {
  return value.length > parts.itemBytes
}

/**
 * Answers at once where it can, so that operations on a key leave in the order of the calls.
 *
 * @returns `undefined`: too large, or the server has no room
 */
export function prepare (parts: Parts, value: Buffer, ttl: number | undefined): Awaitable<Prepared | undefined> {
  if (value.length > parts.valueBytes) return undefined
  if (isLarge(parts, value)) return prepareLarge(parts, value, ttl)
  const now = parts.now()
  return { item: encodeValue(value, endOf(ttl, now), now), ttl, manifest: undefined }
}

async function prepareLarge (parts: Parts, value: Buffer, ttl: number | undefined): Promise<Prepared | undefined> {
  const life = Math.min(ttl ?? LONGEST_LIFE, LONGEST_LIFE)
  const manifest = await parts.pieces.write(value, life)
  return manifest === undefined ? undefined : { item: encode('manifest', manifest, parts.now() + life), ttl: life, manifest }
}

/** Lets go of the pieces of a value that did not get under its key. */
export async function withPieces<T> (parts: Parts, prepared: Prepared, put: () => Promise<T>, held: (outcome: T) => boolean): Promise<T> {
  let done = false
  try {
    const outcome = await put()
    done = held(outcome)
    return outcome
  } finally {
    if (!done && prepared.manifest !== undefined) parts.pieces.drop(prepared.manifest)
  }
}

/** `false`: refused. What was there before may still be there. */
export async function setKey (parts: Parts, key: string, value: Buffer, ttl: number | undefined): Promise<boolean> {
  const preparing = prepare(parts, value, ttl)
  const prepared = preparing instanceof Promise ? await preparing : preparing
  if (prepared === undefined) return false
  const server = parts.place(key)
  return await withPieces(parts, prepared, async () => await parts.namespace.under(server, key, async (name) => {
    // Only a large value is worth asking for what it replaces.
    const before = prepared.manifest === undefined ? undefined : parts.items.get(server, name)
    const [held, outcome] = await Promise.all([before, parts.items.set(server, name, prepared.item, prepared.ttl)])
    if (outcome === 'stored') dropManifest(parts, held?.content, prepared.manifest)
    return outcome === 'stored'
  }), (stored) => stored)
}

/** `undefined`: refused. */
export async function addKey (parts: Parts, key: string, value: Buffer, ttl: number | undefined): Promise<boolean | undefined> {
  const preparing = prepare(parts, value, ttl)
  const prepared = preparing instanceof Promise ? await preparing : preparing
  if (prepared === undefined) return undefined
  const server = parts.place(key)
  return await withPieces(parts, prepared, async () => await parts.namespace.under(server, key, async (name) => {
    for (let round = 0; round < MOST_ROUNDS; round++) {
      const outcome = await parts.items.add(server, name, prepared.item, prepared.ttl)
      if (outcome === 'stored') return true
      if (outcome === 'refused') return undefined
      // memcached still shows what has ended by its own, exact end.
      const held = await parts.items.get(server, name)
      if (held === undefined) continue
      if (held.content !== undefined) return false
      if (await parts.items.set(server, name, prepared.item, prepared.ttl, held.cas) === 'stored') return true
    }
    return false
  }), (added) => added === true)
}

export async function deleteKey (parts: Parts, key: string): Promise<boolean> {
  const server = parts.place(key)
  return await parts.namespace.under(server, key, async (name) => {
    const [held, outcome] = await Promise.all([parts.items.get(server, name), parts.items.delete(server, name)])
    if (outcome === 'deleted') dropManifest(parts, held?.content)
    return outcome === 'deleted' && held?.content !== undefined
  })
}

export function dropManifest (parts: Parts, content: Content | undefined, but?: Buffer): void {
  if (content?.kind === 'manifest' && but?.equals(content.value) !== true) parts.pieces.drop(content.value)
}
