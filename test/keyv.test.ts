import t from 'tap'
import { EventEmitter } from 'node:events'
import { join } from 'node:path'
import Keyv from 'keyv'
import { KeyvFile } from 'keyv-file'
import { keyvStore } from '../lib/keyv.ts'
import type { KeyvAdapter } from '../lib/keyv.ts'
import { storeContract } from '../lib/stores/contract.ts'
import { open } from './cache/support.ts'

let files = 0

t.test('the contract of stores, on keyv-file', async (t) => {
  const folder = t.testdir()
  await storeContract(async (name, check) => { await t.test(name, check) }, () => {
    const store = keyvStore(new KeyvFile({ filename: join(folder, `${++files}.json`), writeDelay: 1 }))
    return { store, close: () => store.close!() }
  })
})

t.test('the contract of stores, on a Keyv with a namespace', async (t) => {
  await storeContract(async (name, check) => { await t.test(name, check) }, () => {
    const map = new Map()
    const store = keyvStore(new Keyv({ store: map, namespace: 'ns' }) as never)
    return { store, close: () => store.close!() }
  })
})

t.test('what is in a file is there for the next who opens it', async (t) => {
  const filename = join(t.testdir(), 'cache.json')
  const adapter = new KeyvFile({ filename, writeDelay: 1 })
  await adapter.set('foreign', 'foreign')
  const one = await open(t, { options: { CACHE_TYPE: keyvStore(adapter), CACHE_KEY_PREFIX: 'shop' } })
  await one.cache.set('a', new Map([['b', 1]]), { tags: ['t'] })
  await one.cache.inc('n', 5)
  await one.close()
  const two = await open(t, { options: { CACHE_TYPE: keyvStore(new KeyvFile({ filename, writeDelay: 1 })), CACHE_KEY_PREFIX: 'shop' } })
  t.same(await two.cache.get('a'), new Map([['b', 1]]))
  t.equal(await two.cache.inc('n'), 6)
  await two.cache.invalidateTags('t')
  t.equal(await two.cache.get('a'), undefined)
  t.equal(await two.cache.clear(), true)
  t.equal(await two.cache.get('n'), undefined)
  t.equal(await new KeyvFile({ filename }).get('foreign'), 'foreign', 'what others keep there stays')
})

t.test('an adapter that only emits its failures is not believed', async (t) => {
  class Silent extends EventEmitter implements KeyvAdapter {
    down = false
    readonly map = new Map<string, string>()
    #try<T> (work: () => T): T | undefined {
      if (!this.down) return work()
      this.emit('error', new Error('down'))
      return undefined
    }

    async get (key: string): Promise<unknown> { return this.#try(() => this.map.get(key)) }
    async set (key: string, value: string): Promise<unknown> { return this.#try(() => { this.map.set(key, value) }) }
    async delete (key: string): Promise<unknown> { return this.#try(() => this.map.delete(key)) }
    async clear (): Promise<void> { this.#try(() => this.map.clear()) }
  }
  t.throws(() => keyvStore(new Silent()), { code: 'FST_CACHE_ERR_OPTIONS', message: /dedicated/ })
  const adapter = new Silent()
  const { cache } = await open(t, { options: { CACHE_TYPE: keyvStore(adapter, { dedicated: true }) } })
  await cache.set('a', 1)
  adapter.down = true
  t.equal(await cache.set('b', 1), false)
  t.equal(await cache.get('a'), undefined)
  await t.rejects(cache.delete('a'), { code: /^FST_CACHE_ERR_BACKEND/ })
  await t.rejects(cache.clear(), { code: /^FST_CACHE_ERR_BACKEND/ })
  await t.rejects(cache.deleteByPrefix('a'), { code: 'FST_CACHE_ERR_UNSUPPORTED' })
})

t.test('anything else is refused', async (t) => {
  for (const bad of [undefined, null, 1, 'postgres://', {}, { get () {} }, { store: 'x' }] as never[]) t.throws(() => keyvStore(bad), { code: 'FST_CACHE_ERR_OPTIONS' })
})
