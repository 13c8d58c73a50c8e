// What was measured, as text, JSON and a chart.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { cpus, loadavg, platform, totalmem } from 'node:os'
import { join } from 'node:path'
import { pinned } from './processes.mjs'
import { bench, results } from './paths.mjs'

export function circumstances (options) {
  return {
    date: new Date().toISOString(),
    node: process.version,
    cpu: cpus()[0]?.model,
    cpus: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: platform(),
    loadBefore: loadavg()[0],
    pinned,
    versions: versions(),
    ...options
  }
}

/** Of what is measured against, as installed. */
function versions () {
  const { dependencies } = JSON.parse(readFileSync(join(bench, 'package.json'), 'utf8'))
  const of = (file) => {
    try {
      return JSON.parse(readFileSync(file, 'utf8')).version
    } catch {
      return undefined
    }
  }
  const names = Object.keys(dependencies).filter((name) => !['reflect-metadata', 'rxjs'].includes(name))
  const installed = names.map((name) => [name, of(join(bench, 'node_modules', name, 'package.json'))])
  const redis = spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout?.match(/v=(\S+)/)?.[1]
  return Object.fromEntries([['fastify-cached', of(join(bench, '../package.json'))], ...installed, ['ioredis', of(join(bench, '../node_modules/ioredis/package.json'))], ['redis-server', redis]].filter(([, version]) => version !== undefined))
}

export function subtitle (about) {
  return `${about.date.slice(0, 10)}, Node ${about.node}, ${about.cpus} × ${about.cpu}, ${about.rounds} rounds of ${about.seconds} s${about.pinned ? ', pinned' : ''}, load before ${about.loadBefore.toFixed(1)}`
}

export const cell = (number, digits) => Number.isFinite(number) ? number.toFixed(digits) : '–'

function table (head, rows) {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)))
  const line = (row) => row.map((text, column) => column === 0 ? text.padEnd(widths[column]) : text.padStart(widths[column])).join('  ').trimEnd()
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n')
}

/** A group as a head and rows of text. */
export function groupCells ({ unit, rows }) {
  const redis = rows.some(({ redisCpu }) => Number.isFinite(redisCpu))
  const head = unit === undefined ? ['', 'req/s', 'CPU µs/req', ...redis ? ['Redis µs/req'] : [], 'p50 ms', 'p99 ms', 'ratio'] : ['', unit, 'ratio']
  const cells = rows.map((row) => row.fault !== undefined
    ? [row.title, ...head.slice(1).map(() => '–')]
    : [row.title, ...unit === undefined
        ? [cell(row.requestsPerSecond, 0), cell(row.cpu, 1), ...redis ? [cell(row.redisCpu, 1)] : [], cell(row.p50, 2), cell(row.p99, 2)]
        : [cell(row.cpu, row.cpu < 100 ? 1 : 0)], cell(row.ratio, 3)])
  return { head, cells }
}

const faults = (rows) => rows.filter(({ fault }) => fault !== undefined).map((row) => `  ${row.title}: ${row.fault}`)

export function groupText (group) {
  const { head, cells } = groupCells(group)
  return [`\n${group.title}`, table(head, cells), ...faults(group.rows)].join('\n')
}

const digits = (number) => number >= 100 ? 0 : 3

export function targetCells (verdicts) {
  const head = ['target', 'limit', 'measured', 'A/A control', '']
  return { head, cells: verdicts.map(({ name, limit, measured, control, met }) => [name, limit, cell(measured, digits(measured)), cell(control ?? NaN, 3), met ? 'met' : 'MISSED']) }
}

export function targetsText (verdicts) {
  if (verdicts.length === 0) return ''
  const { head, cells } = targetCells(verdicts)
  return `\nTargets: ${verdicts.filter(({ met }) => met).length} of ${verdicts.length} met\n${table(head, cells)}`
}

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** Bars of CPU time, shorter is better; the reference is the grey one. */
export function chart (groups, verdicts, title) {
  const lines = []
  let y = 58
  for (const { title, unit = 'CPU µs a request', rows } of groups) {
    const shown = rows.filter(({ fault }) => fault === undefined)
    const most = Math.max(...shown.map(({ cpu }) => cpu), 1e-9)
    lines.push(`<text x="20" y="${y}" font-weight="bold">${escape(title)} (${escape(unit)})</text>`)
    y += 12
    for (const [index, row] of shown.entries()) {
      const width = (row.cpu / most * 360).toFixed(1)
      lines.push(`<text x="350" y="${y + 13}" text-anchor="end">${escape(row.title)}</text>` +
        `<rect x="360" y="${y}" width="${width}" height="17" rx="2" fill="${index === 0 ? '#8a8f98' : row.title.startsWith('fastify-cached') ? '#1f7a4d' : '#7aa7d9'}"/>` +
        `<text x="${366 + Number(width)}" y="${y + 13}">${cell(row.cpu, 1)} (${cell(row.ratio, 2)})</text>`)
      y += 22
    }
    y += 22
  }
  if (verdicts.length > 0) lines.push(`<text x="20" y="${y}" font-weight="bold">Targets</text>`)
  for (const { name, limit, measured, control, met } of verdicts) {
    y += 20
    lines.push(`<text x="490" y="${y}" text-anchor="end">${escape(name)}</text><text x="500" y="${y}">${escape(limit)}</text>` +
      `<text x="570" y="${y}">${cell(measured, digits(measured))}</text><text x="640" y="${y}" fill="#666">A/A ${cell(control ?? NaN, 3)}</text>` +
      `<text x="730" y="${y}" font-weight="bold" fill="${met ? '#1f7a4d' : '#b3261e'}">${met ? 'met' : 'missed'}</text>`)
  }
  y += 30
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 840 ${y}" font-family="system-ui, sans-serif" font-size="12" fill="#222">
<rect width="840" height="${y}" fill="#fff"/>
<text x="20" y="26" font-size="16" font-weight="bold">fastify-cached, side by side: shorter is better</text>
<text x="20" y="42" fill="#666">${escape(title)}</text>
${lines.join('\n')}
</svg>
`
}

/** @param name of the files, without an ending */
export function write (name, { about, groups, verdicts }) {
  mkdirSync(results, { recursive: true })
  const text = `${subtitle(about)}\n${groups.map(groupText).join('\n')}\n${targetsText(verdicts)}\n`
  writeFileSync(join(results, `${name}.txt`), text)
  writeFileSync(join(results, `${name}.json`), JSON.stringify({ about, targets: verdicts, groups }, null, 2) + '\n')
  writeFileSync(join(results, `${name}.svg`), chart(groups, verdicts, subtitle(about)))
  return join(results, `${name}.txt`)
}
