/**
 * Reads through the store against stock memjs, paired in one run: `node bench/memcached.ts` (Node 22.18 and later).
 * Slices of both take turns, so that what else the machine does
 * meets both; the medians of the slices are compared.
 */
import memjs from 'memjs'
import { memcachedStore } from '../lib/stores/memcached/index.ts'
import { startMemcached } from '../test/helpers/memcached.ts'

const SLICES = Number(process.env['SLICES'] ?? 15)
const READS = Number(process.env['READS'] ?? 4000)
const KEYS = 1000

const server = await startMemcached()
const value = Buffer.alloc(2000, 'x')
const stock = memjs.Client.create(server.server)
const store = await memcachedStore({ kind: 'plain', servers: [server.server], operationTimeout: 500, prefix: 'bench_', options: {}, log: { warn: console.warn, info: console.info } })
const keys = Array.from({ length: KEYS }, (_, i) => `bench_${i}`)
for (const key of keys) {
  await store.set(key, value)
  await stock.set(key, value, {})
}

const RIVALS: Record<string, (key: string) => Promise<unknown>> = {
  'stock memjs get': async (key) => await stock.get(key),
  'store get': async (key) => await store.get(key)
}

async function slice (read: (key: string) => Promise<unknown>, atOnce: number): Promise<number> {
  const reads = atOnce === 1 ? READS / 8 : READS
  let next = 0
  const start = performance.now()
  await Promise.all(Array.from({ length: atOnce }, async () => {
    while (next < reads) await read(keys[next++ % KEYS] as string)
  }))
  return reads / (performance.now() - start) * 1000
}

const median = (numbers: number[]) => numbers.sort((a, b) => a - b)[numbers.length >> 1] as number

for (const atOnce of [1, 10, 100]) {
  const rates = new Map(Object.keys(RIVALS).map((name) => [name, [] as number[]]))
  for (let round = 0; round <= SLICES; round++) {
    for (const [name, read] of Object.entries(RIVALS)) {
      const rate = await slice(read, atOnce)
      if (round > 0) rates.get(name)?.push(rate)
    }
  }
  const medians = [...rates].map(([name, list]) => [name, median(list)] as const)
  const base = medians[0]?.[1] as number
  for (const [name, rate] of medians) console.log(`${String(atOnce).padStart(4)} at once  ${name.padEnd(16)} ${Math.round(rate).toString().padStart(7)}/s  ${(rate / base).toFixed(2)}`)
}
const many = performance.now()
for (let i = 0; i < 50; i++) await store.getMany(keys.slice(0, 100))
console.log(`getMany of 100: ${Math.round(5000 / (performance.now() - many) * 1000)} keys/s`)
await store.close()
stock.close()
await server.stop()
