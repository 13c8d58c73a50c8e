import t from 'tap'
import { join } from 'node:path'
import { isBuiltin } from 'node:module'
import { storeContract } from '../../lib/stores/contract.ts'

const skip = isBuiltin('node:sqlite') ? false : `node:sqlite came with Node.js 22.5; this is ${process.version}`

t.test('the contract of stores, on the SQLite example', { skip }, async (t) => {
  const { sqliteStore } = await import('../../examples/sqlite-store.ts')
  const folder = t.testdir()
  let files = 0
  await storeContract(async (name, check) => { await t.test(name, check) }, () => {
    const file = join(folder, `${++files}.db`)
    const stores = [sqliteStore(file)]
    return {
      store: stores[0]!,
      another () {
        const other = sqliteStore(file)
        stores.push(other)
        return other
      },
      close: () => { for (const store of stores) store.close!() }
    }
  })
})

t.test('the example serves, and finds its entries again', { skip }, async (t) => {
  const { build } = await import('../../examples/sqlite-store.ts')
  const file = join(t.testdir(), 'cache.db')
  const first = await build({ file })
  const { body } = await first.inject('/')
  t.equal((await first.inject('/')).body, body)
  await first.close()
  const second = await build({ file })
  t.teardown(() => second.close())
  t.equal((await second.inject('/')).body, body)
})
