import { setTimeout as sleep } from 'node:timers/promises'
import { startMemcacheds } from '../helpers/memcached.ts'
import type { Memcached } from '../helpers/memcached.ts'
import { MISBEHAVIOUR, outage, proxied, sasl, spell } from './routes.ts'

for (const [name, misbehave] of MISBEHAVIOUR) {
  outage(`memcached: ${name}`, async () => {
    const [server] = await startMemcacheds(1)
    const { at, disturb, stop } = await proxied(misbehave, server!.port)
    return { options: { CACHE_TYPE: 'MemcachedCache', CACHE_MEMCACHED_SERVERS: [`127.0.0.1:${at}`] }, disturb, stop: () => Promise.all([stop(), server!.stop()]) }
  })
}

for (const [type, count] of [['MemcachedCache', 1], ['SASLMemcachedCache', 1], ['MemcachedCache', 3], ['SpreadSASLMemcachedCache', 3]] as const) {
  const which = `${type}, ${count === 1 ? 'its server' : 'one of three servers'}`
  const servers = () => startMemcacheds(count, { sasl: type !== 'MemcachedCache' })
  const stop = (all: readonly Memcached[]) => Promise.all(all.map((one) => one.stop()))
  outage(`${which} killed, restarted`, async () => {
    const all = await servers()
    return { options: { CACHE_TYPE: type, ...sasl(all) }, outages: 1, disturb: async () => { await sleep(100); await all[0]!.kill(); await spell(400); await all[0]!.restart() }, stop: () => stop(all) }
  })
  outage(`${which} frozen and continued`, async () => {
    const all = await servers()
    return { options: { CACHE_TYPE: type, ...sasl(all) }, outages: 1, disturb: async () => { await sleep(100); all[0]!.freeze(); await spell(1500); all[0]!.thaw() }, stop: () => stop(all) }
  })
}
