import type { ClusterOptions, RedisOptions } from 'ioredis'
import { given, nodeDefaults as defaultsOf } from './client.ts'
import { connection } from './connection.ts'
import type { Connection } from './connection.ts'
import type { Client, Ioredis } from './link.ts'
import { perNode } from './per-node.ts'
import type { RedisStoreSettings } from './settings.ts'

/** Options of `Cluster` itself; whatever else `CACHE_OPTIONS` holds is for the connections to its nodes. */
const OF_THE_CLUSTER = new Set([
  'clusterRetryStrategy', 'clusterNodeRetryStrategy', 'dnsLookup', 'enableAutoPipelining', 'autoPipeliningIgnoredCommands',
  'enableOfflineQueue', 'enableReadyCheck', 'keyPrefix', 'maxRedirections', 'natMap', 'redisOptions', 'resolveSrv',
  'retryDelayOnClusterDown', 'retryDelayOnFailover', 'retryDelayOnMoved', 'retryDelayOnTryAgain', 'scaleReads', 'scripts',
  'shardedSubscribers', 'showFriendlyErrorStack', 'slotsRefreshInterval', 'slotsRefreshTimeout', 'useSRVRecords'
])

const SLOTS_REFRESH = 2000

const MOST_REMEMBERED = 100

/** A cluster, found through any of its nodes. */
export function clusterConnection ({ Cluster, Command }: Ioredis, settings: RedisStoreSettings): Connection {
  const { username, password, cluster = [], prefix, log } = settings
  const configured = cluster.map(([host, port]) => ({ host, port }))
  const options = clusterOptions(settings, given({ username, password }) as RedisOptions)
  let remembered = new Map<string, { host: string, port: number }>()

  function create (attempt: number): Client {
    // Nodes may all have moved while they were down: where those of the options bring nothing, the last ones seen are
    // tried in turn with them, and never mixed, since an old address may have become another cluster's
    const nodes = attempt % 2 === 0 || remembered.size === 0 ? configured : [...remembered.values()]
    const client = new Cluster(nodes, options)
    client.on('ready', () => {
      remembered = new Map()
      for (const node of client.nodes?.() ?? []) remember(node)
    })
    client.on('+node', remember)
    return client
  }

  function remember (node: Client): void {
    const { host, port } = node.options
    if (host === undefined || port === undefined || remembered.size >= MOST_REMEMBERED) return
    remembered.set(`${host}:${port}`, { host, port })
  }

  const describe = `RedisClusterCache at ${configured.map(({ host, port }) => `${host}:${port}`).join(', ')}`
  const link = connection({
    Command,
    describe,
    create,
    cluster: true,
    keyPrefix: options.keyPrefix ?? options.redisOptions?.keyPrefix ?? '',
    // A cluster has one database; asking for another is refused by the handshake
    db: Number(settings.db ?? 0),
    prefix,
    patience: 2000 + configured.length * 1000,
    log
  })
  const refresh = () => link.client()?.refreshSlotsCache?.()
  const refresher = setInterval(refresh, Number(settings.options?.['slotsRefreshInterval'] ?? SLOTS_REFRESH))
  refresher.unref()
  link.opened.catch(() => clearInterval(refresher))
  const nodeOf = (key: string | Buffer) => link.client()?.slots?.[link.group(key)]?.[0]
  return {
    ...link,
    ...perNode(link, { nodeOf, refresh, bound: settings.operationTimeout, log, describe }),
    close: async () => {
      clearInterval(refresher)
      await link.close()
    }
  }
}

function clusterOptions (settings: RedisStoreSettings, credentials: RedisOptions): ClusterOptions {
  const entries = Object.entries(settings.options ?? {})
  const ofCluster = Object.fromEntries(entries.filter(([name]) => OF_THE_CLUSTER.has(name)))
  const ofNodes = Object.fromEntries(entries.filter(([name]) => !OF_THE_CLUSTER.has(name)))
  const { retryStrategy, ...nodeDefaults } = defaultsOf(settings)
  return {
    // A node is connected by its first command. Those behind it wait for it in its own queue, until its connection
    // stands or has failed: refused there, ioredis would send them some time later through any other node, and out of
    // their order. What the cluster itself could queue is refused before it gets there (see `connection`)
    enableOfflineQueue: true,
    slotsRefreshTimeout: 500,
    maxRedirections: 4,
    retryDelayOnFailover: 50,
    retryDelayOnClusterDown: 50,
    retryDelayOnTryAgain: 50,
    clusterRetryStrategy: () => retryStrategy,
    ...ofCluster,
    // ioredis's own interval goes on after a disconnect that meets it at work, and keeps the process alive
    slotsRefreshInterval: 0,
    redisOptions: { ...nodeDefaults, enableReadyCheck: false, ...credentials, ...ofNodes, ...ofCluster['redisOptions'] as RedisOptions | undefined },
    lazyConnect: true
  }
}
