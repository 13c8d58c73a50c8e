// `npm run soak -- [--seconds 600] [--store simple|redis] [--seed n] [--snapshots] [--write-docs]`: mixed load for a long time. It
// passes when memory is flat, no reply was wrong, and no flight was left unsettled.
import { Agent } from 'node:http'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { results } from './lib/paths.mjs'
import { writeSoak } from './lib/docs.mjs'
import { startChild, startRedis } from './lib/processes.mjs'
import { circumstances } from './lib/report.mjs'
import { mix, play } from './soak/mix.mjs'
import { growth, level } from './soak/trend.mjs'

const WORKERS = 32
const SAMPLES = 60
const MEGABYTE = 2 ** 20

/**
 * Most growth over the second half: a share of the level, and never less than `least` bytes. Bodies move from the heap to
 * Buffers outside of it at their first hit: only the sum says something.
 */
const bounds = {
  held: { title: 'heap and external memory', share: 0.05, least: 4 * MEGABYTE, of: ({ heapUsed, external }) => heapUsed + external },
  rss: { title: 'resident memory', share: 0.10, least: 16 * MEGABYTE, of: ({ rss }) => rss }
}

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '600' },
    store: { type: 'string', default: 'simple' },
    seed: { type: 'string', default: '1' },
    snapshots: { type: 'boolean', default: false },
    'write-docs': { type: 'boolean', default: false }
  }
})
const seconds = Number(values.seconds)
if (!(seconds >= 1) || !['simple', 'redis'].includes(values.store)) throw new Error('soak: --seconds takes a number of at least 1, --store simple or redis')

const stores = {
  simple: () => ({ CACHE_TYPE: 'SimpleCache', CACHE_THRESHOLD: 5_000 }),
  // The bound on operations is for servers that are down; past it purges are refused, on a busy machine too.
  redis: ({ port }) => ({ CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: '127.0.0.1', CACHE_REDIS_PORT: port, CACHE_KEY_PREFIX: 'soak_', CACHE_OPERATION_TIMEOUT: 10, CACHE_LOCAL: { timeout: 10, threshold: 5_000 } })
}

const mebibytes = (bytes) => `${(bytes / MEGABYTE).toFixed(1)} MiB`

function line (sample) {
  const { at, requests, heapUsed, external, rss, flights, stats } = sample
  return `${at.toFixed(0).padStart(5)} s  ${String(requests).padStart(9)} requests  heap ${mebibytes(heapUsed).padStart(10)}  external ${mebibytes(external).padStart(10)}  rss ${mebibytes(rss).padStart(10)}  entries ${stats.entries ?? '–'}  flights ${flights}`
}

function judge (samples, faults) {
  const trends = Object.values(bounds).map(({ title, share, least, of }) => {
    const series = samples.map(of)
    const most = Math.max(least, share * level(series))
    return { name: `growth of ${title} over the second half`, grew: growth(series), most, level: level(series), passed: growth(series) <= most }
  })
  const unsettled = samples.at(-1).flights
  return [
    ...trends,
    { name: 'flights unsettled at the end', grew: unsettled, most: 0, passed: unsettled === 0 },
    { name: 'wrong replies', grew: faults.length, most: 0, passed: faults.length === 0 }
  ]
}

function verdictText ({ name, grew, most, level, passed }) {
  const number = (value) => level === undefined ? String(value) : mebibytes(value)
  return `${passed ? 'passed' : 'FAILED'}  ${name}: ${number(grew)} (at most ${number(most)}${level === undefined ? '' : `, level ${mebibytes(level)}`})`
}

async function soak (server) {
  const agent = new Agent({ keepAlive: true, maxSockets: WORKERS })
  const next = mix(Number(values.seed))
  const samples = []
  const faults = []
  const start = performance.now()
  const elapsed = () => (performance.now() - start) / 1000
  let requests = 0
  try {
    for (let sample = 1; sample <= SAMPLES; sample++) {
      const until = seconds * sample / SAMPLES
      const played = await play({ port: server.port, agent, next, workers: WORKERS, going: () => elapsed() < until })
      requests += played.requests
      faults.push(...played.faults)
      samples.push({ at: elapsed(), requests, ...await server.ask('sample') })
      if (sample % Math.ceil(SAMPLES / 20) === 0) console.log(line(samples.at(-1)))
      if (values.snapshots && (sample === SAMPLES >> 1 || sample === SAMPLES)) console.log(await server.ask('snapshot'))
    }
    await server.ask('close')
    return { samples, faults, requests }
  } finally {
    agent.destroy()
  }
}

async function main () {
  const about = circumstances({ seconds, store: values.store, seed: values.seed })
  const title = `soak: ${values.store}, ${seconds} s, ${WORKERS} clients, Node ${about.node}, ${about.cpu}, ${about.date.slice(0, 10)}`
  console.log(title)
  const redis = values.store === 'redis' ? await startRedis() : undefined
  const server = await startChild('server', 'soak/server.mjs', { options: stores[values.store](redis ?? {}) }, ['--expose-gc'])
  try {
    const { samples, faults, requests } = await soak(server)
    const verdicts = judge(samples, faults)
    const { stats } = samples.at(-1)
    const text = [title, ...samples.map(line), '', `${requests} requests; ${JSON.stringify(stats)}`, ...faults, ...verdicts.map(verdictText)].join('\n') + '\n'
    mkdirSync(results, { recursive: true })
    writeFileSync(join(results, `soak-${values.store}.json`), JSON.stringify({ about, requests, faults, verdicts, samples }, null, 2) + '\n')
    writeFileSync(join(results, `soak-${values.store}.txt`), text)
    if (values['write-docs']) {
      const command = ['npm run soak', ...process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : []].join(' ')
      writeSoak(`soak-${values.store}`, { about, command, requests, verdicts })
    }
    console.log(text.slice(text.indexOf('\n\n') + 1))
    if (verdicts.some(({ passed }) => !passed)) process.exitCode = 1
  } finally {
    await server.stop()
    await redis?.stop()
  }
}

await main()
