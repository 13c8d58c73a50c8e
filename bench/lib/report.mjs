// What was measured, as text, JSON and a chart.
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { pinned } from './processes.mjs'
import { results } from './paths.mjs'

export function circumstances (options) {
  return { date: new Date().toISOString(), node: process.version, cpu: cpus()[0]?.model, cpus: cpus().length, pinned, ...options }
}

const cell = (number, digits) => Number.isFinite(number) ? number.toFixed(digits) : '–'

function table (head, rows) {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)))
  const line = (row) => row.map((text, column) => column === 0 ? text.padEnd(widths[column]) : text.padStart(widths[column])).join('  ')
  return [line(head), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n')
}

export function groupText ({ title, unit, rows }) {
  const http = unit === undefined
  const head = http ? ['', 'req/s', 'CPU µs/req', 'p50 ms', 'p99 ms', 'ratio'] : ['', unit, 'ratio']
  const cells = rows.map((row) => row.fault !== undefined
    ? [row.title, ...head.slice(1).map(() => '–')]
    : [row.title, ...http ? [cell(row.requestsPerSecond, 0), cell(row.cpu, 1), cell(row.p50, 2), cell(row.p99, 2)] : [cell(row.cpu, 0)], cell(row.ratio, 3)])
  const faults = rows.filter(({ fault }) => fault !== undefined).map((row) => `  ${row.title}: ${row.fault}`)
  return [`\n${title}`, table(head, cells), ...faults].join('\n')
}

const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** Bars of CPU time, shorter is better; the reference is the grey one. */
export function chart (groups, subtitle) {
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
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 840 ${y}" font-family="system-ui, sans-serif" font-size="12" fill="#222">
<rect width="840" height="${y}" fill="#fff"/>
<text x="20" y="26" font-size="16" font-weight="bold">fastify-cached, side by side: shorter is better</text>
<text x="20" y="42" fill="#666">${escape(subtitle)}</text>
${lines.join('\n')}
</svg>
`
}

export function write (groups, about) {
  mkdirSync(results, { recursive: true })
  const subtitle = `${about.date.slice(0, 10)}, Node ${about.node}, ${about.cpu}, ${about.rounds} rounds of ${about.seconds} s${about.pinned ? ', pinned' : ''}`
  const text = `${subtitle}\n${groups.map(groupText).join('\n')}\n`
  writeFileSync(join(results, 'latest.txt'), text)
  writeFileSync(join(results, 'latest.json'), JSON.stringify({ about, groups }, null, 2) + '\n')
  writeFileSync(join(results, 'latest.svg'), chart(groups, subtitle))
  return results
}
