/** The part of a logger that is used here. */
export interface Log {
  info (details: object, message: string): void
  warn (message: string): void
  warn (details: object, message: string): void
  error (details: object, message: string): void
}

const PAUSE = 60_000
const MOST = 1_000

/** Log lines that could come with every request: each is said once a minute for its subject. */
export class Notes {
  readonly #said = new Map<string, number>()
  readonly #now: () => number

  constructor (now: () => number) {
    this.#now = now
  }

  warn (log: Log, subject: string, details: object, message: string): void {
    if (this.#due(subject)) log.warn(details, message)
  }

  error (log: Log, subject: string, details: object, message: string): void {
    if (this.#due(subject)) log.error(details, message)
  }

  #due (subject: string): boolean {
    const now = this.#now()
    const last = this.#said.get(subject)
    if (last !== undefined && now - last < PAUSE) return false
    if (this.#said.size >= MOST) this.#said.clear()
    this.#said.set(subject, now)
    return true
  }
}
