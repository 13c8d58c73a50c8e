import t from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'

const script = join(import.meta.dirname, '../../scripts/example.mjs')

function run (args: string[], env: NodeJS.ProcessEnv = {}) {
  // What the test runner adds to its own children is not for this one.
  const { NODE_OPTIONS, TAP, ...rest } = process.env
  const child = spawn(process.execPath, [script, ...args], { env: { ...rest, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const result = { child, output: '' }
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { result.output += chunk })
  return result
}

t.test('the demo proves itself, also on a taken port, and ends with --once', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const demo = run(['demo', '--once'], { PORT: String(port) })
  const [code] = await once(demo.child, 'close')
  t.equal(code, 0, demo.output)
  t.match(demo.output, /first request .*HTTP 200 .*fwd=uri-miss; stored/)
  t.match(demo.output, /second request .*HTTP 200 .*; hit/)
  t.notMatch(demo.output, new RegExp(`serves on http://127\\.0\\.0\\.1:${port};`))
  t.equal(demo.output.match(/Fetching weather data/g)?.length, 1)
})

t.test('an unknown example names the known ones', async (t) => {
  const unknown = run(['nothing'])
  const [code] = await once(unknown.child, 'close')
  t.equal(code, 1)
  t.match(unknown.output, /weather/)
})
