/** One entry in memory, linked to its neighbours in the order of use; in a ring of one while it is in none. */
export interface Node<V> {
  readonly key: string
  readonly value: V
  /** Milliseconds since the epoch; `Infinity` = never. */
  expires: number
  readonly size: number
  newer: Node<V>
  older: Node<V>
}

/**
 * The order of use, exact: a ring of links around a node that is no entry. Moving an entry is six assignments,
 * where taking it out of a Map and putting it in again costs a rehash.
 */
export class Recency<V> {
  readonly #ring: Node<V>
  /** How far `next` has come; the ring itself before the first. */
  #hand: Node<V>

  constructor () {
    const ring = { key: '', expires: Infinity, size: 0 } as Node<V>
    ring.newer = ring
    ring.older = ring
    this.#ring = ring
    this.#hand = ring
  }

  get oldest (): Node<V> | undefined {
    const { newer } = this.#ring
    return newer === this.#ring ? undefined : newer
  }

  /** Puts a node that is in no ring at the newest end. */
  append (node: Node<V>): void {
    const ring = this.#ring
    const newest = ring.older
    node.older = newest
    node.newer = ring
    newest.newer = node
    ring.older = node
  }

  #takeOut (node: Node<V>): void {
    if (this.#hand === node) this.#hand = node.older
    node.older.newer = node.newer
    node.newer.older = node.older
  }

  /** Its own links go too: whoever still holds it would hold by them whatever is removed after it. */
  remove (node: Node<V>): void {
    this.#takeOut(node)
    node.newer = node
    node.older = node
  }

  use (node: Node<V>): void {
    if (this.#ring.older === node) return
    this.#takeOut(node)
    this.append(node)
  }

  /**
   * The next node on a walk from the oldest to the newest, and so on round. A Map's iterator would do, but one that is
   * kept holds, until it is used again, every table that the Map has outgrown since, with all that was removed from it.
   */
  next (): Node<V> | undefined {
    const { newer } = this.#hand
    this.#hand = newer === this.#ring ? newer.newer : newer
    return this.#hand === this.#ring ? undefined : this.#hand
  }

  /** Lets the walk begin again at the oldest: nodes in use would keep ahead of it for ever. */
  rewind (): void {
    this.#hand = this.#ring
  }

  clear (): void {
    this.#hand = this.#ring
    this.#ring.newer = this.#ring
    this.#ring.older = this.#ring
  }
}
