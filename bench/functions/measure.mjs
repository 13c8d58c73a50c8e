// Calls of a cached function, in this process: every contender in turn, round after round, ns of CPU a call.
import { isDeepStrictEqual } from 'node:util'
import { median, medianRatio } from '../lib/statistics.mjs'
import { contenders } from './contenders.mjs'

export const functionGroups = [
  { name: 'function-string', title: 'A memoized call, string argument, string result', argument: 'alice', result: 'Alice of Wonderland' },
  { name: 'function-string-object', title: 'A memoized call, string argument, object result', argument: 'alice', result: { id: 7, name: 'Alice', tags: ['a', 'b'] } },
  { name: 'function-object', title: 'A memoized call, object argument, object result', argument: { name: 'alice', page: 2 }, result: { id: 7, name: 'Alice', tags: ['a', 'b'] } }
].map((group) => ({ ...group, unit: 'CPU ns a call', contenders }))

async function prepare (contender, { argument, result }) {
  const one = { contender, closers: [], runs: 0, rounds: [], fault: undefined, call: undefined, isolates: undefined }
  const work = async function work () {
    one.runs++
    return structuredClone(result)
  }
  try {
    one.call = await contender.make(work, (closer) => one.closers.push(closer))
    if (!isDeepStrictEqual(await one.call(argument), result)) one.fault = 'gave another result'
    one.isolates = await isolates(one.call, argument, result)
    if (!isDeepStrictEqual(await one.call(argument), result)) one.fault = 'gave another result'
    if (one.runs !== 1) one.fault = `ran ${one.runs} times for several calls: not from its cache`
  } catch (error) {
    one.fault = `could not be started: ${error.message}`
  }
  return one
}

/** Does a caller that changes an object which it was given leave the stored one alone? `undefined`: no object. */
async function isolates (call, argument, result) {
  if (typeof result !== 'object') return undefined
  const given = await call(argument)
  given.changed = true
  const changed = 'changed' in await call(argument)
  delete given.changed
  return !changed
}

async function slice (one, argument, calls) {
  const { call } = one
  const before = process.cpuUsage()
  for (let i = 0; i < calls; i++) await call(argument)
  const { user, system } = process.cpuUsage(before)
  one.rounds.push((user + system) * 1000 / calls)
  if (one.runs !== 1) one.fault = `ran ${one.runs} times: not from its cache`
}

export async function measureFunctions (group, { rounds, calls, only }) {
  const all = []
  for (const contender of group.contenders.filter(only)) all.push(await prepare(contender, group))
  for (let round = 0; round <= rounds; round++) { // round 0 warms up
    for (const one of all) {
      if (one.fault === undefined) await slice(one, group.argument, calls)
      if (round === 0) one.rounds.length = 0
    }
  }
  for (const { closers } of all) for (const close of closers) await close()
  return all.map(({ contender, rounds, fault, isolates }) => ({
    name: contender.name, title: isolates ? `${contender.title} (isolates values)` : contender.title, isolates, fault, cpu: median(rounds), ratio: medianRatio(rounds, all[0].rounds), rounds
  }))
}
