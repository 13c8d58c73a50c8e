/** As much of a logger as is needed (pino's order of parameters). */
export interface FunctionLog {
  warn (message: string): void
  warn (details: object, message: string): void
}

const PAUSE = 60_000
const MOST = 1_000

/** Says each thing that goes wrong with a function at most once a minute. */
export function complaints (log: FunctionLog, now: () => number): (label: string, what: string, error: unknown) => void {
  const said = new Map<string, number>()
  return (label, what, error) => {
    const message = `${label}: ${what}`
    const last = said.get(message)
    if (last !== undefined && now() - last < PAUSE) return
    said.delete(message)
    said.set(message, now())
    if (said.size > MOST) said.delete(said.keys().next().value as string)
    log.warn({ err: error }, message)
  }
}
