import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Test } from 'tap'
import { request } from '../helpers/client.ts'
import type { ClientReply } from '../helpers/client.ts'
import { compiled } from '../helpers/compiled.ts'
import { until } from '../helpers/process.ts'
import { startRedis } from '../helpers/redis.ts'
import type { RedisServer } from '../helpers/redis.ts'

// `lock`: of several processes behind one backend, one fills.

const [file] = compiled('test/http/lock-child.ts') as [string]

interface Worker {
  readonly child: ChildProcess
  port: number
  runs (path: string): number
  get (path: string): Promise<ClientReply>
}

async function start (t: Test, redis: RedisServer, count: number, lock: unknown, fill: number): Promise<Worker[]> {
  const workers = Array.from({ length: count }, (): Worker => {
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env.PATH, PORT_OF_REDIS: String(redis.port), LOCK: JSON.stringify(lock), FILL: String(fill) } })
    let out = ''
    child.stdout.on('data', (chunk) => {
      out += String(chunk)
      worker.port = Number(/port (\d+)/.exec(out)?.[1] ?? 0)
    })
    const worker: Worker = {
      child,
      port: 0,
      runs: (path) => out.split('\n').filter((line) => line === `run ${path}`).length,
      get: (path) => request(worker.port, { path })
    }
    return worker
  })
  t.teardown(() => { for (const { child } of workers) child.kill('SIGKILL') })
  await until('all processes listen', () => workers.every((worker) => worker.port > 0), 20_000)
  return workers
}

async function redisFor (t: Test): Promise<RedisServer> {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  return redis
}

const total = (workers: readonly Worker[], path: string): number => workers.reduce((sum, worker) => sum + worker.runs(path), 0)
const stats = async (worker: Worker): Promise<Record<string, number>> => JSON.parse((await worker.get('/stats')).text) as Record<string, number>

t.test('four processes', async (t) => {
  const redis = await redisFor(t)
  const workers = await start(t, redis, 4, true, 300)

  await t.test('400 concurrent cold requests, one run', async (t) => {
    const replies = await Promise.all(Array.from({ length: 400 }, (_, i) => workers[i % 4]!.get('/r')))
    t.equal(total(workers, '/r'), 1)
    t.equal(new Set(replies.map((reply) => reply.text)).size, 1)
    t.ok(replies.every((reply) => reply.status === 200))
    let waits = 0
    for (const worker of workers) waits += (await stats(worker)).lockWaits!
    t.equal(waits, 3, 'one wait for each of the others')
    t.notMatch(await redis.cli('keys', '*'), /:l:/, 'the lock was given back')
  })

  await t.test('a reply that cannot be stored: nobody waits for the life of the lock', async (t) => {
    const begun = performance.now()
    const replies = await Promise.all(Array.from({ length: 40 }, (_, i) => workers[i % 4]!.get('/cookie')))
    t.ok(replies.every((reply) => reply.status === 200))
    t.equal(total(workers, '/cookie'), 40, 'each its own')
    t.ok(performance.now() - begun < 4_500, 'side by side within a process')
  })

  await t.test('a stale entry is refreshed by one of them', async (t) => {
    await workers[0]!.get('/stale')
    await sleep(250)
    const replies = await Promise.all(Array.from({ length: 40 }, (_, i) => workers[i % 4]!.get('/stale')))
    t.ok(replies.every((reply) => /hit; ttl=-/.test(String(reply.headers['cache-status']))))
    await until('it is refreshed', () => total(workers, '/stale') === 2)
    await sleep(100)
    t.equal(total(workers, '/stale'), 2)
  })

  await t.test('forced updates wait for nobody', async (t) => {
    await Promise.all(workers.map((worker) => worker.get('/forced')))
    t.equal(total(workers, '/forced'), 4)
  })
})

t.test('kill -9 of the owner delays the others no longer than the lock lives', async (t) => {
  const redis = await redisFor(t)
  const workers = await start(t, redis, 3, { timeout: 1.5 }, 700)
  const [owner, ...others] = workers as [Worker, ...Worker[]]
  const lost = owner.get('/r').catch(() => 'lost')
  await until('it runs', () => owner.runs('/r') === 1)
  const begun = performance.now()
  const replies = Promise.all(others.flatMap((worker) => [worker.get('/r'), worker.get('/r')]))
  await sleep(100)
  owner.child.kill('SIGKILL')
  t.equal(await lost, 'lost')
  for (const reply of await replies) t.equal(reply.status, 200)
  const took = performance.now() - begun
  t.ok(took < 1_500 + 2 * 700 + 1_500, `${took} ms`)
  t.ok(total(others, '/r') <= 2)
})

t.test('a fill that outlives its lock: all are served, with one run in each process at most', async (t) => {
  const redis = await redisFor(t)
  const workers = await start(t, redis, 3, { timeout: 1 }, 3_000)
  const replies = await Promise.all(workers.flatMap((worker) => Array.from({ length: 5 }, () => worker.get('/r'))))
  t.ok(replies.every((reply) => reply.status === 200))
  const runs = total(workers, '/r')
  t.ok(runs >= 2, 'the lock went on to another one')
  t.ok(runs <= 3, 'at most one run in each')
})

t.test('the release asks for the token', async (t) => {
  const { storeLocks } = await import('../../lib/locks.ts')
  const held = new Map<string, Buffer>()
  const locks = storeLocks({
    add: (key: string, value: Buffer) => !held.has(key) && held.set(key, value).size > 0,
    deleteIf: (key: string, value: Buffer) => held.get(key)?.equals(value) === true && held.delete(key)
  } as never, 'l:')
  const token = await locks.acquire('k', 1_000)
  t.equal(await locks.acquire('k', 1_000), undefined)
  await locks.release('k', 'another')
  t.equal(held.size, 1)
  await locks.release('k', token!)
  t.equal(held.size, 0)
})
