import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Test } from 'tap'
import { build } from '../backends/rig.ts'
import type { Options, Server } from '../backends/rig.ts'
import { PASSWORD, USER } from '../helpers/memcached.ts'
import type { Memcached } from '../helpers/memcached.ts'
import { until } from '../helpers/process.ts'
import { startProxy } from '../helpers/proxy.ts'
import { startRedis } from '../helpers/redis.ts'
import type { RedisOptions, RedisServer } from '../helpers/redis.ts'

/** `npm run test:outages`: 10,000 requests across each outage, and the table. */
const FULL = process.env['OUTAGES'] === 'full'
const REQUESTS = FULL ? 10_000 : 400
const WORKERS = 20
const KEYS = 200
const DEADLINE = 1000
const HANDLER = 2
/** From the end of the disturbance; ms. Generous: it is for what never ends. */
const LONGEST_OUTAGE = 30_000

interface Row {
  outage: string
  requests: number
  /** Not a 200. */
  failed: number
  /** Another URL's bytes. */
  wrong: number
  hits: number
  'slowest ms': number
  /** From the end of the disturbance to a look-up that hits again. */
  'recovered ms': number
  /** Lines in the log that an outage began, and that one ended. */
  began: number
  ended: number
  /** How often this process has stood still: a machine that is so short of time may make operations late by itself. */
  stalls: number
}

const table: Row[] = []
t.teardown(() => { if (FULL) console.table(table) })

const BEGAN = /is down|out of service/
const ENDED = /(?<!until it )is back/

/** Cached requests, twenty at a time, while `disturb` does its worst; they go on until the cache hits again. */
async function underLoad (outage: string, server: Server, disturb: () => Promise<unknown>, ends: boolean): Promise<Row> {
  const row: Row = { outage, requests: 0, failed: 0, wrong: 0, hits: 0, 'slowest ms': 0, 'recovered ms': NaN, began: 0, ended: 0, stalls: 0 }
  const state = { over: false, most: 0 }
  // To the end at least, and so long that what was filled after the outage is asked for again
  const goesOn = () => !state.over || row.requests < REQUESTS || (row.hits === 0 && row.requests < state.most)
  let last = performance.now()
  const watch = setInterval(() => {
    if (performance.now() - last > DEADLINE / 10) row.stalls++
    last = performance.now()
  }, 20)
  const workers = Array.from({ length: WORKERS }, async () => {
    while (goesOn()) {
      const url = `/load/${row.requests++ % KEYS}`
      const { status, body, cache, ms } = await server.get(url)
      if (status !== 200) row.failed++
      else if (!body.startsWith(url + ' ')) row.wrong++
      if (/; hit/.test(cache)) row.hits++
      row['slowest ms'] = Math.max(row['slowest ms'], Math.round(ms))
      await sleep(FULL ? 5 : 1)
    }
  })
  try {
    await disturb()
    const back = performance.now()
    for (let n = 0; performance.now() - back < LONGEST_OUTAGE; n++) {
      await server.get(`/load/back${n}`)
      if (/; hit/.test((await server.get(`/load/back${n}`)).cache)) break
      await sleep(5)
    }
    row['recovered ms'] = Math.round(performance.now() - back)
  } finally {
    state.most = row.requests + 10 * KEYS
    state.over = true
    await Promise.all(workers)
    if (ends) await ending(server).finally(() => { clearInterval(watch) })
    else clearInterval(watch)
  }
  row.began = server.said(BEGAN).length
  row.ended = server.said(ENDED).length
  table.push(row)
  return row
}

export interface Case {
  readonly options: Options
  readonly disturb: () => Promise<unknown>
  /** How often an outage begins and ends; `undefined`: it flickers. */
  readonly outages?: number
  readonly stop: () => Promise<unknown>
}

export function outage (name: string, make: () => Promise<Case>): void {
  t.test(name, async (t) => {
    const { options, disturb, outages, stop } = await make()
    t.teardown(() => stop())
    const server = open(options)
    t.teardown(() => server.app.close())
    await server.app.ready()
    judge(t, await underLoad(name, server, disturb, outages !== undefined), outages)
  })
}

export function open (options: Options): Server {
  return build({ CACHE_OPERATION_TIMEOUT: DEADLINE / 1000, ...options }, (app) => {
    app.get('/load/:id', { config: { cache: { timeout: 60 } } }, async ({ url }) => {
      await sleep(HANDLER)
      return `${url} ${'x'.repeat(url.length * 97 % 1500)}`
    })
  })
}

/** The last server of several may come back after the first hit. */
async function ending (server: Server): Promise<void> {
  await until('it is said that the outage is over', () => server.said(ENDED).length >= server.said(BEGAN).length)
}

function judge (t: Test, row: Row, outages: number | undefined): void {
  t.equal(row.failed, 0, 'no request fails')
  t.equal(row.wrong, 0, "no reply is another URL's")
  t.ok(row.hits > 0, 'the cache works')
  t.ok(row['slowest ms'] < 15_000, `nothing hangs: slowest ${row['slowest ms']} ms`)
  t.ok(row['recovered ms'] < LONGEST_OUTAGE, `it is back: ${row['recovered ms']} ms`)
  if (outages === undefined) return
  // Of an outage that this process slept through it knows nothing
  t.ok(Math.abs(row.began - outages) <= row.stalls, `one line when an outage begins: ${row.began} of ${outages}, and the process stood still ${row.stalls} times`)
  t.equal(row.ended, row.began, 'and one when it ends')
}

export const spell = (short: number) => sleep(FULL ? Math.max(3000, short) : short)

export async function redis (options: RedisOptions, run: (server: RedisServer) => Omit<Case, 'options' | 'stop'>): Promise<Case> {
  const server = await startRedis(options)
  return { options: { CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: '127.0.0.1', CACHE_REDIS_PORT: server.port }, stop: () => server.stop(), ...run(server) }
}

export async function proxied (run: (proxy: Proxy) => Promise<unknown>, port: number): Promise<Pick<Case, 'disturb' | 'stop'> & { at: number }> {
  const proxy = await startProxy(port)
  return { disturb: async () => { await run(proxy) }, stop: () => proxy.stop(), at: proxy.port }
}

export type Proxy = Awaited<ReturnType<typeof startProxy>>

/** What a network may do to the replies of a server. */
export const MISBEHAVIOUR: Array<[name: string, misbehave: (proxy: Proxy) => Promise<unknown>]> = [
  ['cut in the middle of replies', async (proxy) => {
    for (let round = 0; round < (FULL ? 60 : 8); round++) { proxy.cutAfter(3000 + round * 977); await sleep(100) }
    proxy.cutAfter(undefined)
    proxy.cut()
  }],
  ['every third reply 600 ms late', async (proxy) => {
    proxy.delay((chunk) => chunk % 3 === 0 ? 600 : 0)
    await spell(1500)
    proxy.delay(undefined)
  }]
]

export const sasl = (servers: readonly Memcached[]) => ({ CACHE_MEMCACHED_USERNAME: USER, CACHE_MEMCACHED_PASSWORD: PASSWORD, CACHE_MEMCACHED_SERVERS: servers.map(({ server }) => server) })
