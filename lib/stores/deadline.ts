/**
 * The outcome of `work`, or a rejection with `late()` after `ms` milliseconds (0 = no bound). What `work` brings
 * after that is dropped, a rejection too.
 *
 * The verdict waits for one more turn of the event loop: after a long synchronous stretch of the application the
 * timer is due before the socket has been read, and the answer is often there already.
 */
export function withDeadline<T> (work: Promise<T>, ms: number, late: () => Error): Promise<T> {
  if (ms <= 0) return work
  return new Promise((resolve, reject) => {
    let open = true
    const timer = setTimeout(() => {
      setImmediate(() => {
        if (!open) return
        open = false
        reject(late())
      })
    }, ms)
    timer.unref()
    work.then(
      (value) => { if (settle()) resolve(value) },
      (error: Error) => { if (settle()) reject(error) }
    )
    function settle (): boolean {
      if (!open) return false
      open = false
      clearTimeout(timer)
      return true
    }
  })
}

const SLICES = 8

/**
 * Calls `over` after `ms` milliseconds in which this process could have heard of what it waits for. An application that
 * starts, or a machine that is short of time, may stand still for longer than the whole of it: such a stretch costs an
 * eighth, and what has arrived meanwhile is seen first. Does not keep the process alive.
 *
 * @returns ends the wait
 */
export function whenHeardFor (ms: number, over: () => void): () => void {
  let left = SLICES
  let ended = false
  let timer = slice()

  function slice (): NodeJS.Timeout {
    return setTimeout(() => {
      if (--left > 0) {
        timer = slice()
        return
      }
      setImmediate(() => { if (!ended) over() })
    }, ms / SLICES).unref()
  }

  return () => {
    ended = true
    clearTimeout(timer)
  }
}
