import { setTimeout as sleep } from 'node:timers/promises'
import { until } from '../helpers/process.ts'
import { startCluster, startRedis, startReplica, startSentinels } from '../helpers/redis.ts'
import { MISBEHAVIOUR, outage, proxied, redis, spell } from './routes.ts'

outage('Redis: killed under load, restarted', () => redis({}, (server) => ({
  outages: 1,
  disturb: async () => { await sleep(100); await server.kill(); await spell(400); await server.restart() }
})))

outage('Redis: frozen and continued', () => redis({}, (server) => ({
  outages: 1,
  disturb: async () => { await sleep(100); server.freeze(); await spell(1500); server.thaw() }
})))

for (const [name, misbehave] of MISBEHAVIOUR) {
  outage(`Redis: ${name}`, async () => {
    const server = await startRedis()
    const { at, disturb, stop } = await proxied(misbehave, server.port)
    return { options: { CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: '127.0.0.1', CACHE_REDIS_PORT: at }, disturb, stop: () => Promise.all([stop(), server.stop()]) }
  })
}

outage('Redis: no memory left (noeviction)', () => redis({}, (server) => ({
  outages: 0,
  disturb: async () => {
    await sleep(200)
    await server.cli('config', 'set', 'maxmemory', '1')
    await spell(500)
    await server.cli('config', 'set', 'maxmemory', '0')
  }
})))

outage('Redis: becomes a read-only replica', async () => {
  const server = await startRedis()
  const other = await startReplica(server)
  return {
    options: { CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: '127.0.0.1', CACHE_REDIS_PORT: server.port },
    outages: 0,
    disturb: async () => {
      await sleep(200)
      await other.cli('replicaof', 'no', 'one')
      await server.cli('replicaof', '127.0.0.1', String(other.port))
      await spell(500)
      await server.cli('replicaof', 'no', 'one')
    },
    stop: () => Promise.all([server.stop(), other.stop()])
  }
})

outage('Redis: busy with a script', () => redis({ conf: ['lua-time-limit 100'] }, (server) => ({
  outages: 1,
  disturb: async () => {
    await sleep(100)
    const busy = server.cli('eval', 'while true do end', '0').catch(() => {})
    await spell(1500)
    await server.cli('script', 'kill')
    await busy
  }
})))

outage('Sentinel: the primary killed', async () => {
  const set = await startSentinels()
  return {
    options: { CACHE_TYPE: 'RedisSentinelCache', CACHE_REDIS_SENTINELS: set.sentinels.map(({ port }) => ['127.0.0.1', port]) },
    outages: 1,
    disturb: async () => {
      await sleep(200)
      await set.primary.kill()
      await until('the replica has taken over', async () => await set.primaryPort() === set.replica.port)
    },
    stop: () => set.stop()
  }
})

outage('Cluster: a master killed, its replica takes over', async () => {
  const cluster = await startCluster(6)
  return {
    options: { CACHE_TYPE: 'RedisClusterCache', CACHE_REDIS_CLUSTER: cluster.addresses },
    disturb: async () => {
      await sleep(200)
      const dead = await cluster.masterOf('x')
      await dead.kill()
      await until('a replica has taken over', async () => (await cluster.masterOf('x')) !== dead)
    },
    stop: () => cluster.stop()
  }
})
