/** Keeps the operations on one key in the order of the calls while one of several steps is under way. */
export class Lanes {
  readonly #busy = new Map<string, Promise<unknown>>()

  /** @param long the operation's last step comes later than its first: those behind it must wait */
  async run<T> (key: string, long: boolean, operation: () => Promise<T>): Promise<T> {
    const before = this.#busy.get(key)
    if (before === undefined && !long) return await operation()
    const result = before === undefined ? operation() : before.then(operation)
    const settled = result.then(ignore, ignore)
    this.#busy.set(key, settled)
    try {
      return await result
    } finally {
      if (this.#busy.get(key) === settled) this.#busy.delete(key)
    }
  }
}

function ignore (): void {}
