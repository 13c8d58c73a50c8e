// Some thousand requests of what `npm run soak` sends for minutes: the same routes, the same mix, in the same order.
import t from 'tap'
import type { Test } from 'tap'
import { Agent } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import Fastify from 'fastify'
import cached from '../index.ts'
import type { CacheOptions } from '../index.ts'
import { addRoutes } from '../bench/soak/app.mjs'
import { mix, play } from '../bench/soak/mix.mjs'
import { flightsOf, inspectionsOf } from '../lib/inspection.ts'
import { startRedis } from './helpers/redis.ts'

const THRESHOLD = 100
const MOST_BYTES = 20 * 2 ** 20
const ROUND = 600
const MEGABYTE = 2 ** 20

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** What is held after a full collection: bodies move from the heap to Buffers outside of it at their first hit. */
async function held (): Promise<number> {
  await sleep(50) // sockets that have closed are let go of
  collect()
  collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

async function start (t: Test, options: CacheOptions) {
  const app = Fastify({ forceCloseConnections: true })
  await app.register(cached, options)
  addRoutes(app)
  await app.listen({ host: '127.0.0.1', port: 0 })
  const agent = new Agent({ keepAlive: true, maxSockets: 16 })
  t.teardown(async () => {
    agent.destroy()
    await app.close()
  })
  const next = mix(7, 0.05)
  const round = async (requests: number) => await play({ port: (app.server.address() as AddressInfo).port, agent, next, workers: 16, going: (made) => made < requests })
  const flights = () => inspectionsOf(app).reduce((sum, inspection) => sum + flightsOf(inspection), 0)
  const settled = async () => { while (flights() > 0) await sleep(20) } // ends, or the time limit of the test tells
  return { app, round, settled }
}

t.test('mixed load on SimpleCache: bounds hold, flights settle, nothing stays in memory', async (t) => {
  const { app, round, settled } = await start(t, { CACHE_TYPE: 'SimpleCache', CACHE_THRESHOLD: THRESHOLD, CACHE_MAX_BYTES: MOST_BYTES })
  const sizes: number[] = []
  for (let n = 0; n < 4; n++) {
    const { requests, faults } = await round(ROUND)
    t.equal(requests, ROUND)
    t.same(faults, [], `no wrong reply in round ${n}`)
    await settled()
    const { entries = Infinity, bytes = Infinity } = app.cache.stats()
    t.ok(entries <= THRESHOLD, `${entries} entries`)
    t.ok(bytes <= MOST_BYTES, `${bytes} bytes`)
    await app.cache.clear()
    t.equal(app.cache.stats().entries, 0)
    sizes.push(await held())
  }
  const [, second = 0, , last = Infinity] = sizes
  const grown = (last - second) / MEGABYTE
  t.ok(grown < 8, `grew by ${grown.toFixed(1)} MiB from the second round to the fourth`)
  const { hits, stores } = app.cache.stats()
  t.ok(hits > ROUND / 4, `${hits} hits`)
  t.ok(stores > ROUND, `${stores} stores`)
})

t.test('mixed load on RedisCache with a local tier: the right replies, and flights settle', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const { app, round, settled } = await start(t, { CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: redis.host, CACHE_REDIS_PORT: redis.port, CACHE_OPERATION_TIMEOUT: 10, CACHE_LOCAL: { timeout: 5, threshold: THRESHOLD } })
  const { faults } = await round(ROUND)
  t.same(faults, [])
  await settled()
  t.equal(app.cache.stats().errors, 0)
  t.ok(app.cache.stats().hits > 0)
})
