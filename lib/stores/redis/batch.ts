import type { Argument, Link } from './link.ts'

/** Keys in one MGET: more would keep the server from its other clients for too long. */
const MOST_KEYS = 500

/** What is read together in one turn of the event loop: keys that can go in one command. */
class Group {
  readonly places = new Map<string, number>()
  readonly keys: Argument[] = []
  readonly values: Promise<ReadonlyArray<Buffer | null>>
  #resolve!: (values: Promise<ReadonlyArray<Buffer | null>>) => void

  constructor () {
    this.values = new Promise((resolve) => { this.#resolve = resolve })
  }

  send (link: Link): void {
    this.#resolve(this.#read(link))
  }

  async #read (link: Link): Promise<ReadonlyArray<Buffer | null>> {
    if (this.keys.length <= MOST_KEYS) return await link.send(['MGET', ...this.keys]) as Array<Buffer | null>
    const parts: Array<Promise<unknown>> = []
    for (let from = 0; from < this.keys.length; from += MOST_KEYS) {
      parts.push(link.send(['MGET', ...this.keys.slice(from, from + MOST_KEYS)]))
    }
    return (await Promise.all(parts)).flat() as Array<Buffer | null>
  }
}

/**
 * Gathers the reads of one turn of the event loop into one MGET (one for each slot of a cluster), and asks equal keys
 * once: the requests that came in together for one hot key cost one read. Nobody joins a read that has been sent, so
 * an answer is never older than its question.
 */
export class Batch {
  readonly #link: Link
  readonly #wire: (key: string) => string | Buffer
  #groups = new Map<number, Group>()
  #scheduled = false

  constructor (link: Link, wire: (key: string) => string | Buffer) {
    this.#link = link
    this.#wire = wire
  }

  /** The bytes are shared by all who asked for the key: nobody may change them. */
  async read (key: string): Promise<Buffer | undefined> {
    const wired = this.#wire(key)
    const group = this.#groupOf(wired)
    const place = placeIn(group, key, wired)
    return (await group.values)[place] ?? undefined
  }

  async readMany (keys: readonly string[]): Promise<Array<Buffer | undefined>> {
    const groups: Group[] = []
    const places: number[] = []
    for (const key of keys) {
      const wired = this.#wire(key)
      const group = this.#groupOf(wired)
      groups.push(group)
      places.push(placeIn(group, key, wired))
    }
    const [first] = groups
    if (first !== undefined && groups.every((group) => group === first)) {
      const values = await first.values
      return places.map((place) => values[place] ?? undefined)
    }
    const values = await Promise.all(groups.map((group) => group.values))
    return places.map((place, i) => values[i]?.[place] ?? undefined)
  }

  #groupOf (wired: string | Buffer): Group {
    const id = this.#link.group(wired)
    let group = this.#groups.get(id)
    if (group === undefined) this.#groups.set(id, group = new Group())
    if (!this.#scheduled) {
      this.#scheduled = true
      setImmediate(() => this.flush())
    }
    return group
  }

  /** Sends what has been asked so far. */
  flush (): void {
    const groups = this.#groups
    this.#groups = new Map()
    this.#scheduled = false
    for (const group of groups.values()) group.send(this.#link)
  }
}

function placeIn (group: Group, key: string, wired: string | Buffer): number {
  const known = group.places.get(key)
  if (known !== undefined) return known
  const place = group.keys.push(wired) - 1
  group.places.set(key, place)
  return place
}
