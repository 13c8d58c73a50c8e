import t from 'tap'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { request } from '../helpers/client.ts'
import { compiled } from '../helpers/compiled.ts'
import { until } from '../helpers/process.ts'
import { startRedis } from '../helpers/redis.ts'

const script = join(compiled(), 'examples/two-tiers.js')

function start (env: NodeJS.ProcessEnv) {
  // What the test runner adds to its own children is not for this one.
  const { NODE_OPTIONS, TAP, REDIS_URL, ...rest } = process.env
  const child = spawn(process.execPath, [script], { env: { ...rest, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  const result = { child, output: '' }
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => { result.output += chunk })
  return result
}

/** The port that the processes share, once all of them answer there. */
async function serving (example: ReturnType<typeof start>, workers: number): Promise<number> {
  await until('the example says where it serves', () => {
    if (example.child.exitCode !== null) throw new Error(example.output)
    return /serve on http:\/\/127\.0\.0\.1:\d+/.test(example.output)
  })
  const port = Number(/serve on http:\/\/127\.0\.0\.1:(\d+)/.exec(example.output)?.[1])
  const seen = new Set<unknown>()
  await until('every process has answered', async () => {
    seen.add((await request(port, { path: '/nothing' })).headers['x-worker'])
    return seen.size === workers
  })
  return port
}

t.test('a purge in one process reaches the copies of the others', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const example = start({ PORT: '0', WORKERS: '3', REDIS_URL: `redis://127.0.0.1:${redis.port}/0` })
  t.teardown(() => { example.child.kill('SIGTERM') })
  const port = await serving(example, 3)
  const report = async () => {
    const { text, headers } = await request(port, { path: '/report' })
    return { text, worker: String(headers['x-worker']), status: String(headers['cache-status']) }
  }

  const first = await report()
  t.match(first.status, /fwd=uri-miss; stored/)
  const hits = new Map<string, number>()
  await until('each process has served the report several times', async () => {
    const { text, worker, status } = await report()
    t.equal(text, first.text)
    t.match(status, /; hit/)
    hits.set(worker, (hits.get(worker) ?? 0) + 1)
    return hits.size === 3 && [...hits.values()].every((count) => count > 2)
  })

  const reads = async () => Number(/cmdstat_mget:calls=(\d+)/.exec(await redis.cli('info', 'commandstats'))?.[1] ?? 0)
  const before = await reads()
  for (let i = 0; i < 12; i++) await report()
  t.equal(await reads(), before, 'copies answer without Redis')
  t.ok(before > 0)

  const purge = await request(port, { method: 'POST', path: '/report/refresh' })
  t.equal(JSON.parse(purge.text).purgedBy, Number(purge.headers['x-worker']))
  const fresh = new Map<string, string>()
  await until('every process serves another report', async () => {
    const { text, worker } = await report()
    if (text !== first.text) fresh.set(worker, text)
    return fresh.size === 3
  })
  t.equal(new Set(fresh.values()).size, 1, 'the same one: it was made once')

  example.child.kill('SIGTERM')
  const [code] = await once(example.child, 'close')
  t.equal(code, 0, example.output)
})

t.test('it starts a Redis of its own where none is given, and ends it', async (t) => {
  const example = start({ PORT: '0', WORKERS: '2' })
  t.teardown(() => { example.child.kill('SIGTERM') })
  const port = await serving(example, 2)
  await request(port, { path: '/report' })
  t.match((await request(port, { path: '/report' })).headers['cache-status'], /; hit/)
  example.child.kill('SIGTERM')
  const [code] = await once(example.child, 'close')
  t.equal(code, 0, example.output)
  t.equal(example.output.split('\n').filter((line) => /error/i.test(line)).join(), '')
})
