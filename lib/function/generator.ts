import { types } from 'node:util'

/**
 * A result as it can be stored: the items of a generator are joined where they are all strings or all bytes, and
 * else kept as a list; everything else is itself.
 */
export function collected (result: unknown): unknown {
  if (!types.isGeneratorObject(result)) return result
  const items = result as object as Iterable<unknown> & AsyncIterable<unknown>
  return typeof items[Symbol.asyncIterator] === 'function' ? asynchronous(items) : joined([...items])
}

async function asynchronous (items: AsyncIterable<unknown>): Promise<unknown> {
  const list: unknown[] = []
  for await (const item of items) list.push(item)
  return joined(list)
}

function joined (items: unknown[]): unknown {
  if (items.every((item) => typeof item === 'string')) return items.join('')
  if (items.every((item) => item instanceof Uint8Array)) return Buffer.concat(items)
  return items
}
