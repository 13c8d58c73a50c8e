import t from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { request } from '../helpers/client.ts'
import { compiled } from '../helpers/compiled.ts'
import { until } from '../helpers/process.ts'

const [script, several] = [join(compiled(), 'examples/redis-cache.js'), join(compiled(), 'examples/two-tiers.js')]

t.test('an example that needs a Redis starts one where none is given, and ends it', async (t) => {
  // What the test runner adds to its own children is not for this one.
  const { NODE_OPTIONS, TAP, REDIS_URL, ...env } = process.env
  const child = spawn(process.execPath, [script], { env: { ...env, PORT: '0' }, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => { child.kill('SIGKILL') })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { output += chunk })
  await until('it says what to ask', () => {
    if (child.exitCode !== null) throw new Error(output)
    return /curl -i http:\/\/127\.0\.0\.1:\d+\/api\/products/.test(output)
  })
  const port = Number(/127\.0\.0\.1:(\d+)/.exec(output)?.[1])
  const first = await request(port, { path: '/api/products' })
  t.match(first.headers['cache-status'], /fwd=uri-miss; stored/)
  t.match((await request(port, { path: '/api/products' })).headers['cache-status'], /; hit; ttl=/)
  child.kill('SIGTERM')
  t.same(await once(child, 'close'), [0, null], output)
})

for (const [name, file] of [['one process', script], ['several processes', several]] as const) {
  t.test(`without redis-server it says what to do, and ends: ${name}`, async (t) => {
    const { NODE_OPTIONS, TAP, REDIS_URL, ...env } = process.env
    const child = spawn(process.execPath, [file], { env: { ...env, PATH: t.testdir() }, stdio: ['ignore', 'ignore', 'pipe'] })
    let output = ''
    child.stderr.on('data', (chunk) => { output += chunk })
    const [code] = await once(child, 'close')
    t.equal(code, 1)
    t.match(output, /set REDIS_URL, or install redis-server/)
  })
}
