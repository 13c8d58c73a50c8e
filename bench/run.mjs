// `npm run bench -- [--only name,…] [--rounds n] [--seconds n] [--profile] [--write-docs]`
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { groups } from './groups.mjs'
import { functionGroups, measureFunctions } from './functions/measure.mjs'
import { measureGroup } from './lib/measure.mjs'
import { crowdGroups, measureCrowds } from './lib/stampede.mjs'
import { measureStores, storeGroups } from './stores/measure.mjs'
import { circumstances, groupText, subtitle, targetsText, write } from './lib/report.mjs'
import { writeFigures } from './lib/docs.mjs'
import { judge } from './targets.mjs'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    profile: { type: 'boolean', default: false },
    'write-docs': { type: 'boolean', default: false },
    help: { type: 'boolean', default: false }
  }
})

const usage = `npm run bench -- [options]
  --only a,b     groups or contenders by name; a group's reference always runs
                 groups: ${[...groups, ...functionGroups, ...crowdGroups, ...storeGroups].map(({ name }) => name).join(', ')}
  --rounds 5     how often each contender is measured
  --seconds 2    how long each time
  --profile      also write CPU profiles to bench/results/profiles
  --write-docs   write the tables into docs/performance.md, and bench/results/reference.{txt,json,svg}`

function number (name) {
  const value = Number(values[name])
  if (!(value > 0)) throw new Error(`--${name} takes a number above 0; got ${values[name]}`)
  return value
}

const wanted = values.only?.split(',')
const chosen = (group) => (contender) => wanted === undefined || wanted.includes(group.name) || wanted.includes(contender.name) || contender === group.contenders[0]

/** The groups asked for, each with its reference and what was named. */
function select (all) {
  return all
    .filter((group) => wanted === undefined || wanted.includes(group.name) || group.contenders.some(({ name }) => wanted.includes(name)))
    .map((group) => ({ ...group, contenders: group.contenders.filter(chosen(group)) }))
}

async function measure ({ http, functions, crowds, stores }, options) {
  const measured = []
  const done = ({ name, title, unit }, rows) => {
    measured.push({ name, title, unit, rows })
    console.log(groupText(measured.at(-1)))
  }
  for (const group of http) done(group, await measureGroup(group, options))
  for (const group of functions) done(group, await measureFunctions(group, { rounds: options.rounds, calls: Math.round(options.seconds * 50_000), only: () => true }))
  for (const group of crowds) done(group, await measureCrowds(group, options))
  for (const group of stores) done(group, await measureStores(group, { rounds: Math.min(options.rounds, 3) }))
  return measured
}

/** Our contenders and the references: of the others, one that cannot run here is only named. */
const mustRun = ({ title }, index) => index === 0 || title.startsWith('fastify-cached')

async function main () {
  if (values.help) return console.log(usage)
  const options = { rounds: number('rounds'), seconds: number('seconds'), profile: values.profile }
  const chosen = { http: select(groups), functions: select(functionGroups), crowds: select(crowdGroups), stores: select(storeGroups) }
  if (Object.values(chosen).every((list) => list.length === 0)) throw new Error(`nothing is called ${values.only}\n\n${usage}`)
  const about = circumstances({ ...options, command: ['npm run bench', ...process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : []].join(' ') })
  console.log(`${subtitle(about)}; ratio: CPU against the first line, median of the rounds`)

  const start = performance.now()
  const measured = await measure(chosen, options)
  Object.assign(about, { minutes: (performance.now() - start) / 60_000, loadAfter: loadavg()[0] })
  const run = { about, groups: measured, verdicts: judge(measured) }
  console.log(targetsText(run.verdicts))
  console.log(`\n${about.minutes.toFixed(1)} minutes; written to ${write('latest', run)}`)
  if (values['write-docs']) {
    write('reference', run)
    writeFigures(run)
  }
  if (measured.some(({ rows }) => rows.some((row, index) => row.fault !== undefined && mustRun(row, index)))) process.exitCode = 1
}

await main()
