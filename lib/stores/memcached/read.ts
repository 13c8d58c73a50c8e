import type { Content } from './item.ts'
import type { Parts } from './parts.ts'

export async function readKey (parts: Parts, key: string): Promise<Buffer | undefined> {
  const content = await contentOf(parts, key)
  const value = await open(parts, content)
  if (value !== undefined || content?.kind !== 'manifest') return value
  // A piece was missing: either it is lost, or a new value has taken the place of this one meanwhile.
  const again = await contentOf(parts, key)
  return again?.kind === 'manifest' && again.value.equals(content.value) ? undefined : await open(parts, again)
}

export async function contentOf (parts: Parts, key: string): Promise<Content | undefined> {
  const server = parts.place(key)
  const held = await parts.namespace.under(server, key, (name) => parts.items.get(server, name))
  return held?.content
}

/** The value that a content stands for. */
export async function open (parts: Parts, content: Content | undefined): Promise<Buffer | undefined> {
  if (content?.kind === 'value' || content?.kind === 'counter') return content.value
  return content?.kind === 'manifest' ? await parts.pieces.read(content.value) : undefined
}
