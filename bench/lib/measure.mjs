// One group of HTTP contenders: all started, warmed up, then measured in turn, round after round.
import { join } from 'node:path'
import { mkdirSync } from 'node:fs'
import { results } from './paths.mjs'
import { median, medianRatio } from './statistics.mjs'
import { startLoad, startRedis, startServer } from './processes.mjs'

const CONNECTIONS = 50
/** So many until the compiler has done its work; 2 ms each would take a minute: no longer than 5 s. */
const WARM_REQUESTS = 20_000

/** @returns one row for each contender, the reference first */
export async function measureGroup (group, { rounds, seconds, profile }) {
  const redis = group.redis ? await startRedis() : undefined
  const load = await startLoad()
  const running = []
  try {
    for (const contender of group.contenders) running.push(await startContender(contender, redis?.port, profile))
    for (const one of running) await warmUp(one, group.load, load)
    for (let round = 0; round < rounds; round++) {
      for (const one of running) await slice(one, group.load, load, seconds, redis)
    }
    return running.map((one) => row(one, running[0]))
  } finally {
    await Promise.all(running.map(({ server }) => server?.stop()))
    await load.stop()
    await redis?.stop()
  }
}

async function startContender (contender, redisPort, profile) {
  const one = { contender, server: undefined, slices: [], fault: undefined }
  if (profile) mkdirSync(join(results, 'profiles'), { recursive: true })
  const nodeArgs = profile ? ['--cpu-prof', `--cpu-prof-dir=${join(results, 'profiles')}`, `--cpu-prof-name=${contender.name}.cpuprofile`] : []
  try {
    one.server = await startServer(contender, redisPort, nodeArgs)
  } catch (error) {
    one.fault = `could not be started: ${error.message}`
  }
  return one
}

async function warmUp (one, kind, load) {
  if (one.fault !== undefined) return
  // The cold keys first, by one connection: each is stored once before many ask for it.
  if (kind.startsWith('keys:')) await load.run({ port: one.server.port, load: kind, connections: 1, milliseconds: 20_000, requests: Number(kind.slice(5)) })
  if (kind === 'hot') await load.run({ port: one.server.port, load: kind, connections: 1, milliseconds: 5_000, requests: 10 })
  await load.run({ port: one.server.port, load: kind, connections: CONNECTIONS, milliseconds: 5_000, requests: WARM_REQUESTS })
}

async function slice (one, kind, load, seconds, redis) {
  if (one.fault !== undefined) return
  const before = await one.server.mark()
  const redisBefore = redis?.cpu()
  const seen = await load.run({ port: one.server.port, load: kind, connections: CONNECTIONS, milliseconds: seconds * 1000 })
  const after = await one.server.mark()
  one.fault = fault(one.contender, seen, after.runs - before.runs)
  one.slices.push({
    requestsPerSecond: seen.count / seen.seconds,
    cpu: (after.cpu - before.cpu) / seen.count,
    p50: seen.p50,
    p99: seen.p99,
    rss: after.memory,
    ...redis === undefined ? {} : { redisCpu: (redis.cpu() - redisBefore) / seen.count }
  })
}

/** A number that was not earned is none: wrong bytes, faults, or a handler that ran when it should not have. */
function fault (contender, seen, runs) {
  if (seen.errors.length > 0) return seen.errors.join(', ')
  if (seen.wrong > 0) return `${seen.wrong} of ${seen.count} replies were wrong`
  if (contender.cached && runs > 0) return `its handler ran ${runs} times in ${seen.count} requests: not from its cache`
  if (contender.runs === 'every' && runs !== seen.count) return `its handler ran ${runs} times in ${seen.count} requests`
  return undefined
}

function row ({ contender, slices, fault }, reference) {
  const all = (field) => slices.map((slice) => slice[field])
  return {
    name: contender.name,
    title: contender.title,
    fault,
    requestsPerSecond: median(all('requestsPerSecond')),
    cpu: median(all('cpu')),
    p50: median(all('p50')),
    p99: median(all('p99')),
    rss: median(all('rss')),
    redisCpu: median(all('redisCpu').filter((value) => value !== undefined)),
    ratio: medianRatio(all('cpu'), reference.slices.map(({ cpu }) => cpu)),
    rounds: slices
  }
}
