import { types } from 'node:util'

/** Steps that are kept (56 bytes each, and a string), and how many tries may then pass before all are forgotten. */
const MOST_STEPS = 16_000
const MOST_PASSED = 1_000
/** What comes again comes often; what does not would pay for its way each time (600 ns of a call of 1,400). */
const MISSES_PER_TRY = 8
/** Longer calls and texts are not remembered. */
const LONGEST_WAY = 32
const LONGEST_TEXT = 64
/** From here on V8 makes a slice of a text by reference: it would hold all of that text in memory. */
const SHORTEST_SLICE = 13

const PLAIN = Symbol('plain object')
const LIST = Symbol('array')
const END = Symbol('end')

type Token = string | number | boolean | null | undefined | symbol

const toTag = Object.prototype.toString

/** Where a way has come to. Most steps have one successor: a Map for it would take five times the memory. */
class Step<T> {
  value: T | undefined = undefined
  #token: Token = undefined
  #next: Step<T> | undefined = undefined
  #others: Map<Token, Step<T>> | undefined = undefined

  to (token: Token, grow: boolean): Step<T> | undefined {
    if (this.#token === token && this.#next !== undefined) return this.#next
    return this.#others?.get(token) ?? (grow ? this.#make(token) : undefined)
  }

  #make (token: Token): Step<T> {
    const step = new Step<T>()
    const own = typeof token === 'string' && token.length >= SHORTEST_SLICE ? Buffer.from(token, 'utf16le').toString('utf16le') : token
    if (this.#next === undefined) {
      this.#token = own
      this.#next = step
    } else {
      this.#others ??= new Map<Token, Step<T>>()
      this.#others.set(own, step)
    }
    return step
  }
}

/**
 * What is known of calls, by their arguments, where these are short primitives, and plain objects and arrays of them: a
 * tree, through which the arguments lead step by step. Two lists of arguments lead to one place only if they have one
 * key (`argumentsKey`); two orders of properties lead to two. To write a key anew, and to flatten and hash it at the
 * look-up, took 770 ns for an object of two properties; its way through the tree takes 165, most of it to see that no name is a symbol.
 */
export class KnownCalls<T> {
  #root = new Step<T>()
  #steps = 0
  #misses = 0
  #passed = 0

  get (args: readonly unknown[]): T | undefined {
    return this.#way(args, false)?.value
  }

  /**
   * Where what `get` did not find may be put; `undefined`: it is not worth it, or not possible. To be asked for before
   * the value is made: where there is a place, nothing of the application's runs while the arguments are read.
   */
  place (args: readonly unknown[]): { value: T | undefined } | undefined {
    if (++this.#misses % MISSES_PER_TRY !== 0) return undefined
    if (this.#steps >= MOST_STEPS) return this.#pass()
    let steps = 1
    for (const arg of args) steps = stepsTo(arg, steps)
    if (steps > LONGEST_WAY) return undefined
    this.#steps += steps
    return this.#way(args, true)
  }

  #way (args: readonly unknown[], grow: boolean): Step<T> | undefined {
    let step = this.#root.to(args.length, grow)
    for (let i = 0; i < args.length && step !== undefined; i++) step = follow(step, args[i], grow)
    return step
  }

  #pass (): undefined {
    if (++this.#passed <= MOST_PASSED) return
    this.#root = new Step<T>()
    this.#steps = 0
    this.#passed = 0
  }
}

/** Every part is read once, says of what kind it is, and ends by itself. */
function follow<T> (from: Step<T>, value: unknown, grow: boolean): Step<T> | undefined {
  switch (typeof value) {
    case 'string': return value.length <= LONGEST_TEXT ? from.to(value, grow) : undefined
    // -0 equals 0 here, and has a key of its own.
    case 'number': return value === 0 && Object.is(value, -0) ? undefined : from.to(value, grow)
    case 'boolean':
    case 'undefined': return from.to(value, grow)
    case 'object': return value === null ? from.to(null, grow) : isPlain(value) ? followInto(from, value, grow) : undefined
    default: return undefined
  }
}

function followInto<T> (from: Step<T>, value: object, grow: boolean): Step<T> | undefined {
  if (Array.isArray(value)) return followItems(from, value, grow)
  let step = from.to(PLAIN, grow)
  for (const name in value) {
    if (!Object.hasOwn(value, name)) return undefined
    step = step?.to(name, grow)
    if (step === undefined) return undefined
    step = follow(step, (value as Record<string, unknown>)[name], grow)
  }
  return step?.to(END, grow)
}

function followItems<T> (from: Step<T>, value: readonly unknown[], grow: boolean): Step<T> | undefined {
  let step = from.to(LIST, grow)?.to(value.length, grow)
  for (let i = 0; i < value.length && step !== undefined; i++) {
    step = Object.hasOwn(value, i) ? follow(step, value[i], grow) : undefined
  }
  return step
}

/** Nothing but what its own enumerable properties say: the tests are those of the `KeyWalk`. */
function isPlain (value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== Array.prototype) return false
  if ('cachingId' in value || Object.getOwnPropertySymbols(value).length > 0) return false
  return prototype === Object.prototype
    ? toTag.call(value) === '[object Object]'
    : Array.isArray(value) && Object.keys(value).length === value.length
}

/**
 * How many steps the way has after this value; `Infinity` where it shall not be made. It must not be where something may
 * be another thing each time it is looked at: accessors, proxies.
 */
function stepsTo (value: unknown, before: number): number {
  const steps = before + 1
  if (steps > LONGEST_WAY || Object.is(value, -0) || typeof value === 'bigint' || (typeof value === 'string' && value.length > LONGEST_TEXT)) return Infinity
  if (typeof value !== 'object' || value === null) return steps
  if (types.isProxy(value) || !isPlain(value)) return Infinity
  let after = steps + 1
  for (const name of Object.getOwnPropertyNames(value)) {
    if (name === 'length' && Array.isArray(value)) continue
    const own = Object.getOwnPropertyDescriptor(value, name)!
    if (name.length > LONGEST_TEXT || own.enumerable !== true || !('value' in own)) return Infinity
    after = stepsTo(own.value, after + 1)
  }
  return after
}
