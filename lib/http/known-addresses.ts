import type { Address } from './exchange.ts'
import type { Origin } from './origin.ts'

/** About 300 bytes each. */
const MOST = 2_000

/**
 * The addresses of targets that were hits, by the target alone: a hit then makes no key, and the store is asked with a
 * text whose hash is known (0.25 µs of a hit's 2.4). Only hits are remembered: what is asked for once costs nothing.
 */
export class KnownAddresses {
  readonly #byTarget = new Map<string, { readonly origin: Origin, readonly address: Address }>()

  get (origin: Origin, target: string): Address | undefined {
    const known = this.#byTarget.get(target)
    return known !== undefined && known.origin === origin ? known.address : undefined
  }

  note (origin: Origin, target: string, address: Address): void {
    if (this.#byTarget.size >= MOST) this.#byTarget.clear()
    this.#byTarget.set(target, { origin, address })
  }
}
