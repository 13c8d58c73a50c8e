const real = Date.now

let now: number | undefined

/**
 * A clock that stands still until it is told to go on, so that lifetimes are tested to the second without waiting.
 * Stopped at a whole second: `Date` has no fractions, and arithmetic on it comes out even.
 */
export const clock = {
  /** Stops `Date.now` for the whole process. */
  stop (): void {
    now = Math.floor(real() / 1000) * 1000
    Date.now = () => now ?? real()
  },
  advance (seconds: number): void {
    if (now === undefined) throw new Error('clock.advance() before clock.stop()')
    now += seconds * 1000
  },
  now (): number {
    return Date.now()
  },
  start (): void {
    now = undefined
    Date.now = real
  }
}

/** An HTTP-date (RFC 9110 §5.6.7) so many seconds from now. */
export function httpDate (seconds = 0): string {
  return new Date(Date.now() + seconds * 1000).toUTCString()
}
