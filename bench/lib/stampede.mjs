// A thousand requests for one cold key at once: how often the handler runs, and how long the slowest wait.
import { contenderFile as file } from './paths.mjs'
import { median, medianRatio } from './statistics.mjs'
import { startLoad, startServer } from './processes.mjs'

const CROWD = 1000
const contenders = [
  { name: 'crowd-uncached', title: 'Fastify without a cache, 20 ms handler', file: file('fastify'), options: { delay: 20 }, runs: CROWD },
  { name: 'crowd-control', title: 'the same again (A/A control)', file: file('fastify'), options: { delay: 20 }, runs: CROWD },
  { name: 'crowd-cached', title: 'fastify-cached, SimpleCache', file: file('cached'), options: { delay: 20, plugin: { CACHE_TYPE: 'SimpleCache' } }, runs: 1 }
]

export const crowdGroups = [{ name: 'stampede', title: 'A thousand cold requests at once', unit: 'p99 ms', contenders }]

export async function measureCrowds (group, { rounds }) {
  const all = group.contenders.map((contender) => ({ contender, rounds: [], runs: [], fault: undefined }))
  for (let round = 0; round < rounds; round++) {
    for (const one of all) await crowd(one)
  }
  return all.map(({ contender, rounds, runs, fault }) => ({
    name: contender.name, title: contender.title, fault, cpu: median(rounds), ratio: medianRatio(rounds, all[0].rounds), rounds, runs
  }))
}

async function crowd (one) {
  const server = await startServer(one.contender)
  const load = await startLoad()
  try {
    const seen = await load.run({ port: server.port, load: 'hot', connections: CROWD, milliseconds: 0 })
    const { runs } = await server.mark()
    one.rounds.push(seen.p99)
    one.runs.push(runs)
    if (seen.wrong > 0 || seen.errors.length > 0) one.fault = `${seen.wrong} wrong replies, ${seen.errors.join(', ')}`
    else if (runs !== one.contender.runs) one.fault = `its handler ran ${runs} times for ${seen.count} requests`
  } finally {
    await Promise.all([server.stop(), load.stop()])
  }
}
