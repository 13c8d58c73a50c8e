/** Timers that never keep the process alive. */
export interface Timers {
  start (job: () => void, ms: number): unknown
  stop (timer: unknown): void
}

/** Node's own timers take no more, and fire at once past it. */
const LONGEST = 2 ** 31 - 1

export const systemTimers: Timers = {
  start (job, ms) {
    return setTimeout(job, Math.min(ms, LONGEST)).unref()
  },
  stop (timer) {
    clearTimeout(timer as NodeJS.Timeout)
  }
}

export const LATE = Symbol('late')

/** What the promise brings, or `LATE` where it has not settled within `ms`. Its rejection is passed on. */
export function within<T> (timers: Timers, promise: Promise<T>, ms: number | undefined): Promise<T | typeof LATE> {
  if (ms === undefined || ms === Infinity) return promise
  return new Promise((resolve, reject) => {
    const timer = timers.start(() => resolve(LATE), ms)
    const stop = (): void => timers.stop(timer)
    promise.then((value) => { stop(); resolve(value) }, (error) => { stop(); reject(error) })
  })
}

export function pause (timers: Timers, ms: number): Promise<void> {
  return new Promise((resolve) => { timers.start(resolve, ms) })
}
