import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { MemcachedStore } from '../../../lib/stores/memcached/index.ts'
import { eventually, openStore, startMemcacheds } from '../../helpers/memcached.ts'
import type { Memcached } from '../../helpers/memcached.ts'
import { startProxy } from '../../helpers/memcached-proxy.ts'

/** `OUTAGES=full`: 10,000 requests during each and 10,000 after it, and the table that the documentation shows. */
const FULL = process.env['OUTAGES'] === 'full'
const REQUESTS = FULL ? 10_000 : 600
const AT_ONCE = 50
const DEADLINE = FULL ? 500 : 200

interface Row { outage: string, requests: number, hits: number, misses: number, failed: number, wrong: number, 'slowest ms': number, recovered: boolean }
const table: Row[] = []

const valueOf = (key: string, size = 500) => Buffer.alloc(size, `value of ${key};`)

interface Scenario {
  readonly name: string
  readonly count?: number
  readonly args?: readonly string[]
  /** What happens while requests run; given how many have been made. */
  during (servers: readonly Memcached[], progress: () => number): Promise<void>
  readonly before?: (servers: readonly Memcached[]) => Promise<void>
  readonly size?: number
  readonly proxied?: boolean
}

const until = async (progress: () => number, share: number) => { while (progress() < share * REQUESTS) await sleep(2) }

const SCENARIOS: Scenario[] = [
  { name: 'down at start', before: async ([server]) => { await server?.kill() }, async during ([server], progress) { await until(progress, 0.5); await server?.restart() } },
  { name: 'killed under load, restarted', async during ([server], progress) { await until(progress, 0.3); await server?.kill(); await until(progress, 0.6); await server?.restart() } },
  { name: 'frozen, goes on', async during ([server], progress) { await until(progress, 0.3); server?.freeze(); await until(progress, 0.6); await sleep(DEADLINE); server?.thaw() } },
  { name: 'cut in the middle of replies', proxied: true, during: async () => {} },
  { name: 'full (evictions)', args: ['-m', '2'], size: 20_000, during: async () => {} },
  { name: 'one of three dead', count: 3, async during ([server], progress) { await until(progress, 0.3); await server?.kill() } },
  { name: 'one of three frozen', count: 3, async during ([server], progress) { await until(progress, 0.3); server?.freeze(); await until(progress, 0.8); server?.thaw() } }
]

/** Reads and fills as a cache does: a failed read is a miss, a failed write is nothing. */
async function requestsOf (store: MemcachedStore, row: Row, size: number, count: number): Promise<void> {
  let next = 0
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    while (next++ < count) {
      const key = `test_${Math.floor(Math.random() * 200)}`
      const start = performance.now()
      const value = await store.get(key).catch(() => { row.failed++; return undefined })
      row['slowest ms'] = Math.max(row['slowest ms'], performance.now() - start)
      if (value === undefined) {
        row.misses++
        // The work that a miss costs: without it all requests would be over before the outage is.
        await sleep(5)
        await store.set(key, valueOf(key, size), 60_000).catch(() => {})
      } else if (value.equals(valueOf(key, size))) row.hits++
      else row.wrong++
      row.requests++
      if (row.requests % 20 === 0) await sleep(1)
    }
  }))
}

for (const scenario of SCENARIOS) {
  await t.test(scenario.name, async (t) => {
    const servers = await startMemcacheds(scenario.count ?? 1, { args: scenario.args ?? [] })
    const [first] = servers as [Memcached]
    const proxy = scenario.proxied === true ? await startProxy(first) : undefined
    t.teardown(async () => { await proxy?.close(); await Promise.all(servers.map(async (server) => await server.stop())) })
    let turn = 0
    if (proxy !== undefined) proxy.script = (frames) => ++turn % 40 === 0 ? [Buffer.concat(frames).subarray(0, -7), 'cut'] : undefined
    await scenario.before?.(servers)
    const { store } = await openStore(proxy === undefined ? servers : [proxy.server], { operationTimeout: DEADLINE })
    const row: Row = { outage: scenario.name, requests: 0, hits: 0, misses: 0, failed: 0, wrong: 0, 'slowest ms': 0, recovered: false }
    table.push(row)
    await Promise.all([requestsOf(store, row, scenario.size ?? 500, REQUESTS), scenario.during(servers, () => row.requests)])
    for (const server of servers) server.thaw()
    if (proxy !== undefined) proxy.script = undefined
    if (scenario.name !== 'one of three dead') {
      const probes = Array.from({ length: 20 }, (_, i) => `test_after_${i}`)
      await eventually(async () => {
        const written = await Promise.all(probes.map(async (key) => await store.set(key, valueOf(key)).catch(() => false)))
        return !written.includes(false)
      })
    }
    row.recovered = true
    await requestsOf(store, row, scenario.size ?? 500, REQUESTS)
    row['slowest ms'] = Math.round(row['slowest ms'])
    t.equal(row.requests, 2 * REQUESTS, 'half of them when it is over')
    t.equal(row.wrong, 0)
    t.ok(row.hits > 0)
    // That no request waits for a server is shown by those that go on while it is frozen; this is for what hangs.
    t.ok(row['slowest ms'] < 15_000, `slowest: ${row['slowest ms']} ms`)
    if (servers.length > 1) t.ok(row.hits > REQUESTS / 2, 'the other servers go on')
    await store.close()
  })
}

t.comment(Object.keys(table[0] ?? {}).join(' | '))
for (const row of table) t.comment(Object.values(row).join(' | '))
