import { expectTypeOf } from 'expect-type'
import t from 'tap'

import type { Functions, Memoized, Promised } from '../../types/functions.ts'

class Shop {
  readonly id = 1
  cachingId () { return this.id }
  async price (this: Shop, article: string, amount?: number) { return { article, amount, shop: this.id } }
}

function overloaded (id: number): string
function overloaded (name: string, deep: boolean): Date
function overloaded (idOrName: number | string, _deep?: boolean): string | Date { return typeof idOrName === 'number' ? '' : new Date() }

async function overloadedLater (id: number): Promise<string>
async function overloadedLater (name: string): Promise<Date>
async function overloadedLater (idOrName: number | string): Promise<string | Date> { return typeof idOrName === 'number' ? '' : new Date() }

// What the compiler checks of a cache; never called.
function checks (cache: Functions): void {
  const sync = cache.memoize((a: number, b?: string) => ({ a, b }), { name: 'sync' })
  expectTypeOf(sync).parameters.toEqualTypeOf<[a: number, b?: string | undefined]>()
  expectTypeOf(sync).returns.toEqualTypeOf<Promise<{ a: number, b: string | undefined }>>()

  const later = cache.memoize(async function later (...ids: number[]) { return ids })
  expectTypeOf(later).parameters.toEqualTypeOf<number[]>()
  expectTypeOf(later).returns.toEqualTypeOf<Promise<number[]>>()
  expectTypeOf(later.uncached).returns.toEqualTypeOf<Promise<number[]>>()
  expectTypeOf(later.cacheTimeout).toEqualTypeOf<number>()
  expectTypeOf(later.makeCacheKey(1, 2)).toEqualTypeOf<string>()
  expectTypeOf(later.deleteMemoized()).toEqualTypeOf<Promise<void>>()
  // @ts-expect-error a wrong argument
  later.deleteMemoized('a')
  // @ts-expect-error a wrong argument
  later('a')

  const generic = cache.memoize(async function identity<T> (value: T): Promise<T> { return value })
  expectTypeOf(generic('a' as const)).toEqualTypeOf<Promise<'a'>>()
  expectTypeOf(generic(1 as number)).toEqualTypeOf<Promise<number>>()

  const two = cache.memoize(overloaded)
  expectTypeOf(two(1)).toEqualTypeOf<Promise<string>>()
  expectTypeOf(two('a', true)).toEqualTypeOf<Promise<Date>>()
  // @ts-expect-error no such overload
  two('a')
  two.deleteMemoized('a', true)
  two.deleteMemoized(1)

  const twoLater = cache.memoize(overloadedLater)
  expectTypeOf(twoLater(1)).toEqualTypeOf<Promise<string>>()
  expectTypeOf(twoLater('a')).toEqualTypeOf<Promise<Date>>()

  const price = cache.memoize(Shop.prototype.price)
  expectTypeOf(price.call(new Shop(), 'a', 2)).resolves.toHaveProperty('shop')
  price.deleteMemoized(new Shop(), 'a')
  price.deleteMemoized(new Shop())
  // @ts-expect-error called without its shop
  price('a')
  const syncMethod = cache.memoize(function total (this: Shop, factor: number) { return this.id * factor })
  expectTypeOf(syncMethod.call(new Shop(), 2)).toEqualTypeOf<Promise<number>>()
  // @ts-expect-error called without its shop
  syncMethod(2)

  expectTypeOf(cache.memoize(function * text () { yield 'a' })()).toEqualTypeOf<Promise<string>>()
  expectTypeOf(cache.memoize(async function * bytes () { yield Buffer.from('a') })()).toEqualTypeOf<Promise<Buffer>>()
  expectTypeOf(cache.memoize(function * items () { yield 1 })()).toEqualTypeOf<Promise<number[]>>()

  cache.memoize(async (id: number, _name: string) => id, {
    name: 'options',
    unless: (...args) => { expectTypeOf(args).toEqualTypeOf<[id: number, _name: string]>(); return false },
    isStale: (stored, id) => { expectTypeOf(stored).toEqualTypeOf<number>(); return stored < id },
    responseFilter: async (result, _id, name) => { expectTypeOf(name).toEqualTypeOf<string>(); return result > 1 },
    tags: (result) => [String(result)],
    makeCacheKey: (id) => String(id),
    coalesce: { timeout: 1 }
  })
  // @ts-expect-error a name that is no option
  cache.memoize(async (id: number) => id, { name: 'wrong', timout: 1 })

  expectTypeOf(cache.getOrSet('k', () => 1)).toEqualTypeOf<Promise<number>>()
  expectTypeOf(cache.getOrSet('k', async () => 'a', { timeout: 1, isStale: (stored) => stored === 'b' })).toEqualTypeOf<Promise<string>>()
  expectTypeOf(cache.cached((id: number) => id, { key: 'k' })(1)).toEqualTypeOf<Promise<number>>()
  expectTypeOf(cache.fragment('n', ['a'], 5, () => '')).toEqualTypeOf<Promise<string>>()
  cache.deleteMemoized(later, 1)

  expectTypeOf<Promised<() => Promise<string>>>().toEqualTypeOf<() => Promise<string>>()
  expectTypeOf<ReturnType<Memoized<() => PromiseLike<string>>>>().toEqualTypeOf<Promise<string>>()
}

t.type(checks, 'function')
