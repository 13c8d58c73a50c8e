import type { Entry, EntryKind } from '../entry.ts'
import type { Node } from '../stores/recency.ts'
import type { Draft } from './versioned.ts'

/** The sequence stands for them. */
const NO_MARKS: readonly string[] = []

/**
 * An entry in memory, with what was last found out about its versions, and its place in the store. One object for the
 * three: two more took 180 bytes, and a stored miss pays most for what it leaves to the garbage collector.
 *
 * V8 gives a number that is no whole one of 31 bits an object of 16 bytes. So of its moments one is kept as it is, the
 * others as spans from there: 32 bytes less. That the same moment comes back is sure, since doubles of about the same
 * size have exact differences.
 */
export class Held implements Entry, Node<Held> {
  readonly kind: EntryKind
  readonly payload: unknown
  readonly created: number
  /** `undefined` at first: a field that has held nothing but numbers takes 16 bytes in every entry once one has a fraction. */
  #fresh: Span = undefined
  readonly #windows: Windows
  readonly names: readonly string[]
  /** The table's sequence at which it was last found valid: what was purged or made stale before has no part in it. */
  sequence: number
  /** `undefined`: it was not made stale. */
  softened: number | undefined = undefined

  key = ''
  size = 0
  #life: Span = undefined
  newer: Node<Held> = this
  older: Node<Held> = this

  constructor (draft: Draft, sequence: number) {
    this.kind = draft.kind
    this.payload = draft.payload
    this.created = draft.created
    this.#fresh = spanTo(draft.freshUntil, draft.created)
    this.#windows = windowsOf(draft)
    this.names = draft.names
    this.sequence = sequence
  }

  /** An entry as the node of its own place in a store: of one, under one key. */
  static at (key: string, held: Held, expires: number, size: number): Held {
    held.key = key
    held.expires = expires
    held.size = size
    return held
  }

  get value (): Held { return this }
  get marks (): readonly string[] { return NO_MARKS }
  get freshUntil (): number { return endOf(this.#fresh, this.created) }
  get staleWhileRevalidate (): number { return this.#windows.staleWhileRevalidate }
  get staleIfError (): number { return this.#windows.staleIfError }
  get expires (): number { return endOf(this.#life, this.created) }
  set expires (moment: number) { this.#life = spanTo(moment, this.created) }
}

/** Milliseconds; `undefined` = without end (`Infinity` would take 16 bytes). */
type Span = number | undefined

const spanTo = (moment: number, from: number): Span => moment === Infinity ? undefined : moment - from
const endOf = (span: Span, from: number): number => span === undefined ? Infinity : from + span

type Windows = Pick<Entry, 'staleWhileRevalidate' | 'staleIfError'>

const NO_WINDOWS: Windows = { staleWhileRevalidate: 0, staleIfError: 0 }
let lastWindows = NO_WINDOWS

/** Most entries have none, and the others of a route the same: they share them, 8 bytes less. */
function windowsOf ({ staleWhileRevalidate, staleIfError }: Windows): Windows {
  if (staleWhileRevalidate === 0 && staleIfError === 0) return NO_WINDOWS
  if (lastWindows.staleWhileRevalidate !== staleWhileRevalidate || lastWindows.staleIfError !== staleIfError) lastWindows = { staleWhileRevalidate, staleIfError }
  return lastWindows
}
