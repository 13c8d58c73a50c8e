// `npm run bench -- [--only name,…] [--rounds n] [--seconds n] [--profile]`
import { parseArgs } from 'node:util'
import { groups } from './groups.mjs'
import { functionGroups, measureFunctions } from './functions/measure.mjs'
import { measureGroup } from './lib/measure.mjs'
import { crowdGroups, measureCrowds } from './lib/stampede.mjs'
import { measureStores, storeGroups } from './stores/measure.mjs'
import { circumstances, groupText, write } from './lib/report.mjs'

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    profile: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false }
  }
})

const usage = `npm run bench -- [options]
  --only a,b     groups or contenders by name; a group's reference always runs
                 groups: ${[...groups, ...functionGroups, ...crowdGroups, ...storeGroups].map(({ name }) => name).join(', ')}
  --rounds 5     how often each contender is measured
  --seconds 2    how long each time
  --profile      also write CPU profiles to bench/results/profiles`

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

async function main () {
  if (values.help) return console.log(usage)
  const options = { rounds: number('rounds'), seconds: number('seconds'), profile: values.profile }
  const [http, functions, crowds, stores] = [select(groups), select(functionGroups), select(crowdGroups), select(storeGroups)]
  if ([http, functions, crowds, stores].every((list) => list.length === 0)) throw new Error(`nothing is called ${values.only}\n\n${usage}`)
  const about = circumstances(options)
  console.log(`Node ${about.node}, ${about.cpu}, ${options.rounds} rounds of ${options.seconds} s; ratio: CPU against the first line, median of the rounds`)

  const measured = []
  const done = ({ name, title, unit }, rows) => {
    measured.push({ name, title, unit, rows })
    console.log(groupText(measured.at(-1)))
  }
  for (const group of http) done(group, await measureGroup(group, options))
  for (const group of functions) done(group, await measureFunctions(group, { rounds: options.rounds, calls: Math.round(options.seconds * 50_000), only: () => true }))
  for (const group of crowds) done(group, await measureCrowds(group, options))
  for (const group of stores) done(group, await measureStores(group, { rounds: Math.min(options.rounds, 3) }))

  console.log(`\nwritten to ${write(measured, about)}`)
  // A contender of others that cannot run here is named above; one of ours that did not earn its number is a failure.
  if (measured.some(({ rows }) => rows.some(({ title, fault }, index) => fault !== undefined && (index === 0 || title.startsWith('fastify-cached'))))) process.exitCode = 1
}

await main()
