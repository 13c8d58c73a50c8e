/** Runs at most so many at a time: a process has only so many file descriptors, and they are not the cache's alone. */
export function limiter (most: number): <T>(run: () => Promise<T>) => Promise<T> {
  let running = 0
  const waiting: Array<() => void> = []
  return async (run) => {
    if (running >= most) await new Promise<void>((resolve) => waiting.push(resolve))
    else running++
    try {
      return await run()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next() // hands its place on
    }
  }
}

/** Runs of one key follow each other in the order in which they were asked for; other keys do not wait. */
export interface Turns {
  take<T> (key: string, run: () => Promise<T>): Promise<T>
  /** Resolves when nothing is left to run. */
  idle (): Promise<void>
}

export function turns (): Turns {
  const last = new Map<string, Promise<unknown>>()
  return {
    take (key, run) {
      const before = last.get(key)
      const turn = before === undefined ? run() : before.then(run, run)
      last.set(key, turn)
      const leave = () => { if (last.get(key) === turn) last.delete(key) }
      turn.then(leave, leave)
      return turn
    },
    async idle () {
      while (last.size > 0) await Promise.allSettled(last.values())
    }
  }
}
