import { errors } from '../errors.ts'

interface Registered {
  readonly text: string
  readonly fn: WeakRef<object>
  warned: boolean
}

const NATIVE = '[native code]'

/**
 * The names of one cache's memoized functions. A name stands for one source text, since two functions under one name
 * would answer for each other.
 */
export class FunctionNames {
  readonly #byName = new Map<string, Registered>()
  readonly #warn: (message: string) => void

  constructor (warn: (message: string) => void) {
    this.#warn = warn
  }

  /**
   * @param chosen the name was given for this function: that its entries are shared is meant
   * @throws FST_CACHE_ERR_FUNCTION where the name is another function's
   */
  claim (name: string, fn: (...args: never[]) => unknown, chosen: boolean): void {
    const text = Function.prototype.toString.call(fn)
    const known = this.#byName.get(name)
    if (known === undefined) {
      this.#byName.set(name, { text, fn: new WeakRef(fn), warned: false })
      return
    }
    if (known.fn.deref() === fn) return
    if (known.text !== text) {
      throw new errors.FST_CACHE_ERR_FUNCTION(`memoize: the name '${name}' is that of another function; give this one a name of its own with the option 'name'`)
    }
    if (text.includes(NATIVE)) {
      throw new errors.FST_CACHE_ERR_FUNCTION(`memoize: the name '${name}' is taken, and the source of a bound or native function cannot be compared; ` +
        "give this one a name of its own with the option 'name'")
    }
    if (chosen || known.warned) return
    known.warned = true
    this.#warn(`memoize: another function object with the name '${name}' and the same source text was memoized; they share their entries, and what ` +
      "they read from outside is not part of the key. Memoize it once, outside of the handler, or give it the option 'name'")
  }
}
