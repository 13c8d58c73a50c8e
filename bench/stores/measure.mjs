// What entries cost: each measurement in a process of its own, in turn, round after round.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { bench } from '../lib/paths.mjs'
import { median, medianRatio } from '../lib/statistics.mjs'

const run = promisify(execFile)
const text = (count) => count.toLocaleString('en-US')
const gets = (entries) => [
  { name: `map-${entries}`, title: `a Map, ${text(entries)} entries`, kind: 'map', entries, calls: 200_000 },
  { name: `get-${entries}`, title: `fastify-cached, cache.get, ${text(entries)} entries`, kind: 'get', entries, calls: 200_000 }
]
/** The first again, second. */
const controlled = ([first, ...others]) => [first, { ...first, name: first.name.replace(/-(?=\d+$)/, '-control-'), title: 'the same again (A/A control)' }, ...others]
const files = (kind) => controlled([1_000, 100_000].map((entries) => ({
  name: `${kind}-${entries}`, title: `fastify-cached, ${kind === 'file-set' ? 'set' : 'get'}, ${text(entries)} entries`, kind, entries, calls: 3_000
})))

/** The first of a group is the reference. */
export const storeGroups = [
  { name: 'get-cost', title: 'A value in memory, by how many there are', unit: 'CPU ns a call', contenders: controlled([1_000, 10_000, 100_000, 1_000_000].flatMap(gets)) },
  {
    name: 'memory-cost',
    title: 'Memory of an entry over key and payload',
    unit: 'bytes',
    contenders: [
      { name: 'value-bytes', title: 'fastify-cached, a value', kind: 'value-bytes', entries: 100_000, calls: 1 },
      { name: 'reply-bytes', title: 'fastify-cached, a stored reply', kind: 'reply-bytes', entries: 100_000, calls: 1 }
    ]
  },
  { name: 'file-set', title: 'FileSystemCache, set', unit: 'CPU ns a call', contenders: files('file-set') },
  { name: 'file-get', title: 'FileSystemCache, get', unit: 'CPU ns a call', contenders: files('file-get') }
]

export async function measureStores ({ contenders }, { rounds }) {
  const all = contenders.map((contender) => ({ contender, rounds: [], fault: undefined }))
  for (let round = 0; round < rounds; round++) {
    for (const one of all) {
      if (one.fault !== undefined) continue
      const { kind, entries, calls } = one.contender
      try {
        const { stdout } = await run(process.execPath, ['--expose-gc', '--max-old-space-size=4096', join(bench, 'stores/child.mjs'), JSON.stringify({ kind, entries, calls })])
        one.rounds.push(JSON.parse(stdout))
      } catch (error) {
        one.fault = error.message.split('\n')[0]
      }
    }
  }
  return all.map(({ contender, rounds, fault }) => ({
    name: contender.name, title: contender.title, fault, cpu: median(rounds), ratio: medianRatio(rounds, all[0].rounds), rounds
  }))
}
