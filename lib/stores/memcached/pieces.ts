import type { Items } from './items.ts'
import { encode } from './item.ts'
import { MARK_LENGTH, newMark } from './keys.ts'
import type { Keys } from './keys.ts'
import { hash } from './placement.ts'

/** Pieces nobody points to any more must go some day, also those of a value that never expires. */
export const LONGEST_LIFE = 2_592_000_000
/** Requests under way at a time, so that each has its deadline to itself. */
const AT_ONCE = 16
const MOST_PIECES = 65_536
const HEAD = MARK_LENGTH + 12

export interface PieceSettings {
  readonly items: Items
  readonly keys: Keys
  /** All servers, by number. */
  readonly names: readonly string[]
  readonly place: (key: string, among?: readonly number[]) => number
  readonly isUp: (server: number) => boolean
  readonly chunkSize: number
}

interface Manifest {
  readonly generation: string
  readonly count: number
  readonly size: number
  readonly chunkSize: number
  /** The servers that the pieces were shared out to. */
  readonly servers: readonly number[]
}

/**
 * Values larger than an item: pieces under names with a random generation, then a manifest under the key. Writers at
 * the same time have generations of their own, so their pieces never mix; a piece that is missing makes the value missing.
 * The pieces go to the servers that are up, which the manifest names.
 */
export class Pieces {
  readonly #settings: PieceSettings
  readonly #ids: readonly number[]

  constructor (settings: PieceSettings) {
    this.#settings = settings
    this.#ids = settings.names.map((name) => hash(name, 1))
  }

  /** @returns the manifest; `undefined`: refused. Rejects when a server does not answer. */
  async write (value: Buffer, ttl: number | undefined): Promise<Buffer | undefined> {
    try {
      return await this.#attempt(value, ttl)
    } catch {
      // A server went down between the choice and the write: once more, without it.
      return await this.#attempt(value, ttl)
    }
  }

  /** The value; `undefined`: a piece is missing. */
  async read (bytes: Buffer): Promise<Buffer | undefined> {
    const manifest = this.#parse(bytes)
    if (manifest === undefined) return undefined
    const pieces: Buffer[] = []
    const complete = await this.#each(manifest, async (server, name, i) => {
      const content = (await this.#settings.items.get(server, name))?.content
      if (content?.kind !== 'piece' || content.value.length !== lengthOf(manifest, i)) return false
      pieces[i] = content.value
      return true
    })
    return complete ? Buffer.concat(pieces, manifest.size) : undefined
  }

  /** `false`: a piece is missing. */
  async touch (bytes: Buffer, ttl: number): Promise<boolean> {
    const manifest = this.#parse(bytes)
    return manifest !== undefined && await this.#each(manifest, async (server, name) => await this.#settings.items.touch(server, name, ttl))
  }

  /** Removes the pieces, in the background: they are out of reach already, and end by themselves. */
  drop (bytes: Buffer): void {
    const manifest = this.#parse(bytes)
    if (manifest === undefined) return
    this.#each(manifest, async (server, name) => {
      await this.#settings.items.delete(server, name).catch(() => {})
      return true
    }).catch(() => {})
  }

  async #attempt (value: Buffer, ttl: number | undefined): Promise<Buffer | undefined> {
    const { names, isUp, chunkSize } = this.#settings
    const all = names.map((_, i) => i)
    const up = all.filter(isUp)
    const servers = up.length > 0 ? up : all
    const manifest: Manifest = { generation: newMark(), count: Math.ceil(value.length / chunkSize), size: value.length, chunkSize, servers }
    const bytes = this.#format(manifest)
    const life = Math.min(ttl ?? LONGEST_LIFE, LONGEST_LIFE)
    let complete = false
    try {
      complete = await this.#each(manifest, async (server, name, i) => {
        const item = encode('piece', value.subarray(i * chunkSize, (i + 1) * chunkSize), Infinity)
        return await this.#settings.items.set(server, name, item, life) === 'stored'
      })
      return complete ? bytes : undefined
    } finally {
      if (!complete) this.drop(bytes)
    }
  }

  async #each (manifest: Manifest, run: (server: number, name: Buffer, index: number) => Promise<boolean>): Promise<boolean> {
    const { keys, place } = this.#settings
    for (let from = 0; from < manifest.count; from += AT_ONCE) {
      const indexes = Array.from({ length: Math.min(AT_ONCE, manifest.count - from) }, (_, i) => from + i)
      const done = await Promise.all(indexes.map(async (i) => {
        return await run(place(`${manifest.generation}.${i}`, manifest.servers), keys.piece(manifest.generation, i), i)
      }))
      if (done.includes(false)) return false
    }
    return true
  }

  #format (manifest: Manifest): Buffer {
    const bytes = Buffer.alloc(HEAD + 4 * manifest.servers.length)
    bytes.write(manifest.generation, 'latin1')
    for (const [i, number] of [manifest.count, manifest.size, manifest.chunkSize, ...manifest.servers.map((server) => this.#ids[server] as number)].entries()) {
      bytes.writeUInt32BE(number, MARK_LENGTH + 4 * i)
    }
    return bytes
  }

  #parse (bytes: Buffer): Manifest | undefined {
    if (bytes.length < HEAD + 4 || (bytes.length - HEAD) % 4 !== 0) return undefined
    const [count, size, chunkSize, ...ids] = Array.from({ length: (bytes.length - MARK_LENGTH) / 4 }, (_, i) => bytes.readUInt32BE(MARK_LENGTH + 4 * i)) as [number, number, number, ...number[]]
    const servers = ids.map((id) => this.#ids.indexOf(id))
    if (servers.includes(-1) || count === 0 || count > MOST_PIECES || Math.ceil(size / chunkSize) !== count) return undefined
    return { generation: bytes.toString('latin1', 0, MARK_LENGTH), count, size, chunkSize, servers }
  }
}

function lengthOf (manifest: Manifest, index: number): number {
  return Math.min(manifest.chunkSize, manifest.size - index * manifest.chunkSize)
}
