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
  private readonly traits: Traits
  readonly payload: unknown
  readonly created: number
  /** `undefined` at first: a field that has held nothing but numbers takes 16 bytes in every entry once one has a fraction. */
  private fresh: Span = undefined
  readonly names: readonly string[]
  /** The table's sequence at which it was last found valid: what was purged or made stale before has no part in it. */
  sequence: number
  /** `undefined`: it was not made stale. */
  softened: number | undefined = undefined

  key = ''
  size = 0
  private life: Span = undefined
  newer: Node<Held> = this
  older: Node<Held> = this

  constructor (draft: Draft, sequence: number) {
    this.traits = traitsOf(draft)
    this.payload = draft.payload
    this.created = draft.created
    this.fresh = spanTo(draft.freshUntil, draft.created)
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
  get kind (): EntryKind { return this.traits.kind }
  get marks (): readonly string[] { return NO_MARKS }
  get staleWhileRevalidate (): number { return this.traits.staleWhileRevalidate }
  get staleIfError (): number { return this.traits.staleIfError }
  // Both written out, on fields without '#': 0.03 µs of a hit of 3, which asks for them often.
  get freshUntil (): number { return this.fresh === undefined ? Infinity : this.created + this.fresh }
  get expires (): number { return this.life === undefined ? Infinity : this.created + this.life }
  set expires (moment: number) { this.life = spanTo(moment, this.created) }
}

/** Milliseconds; `undefined` = without end (`Infinity` would take 16 bytes). */
type Span = number | undefined

const spanTo = (moment: number, from: number): Span => moment === Infinity ? undefined : moment - from

type Traits = Pick<Entry, 'kind' | 'staleWhileRevalidate' | 'staleIfError'>

const plain = (kind: EntryKind): Traits => ({ kind, staleWhileRevalidate: 0, staleIfError: 0 })
const PLAIN = { reply: plain('reply'), variants: plain('variants'), value: plain('value') }
let last: Traits = PLAIN.value

/** Most entries have no windows, and the others of a route the same: they share what they have in common, 16 bytes less. */
function traitsOf ({ kind, staleWhileRevalidate, staleIfError }: Traits): Traits {
  if (staleWhileRevalidate === 0 && staleIfError === 0) return PLAIN[kind]
  if (last.kind !== kind || last.staleWhileRevalidate !== staleWhileRevalidate || last.staleIfError !== staleIfError) last = { kind, staleWhileRevalidate, staleIfError }
  return last
}
