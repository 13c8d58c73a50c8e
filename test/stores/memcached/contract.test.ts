import t from 'tap'
import { storeContract } from '../../../lib/stores/contract.ts'
import type { ContractSubject } from '../../../lib/stores/contract.ts'
import { openStore, startMemcacheds } from '../../helpers/memcached.ts'
import type { Memcached } from '../../helpers/memcached.ts'

const TYPES = [
  { name: 'MemcachedCache', kind: 'plain', count: 1 },
  { name: 'MemcachedCache on three servers', kind: 'plain', count: 3 },
  { name: 'SASLMemcachedCache', kind: 'sasl', count: 1 },
  { name: 'SpreadSASLMemcachedCache', kind: 'spread', count: 3 }
] as const

let round = 0

/** The clock of both stores is moved: memcached's own expiry is looked at in ttl.test.ts. */
async function subject (servers: readonly Memcached[], kind: 'plain' | 'sasl' | 'spread'): Promise<ContractSubject> {
  let ahead = 0
  // Keys of the checks do not begin with a common prefix, so the cache's own is empty; the checks stay apart by a clear.
  const settings = { kind, prefix: '', now: () => Date.now() + ahead, options: kind === 'spread' ? { chunkSize: 100_000 } : {} }
  const { store } = await openStore(servers, settings)
  if (round++ > 0) await store.clear('')
  const others: Array<{ close (): unknown }> = []
  return {
    store,
    advance: (ms) => { ahead += ms },
    async another () {
      const { store: other } = await openStore(servers, settings)
      others.push(other)
      return other
    },
    close: async () => { await Promise.all([store, ...others].map(async (one) => await one.close())) }
  }
}

for (const { name, kind, count } of TYPES) {
  await t.test(name, async (t) => {
    const servers = await startMemcacheds(count, { sasl: kind !== 'plain' })
    t.teardown(async () => { await Promise.all(servers.map(async (server) => await server.stop())) })
    await storeContract(async (check, run) => await t.test(check, async (t) => { await run(); t.pass(check) }), async () => await subject(servers, kind))
  })
}
