/** A read of the backend that is under way. Shared by those of one key that no change lies between. */
export interface Read {
  readonly key: string
  /** The key was written or removed since: what comes back may be older than that. */
  touched: boolean
  /** One of the readers has kept what it got. */
  kept: boolean
  readers: number
}

/** The reads under way, so that a change of a key reaches them. Each ends, so it needs no bound of its own. */
export class Reads {
  readonly #byKey = new Map<string, Read>()

  begin (key: string): Read {
    let read = this.#byKey.get(key)
    if (read === undefined) this.#byKey.set(key, read = { key, touched: false, kept: false, readers: 0 })
    read.readers++
    return read
  }

  end (read: Read): void {
    if (--read.readers === 0 && this.#byKey.get(read.key) === read) this.#byKey.delete(read.key)
  }

  touch (key: string): void {
    const read = this.#byKey.get(key)
    if (read === undefined) return
    read.touched = true
    this.#byKey.delete(key)
  }

  touchPrefix (prefix: string): void {
    for (const key of this.#byKey.keys()) if (key.startsWith(prefix)) this.touch(key)
  }
}
