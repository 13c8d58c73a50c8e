// Several processes behind one port. Each keeps copies in its own memory, all share a Redis behind them, and a purge in
// one of them reaches the copies of the others.
import cluster from 'node:cluster'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../index.ts' // in your project: from 'fastify-cached'
import { exampleRedis } from './support/redis.ts'
import { closeOnSignal, isMain, listenFrom } from './support/serve.ts'
import { slowly } from './support/slow.ts'

export interface Options {
  redisUrl?: string
  fetchReport?: () => Promise<object>
}

export async function build ({
  redisUrl = process.env.REDIS_URL ?? 'redis://localhost:6379/0',
  fetchReport = () => slowly({ madeBy: process.pid, at: new Date().toISOString() }, 500)
}: Options = {}): Promise<FastifyInstance> {
  const app = Fastify()

  await app.register(cached, {
    CACHE_TYPE: 'RedisCache',
    CACHE_REDIS_URL: redisUrl,
    CACHE_KEY_PREFIX: 'example_tiers_',
    CACHE_LOCAL: {
      timeout: 60, // a copy's longest life: what a change can cost that Redis had no connection to tell of
      threshold: 1000,
      maxBytes: 20 * 1024 * 1024
    }
  })

  // Headers that a hook sets belong to each request: this one tells which process answered, also on a hit.
  app.addHook('onRequest', async (request, reply) => { reply.header('x-worker', String(process.pid)) })

  // `lock`: one process makes the report, the others wait for it.
  app.get('/report', { config: { cache: { timeout: 600, tags: ['reports'], lock: true } } }, () => fetchReport())

  app.post('/report/refresh', async () => {
    await app.cache.invalidateTags('reports')
    return { purgedBy: process.pid }
  })

  return app
}

/** Starts `workers` processes of this file and prints where they serve. */
async function primary (workers: number): Promise<void> {
  const redis = await exampleRedis()
  cluster.on('exit', (worker, code) => {
    if (code !== 0) process.exitCode = 1
    if (Object.keys(cluster.workers ?? {}).length === 0) redis.stop().catch(console.error)
  })
  const stop = (): void => { for (const worker of Object.values(cluster.workers ?? {})) worker?.kill() }
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, stop)

  const first = cluster.fork({ REDIS_URL: redis.url })
  first.once('message', (address: string) => {
    // They ask for the same port as the first one, also where that is 0, and node:cluster lets them share it.
    for (let i = 1; i < workers; i++) cluster.fork({ REDIS_URL: redis.url })
    console.log(`${workers} processes serve on ${address}; x-worker tells which one answered:

curl -i ${address}/report
curl -i ${address}/report/refresh -X POST`)
  })
}

async function worker (): Promise<void> {
  const app = await build()
  closeOnSignal(app)
  const address = await listenFrom(app, Number(process.env.PORT ?? 3000))
  process.send?.(address)
}

if (isMain(import.meta.url)) {
  await (cluster.isPrimary ? primary(Number(process.env.WORKERS ?? 2)) : worker()).catch((error: Error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}
