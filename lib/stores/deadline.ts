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
