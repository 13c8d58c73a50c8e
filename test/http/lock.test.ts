import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { join } from 'node:path'
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

const file = join(compiled(), 'test/http/lock-child.js')

interface Worker {
  readonly child: ChildProcess
  port: number
  runs (path: string): number
  get (path: string): Promise<ClientReply>
}

async function start (t: Test, redis: RedisServer, count: number, lock: unknown): Promise<Worker[]> {
  const workers = Array.from({ length: count }, (): Worker => {
    const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'], env: { PATH: process.env.PATH, PORT_OF_REDIS: String(redis.port), LOCK: JSON.stringify(lock) } })
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
  await until('all processes listen', () => workers.every((worker) => worker.port > 0))
  return workers
}

async function redisFor (t: Test): Promise<RedisServer> {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  return redis
}

const total = (workers: readonly Worker[], path: string): number => workers.reduce((sum, worker) => sum + worker.runs(path), 0)
/** Lets the runs that are under way come to their end. */
async function go (workers: readonly Worker[]): Promise<void> {
  await Promise.all(workers.map((worker) => worker.get('/go')))
}

/** Lets all runs come to their end until the work is done. */
async function goOn (workers: readonly Worker[], work: Promise<unknown>): Promise<void> {
  let done = false
  work.finally(() => { done = true }).catch(() => {})
  await until('all are served', async () => { await go(workers); return done })
}

const stats = async (worker: Worker): Promise<Record<string, number>> => JSON.parse((await worker.get('/stats')).text) as Record<string, number>

t.test('four processes', async (t) => {
  const redis = await redisFor(t)
  const workers = await start(t, redis, 4, { timeout: 60 })

  await t.test('400 concurrent cold requests, one run', async (t) => {
    const asked = Promise.all(Array.from({ length: 400 }, (_, i) => workers[i % 4]!.get('/r')))
    const waits = async (): Promise<number> => (await Promise.all(workers.map(stats))).reduce((sum, { lockWaits }) => sum + lockWaits!, 0)
    await until('one runs, and all others wait for it', async () => total(workers, '/r') === 1 && await waits() === 3)
    await go(workers)
    const replies = await asked
    t.equal(total(workers, '/r'), 1)
    t.equal(new Set(replies.map((reply) => reply.text)).size, 1)
    t.ok(replies.every((reply) => reply.status === 200))
    t.equal(await waits(), 3, 'one wait for each of the others')
    t.notMatch(await redis.cli('keys', '*'), /:l:/, 'the lock was given back')
  })

  await t.test('a reply that cannot be stored: nobody waits for the life of the lock, which is longer than a client waits', async (t) => {
    const replies = await Promise.all(Array.from({ length: 40 }, (_, i) => workers[i % 4]!.get('/cookie')))
    t.ok(replies.every((reply) => reply.status === 200))
    t.equal(total(workers, '/cookie'), 40, 'each its own')
  })

  await t.test('a stale entry is refreshed by one of them', async (t) => {
    const cold = workers[0]!.get('/stale')
    await until('it runs', () => total(workers, '/stale') === 1)
    await go(workers)
    await cold
    await sleep(250)
    const replies = await Promise.all(Array.from({ length: 40 }, (_, i) => workers[i % 4]!.get('/stale')))
    t.ok(replies.every((reply) => /hit; ttl=-/.test(String(reply.headers['cache-status']))))
    await until('it is refreshed', () => total(workers, '/stale') === 2)
    await sleep(100)
    t.equal(total(workers, '/stale'), 2)
    await go(workers)
  })

  await t.test('forced updates wait for nobody', async (t) => {
    const replies = Promise.all(workers.map((worker) => worker.get('/forced')))
    await until('all run', () => total(workers, '/forced') === 4)
    await go(workers)
    await replies
    t.equal(total(workers, '/forced'), 4)
  })
})

t.test('kill -9 of the owner delays the others no longer than the lock lives', async (t) => {
  const redis = await redisFor(t)
  const workers = await start(t, redis, 3, { timeout: 1.5 })
  const [owner, ...others] = workers as [Worker, ...Worker[]]
  const lost = owner.get('/r').catch(() => 'lost')
  await until('it runs', () => owner.runs('/r') === 1)
  const replies = Promise.all(others.flatMap((worker) => [worker.get('/r'), worker.get('/r')]))
  await sleep(100)
  owner.child.kill('SIGKILL')
  t.equal(await lost, 'lost')
  await goOn(others, replies)
  for (const reply of await replies) t.equal(reply.status, 200)
  t.ok(total(others, '/r') <= 2)
})

t.test('a fill that outlives its lock: all are served, with one run in each process at most', async (t) => {
  const redis = await redisFor(t)
  const workers = await start(t, redis, 3, { timeout: 1 })
  const asked = Promise.all(workers.flatMap((worker) => Array.from({ length: 5 }, () => worker.get('/r'))))
  await until('the lock goes on to another one', () => total(workers, '/r') >= 2)
  await goOn(workers, asked)
  t.ok((await asked).every((reply) => reply.status === 200))
  t.ok(total(workers, '/r') <= 3, 'at most one run in each')
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

t.test('a lock whose release failed is nothing to wait for, for the process that left it', async (t) => {
  const { storeLocks } = await import('../../lib/locks.ts')
  const held = new Map<string, Buffer>()
  let down = false
  const locks = storeLocks({
    add: (key: string, value: Buffer) => !held.has(key) && held.set(key, value).size > 0,
    deleteIf: (key: string, value: Buffer) => {
      if (down) throw new Error('down')
      return held.get(key)?.equals(value) === true && held.delete(key)
    }
  } as never, 'l:')
  const token = await locks.acquire('k', 1_000)
  down = true
  await locks.release('k', token!)
  down = false
  t.equal(held.size, 1)
  const next = await locks.acquire('k', 1_000)
  t.type(next, 'string', 'it takes its own back')
  t.equal(await locks.acquire('k', 1_000), undefined, 'and then holds it as any other')
  down = true
  await locks.release('k', next!)
  down = false
  held.set('l:k', Buffer.from("another's"))
  t.equal(await locks.acquire('k', 1_000), undefined, "another's is not touched")
  t.equal(held.get('l:k')?.toString(), "another's")
})
