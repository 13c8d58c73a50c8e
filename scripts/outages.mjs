// The long versions of the outage tests, with their tables: 10,000 requests across each outage.
import { spawn } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'

/** The tables, what failed, and how each case ended. */
const WORTH = /[│┌├└]|not ok|^ {4}ok |^ok |^# .*\|/

const root = join(import.meta.dirname, '..')
const files = process.argv.slice(2)
if (files.length === 0) {
  files.push(...readdirSync(join(root, 'test/outages')).filter((name) => name.endsWith('.test.ts')).map((name) => `test/outages/${name}`), 'test/stores/memcached/outages.test.ts')
}
const tap = join(root, 'node_modules/tap/dist/esm/run.mjs')
let failed = 0

// One after another: two at a time would measure each other.
for (const file of files) {
  console.log(`\n${file}`)
  failed += await run(file) === 0 ? 0 : 1
}
console.log(`\n${files.length - failed} files passed, ${failed} failed`)
process.exitCode = failed === 0 ? 0 : 1

function run (file) {
  return new Promise((resolve) => {
    const args = [tap, '--reporter=tap', '--disable-coverage', '--allow-empty-coverage', '--timeout=900', file]
    const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, OUTAGES: 'full' }, stdio: ['ignore', 'pipe', 'inherit'] })
    let rest = ''
    child.stdout.on('data', (data) => {
      const lines = (rest + data).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) if (WORTH.test(line)) console.log(line)
    })
    child.on('close', resolve)
  })
}
