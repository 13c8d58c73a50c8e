import t from 'tap'
import { storeContract } from '../../../lib/stores/contract.ts'
import { guarded } from '../../../lib/stores/guarded.ts'
import type { RedisStoreSettings } from '../../../lib/stores/redis.ts'
import { startCluster, startRedis, startSentinels } from '../../helpers/redis.ts'
import type { RedisServer } from '../../helpers/redis.ts'
import { lines, open } from './helpers.ts'

async function runs (settings: Partial<RedisStoreSettings>, servers: readonly RedisServer[]) {
  const make = async () => guarded(await open(settings), { name: 'Redis', timeout: 5000, log: lines() })
  await storeContract((name, fn) => t.test(`${settings.kind}: ${name}`, fn), async () => {
    await Promise.all(servers.map((server) => server.cli('flushall')))
    const connections = [await make()]
    return {
      store: connections[0] as Awaited<ReturnType<typeof make>>,
      another: async () => {
        const other = await make()
        connections.push(other)
        return other
      },
      close: () => Promise.all(connections.map((store) => store.close()))
    }
  })
}

const server = await startRedis()
await runs({ kind: 'plain', port: server.port, db: 3 }, [server])
await server.stop()

const set = await startSentinels({ password: 'secret', name: 'group-1' })
await runs({ kind: 'sentinel', sentinels: set.sentinels.map(({ host, port }) => [host, port] as const), sentinelMaster: 'group-1', password: 'secret' }, [set.primary])
await set.stop()

const cluster = await startCluster(3, { password: 'secret' })
await runs({ kind: 'cluster', cluster: cluster.addresses, password: 'secret' }, cluster.nodes)
await cluster.stop()
