// The tables of docs/performance.md, written between its markers.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bench } from './paths.mjs'
import { cell, groupCells, targetCells } from './report.mjs'

const page = join(bench, '../docs/performance.md')
const start = (name) => `<!-- ${name}: written by the bench -->`
const end = (name) => `<!-- end of ${name} -->`

function replace (name, text) {
  const before = readFileSync(page, 'utf8')
  const [from, to] = [before.indexOf(start(name)), before.indexOf(end(name))]
  if (from === -1 || to < from) throw new Error(`docs/performance.md has no '${start(name)}' followed by '${end(name)}'`)
  writeFileSync(page, `${before.slice(0, from)}${start(name)}\n\n${text.trim()}\n\n${before.slice(to)}`)
}

const row = (cells) => `| ${cells.map((text) => text.replaceAll('|', '\\|')).join(' | ')} |`

/** The first column is words, all others numbers. */
function table ({ head, cells }) {
  return [row(head), `|${head.map((_, column) => column === 0 ? '---' : '--:').join('|')}|`, ...cells.map(row)].join('\n')
}

const ours = ([title, ...others]) => [/^fastify-cached/.test(title) ? `**${title}**` : title, ...others]
const groupTable = (group) => {
  const { head, cells } = groupCells(group)
  return `### ${group.title}\n\n${table({ head, cells: cells.map(ours) })}`
}

function machine ({ date, node, cpu, cpus, memoryGiB, system, pinned, loadBefore, loadAfter, minutes, versions, command }) {
  const rows = [
    ['date', date.slice(0, 10)],
    ['command', `\`${command}\``],
    ['took', `${minutes.toFixed(0)} minutes`],
    ['machine', `${cpus} × ${cpu}, ${memoryGiB} GiB, ${system}`],
    ['load average before and after', `${cell(loadBefore, 1)}, ${cell(loadAfter, 1)}`],
    ['processes pinned to a CPU each', pinned ? 'yes' : 'no'],
    ['Node.js', node],
    ['versions', Object.entries(versions).map(([name, version]) => `${name} ${version}`).join(', ')]
  ]
  return table({ head: ['', ''], cells: rows }).replace('|--:|', '|---|')
}

export function writeFigures ({ about, groups, verdicts }) {
  const met = verdicts.filter((verdict) => verdict.met).length
  replace('figures', [
    machine(about),
    `### Targets\n\n${met} of ${verdicts.length} met. Measured: the median of the rounds' ratios (bytes where it says bytes); control: the reference against itself.\n\n${table(targetCells(verdicts))}`,
    ...groups.map(groupTable)
  ].join('\n\n'))
}

export function writeSoak (name, { about, command, requests, verdicts }) {
  const mebibytes = (bytes) => `${cell(bytes / 2 ** 20, 1)} MiB`
  const cells = verdicts.map(({ name, grew, most, level, passed }) => level === undefined
    ? [name, String(grew), String(most), '', passed ? 'passed' : 'FAILED']
    : [name, mebibytes(grew), mebibytes(most), mebibytes(level), passed ? 'passed' : 'FAILED'])
  replace(name, `${about.date.slice(0, 10)}, \`${command}\`, ${about.cpus} × ${about.cpu}, Node.js ${about.node}: ${requests.toLocaleString('en-US')} requests in ${about.seconds} seconds.\n\n` +
    table({ head: ['', 'measured', 'at most', 'level', ''], cells }))
}
