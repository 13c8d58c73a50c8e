// Exercise: rate limiting and caching on one Redis client. The application owns the client; the cache uses it and never
// closes it. A request that is over the limit is refused before the cache is asked.
import { Redis } from 'ioredis'
import rateLimit from '@fastify/rate-limit'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../index.ts' // in your project: from 'fastify-cached'
import { serveWhenMain } from './support/serve.ts'
import { slowly } from './support/slow.ts'

export interface Options {
  redisUrl?: string
  /** Requests a minute and client. */
  max?: number
  fetchData?: () => Promise<object>
}

export async function build ({
  redisUrl = process.env.REDIS_URL ?? 'redis://localhost:6379/0',
  max = 10,
  fetchData = () => slowly({ fetched: new Date().toISOString() }, 500)
}: Options = {}): Promise<FastifyInstance> {
  const app = Fastify()

  const redis = new Redis(redisUrl, { connectTimeout: 1000, maxRetriesPerRequest: 1 })
  redis.on('error', (error) => app.log.error(error))
  app.addHook('onClose', async () => { redis.disconnect() })

  await app.register(rateLimit, { redis, max, timeWindow: '1 minute', nameSpace: 'example_limit_' })
  await app.register(cached, {
    CACHE_TYPE: 'RedisCache',
    CACHE_REDIS_HOST: redis,
    CACHE_KEY_PREFIX: 'example_limited_'
  })

  app.get('/data', { config: { cache: { timeout: 60 } } }, () => fetchData())

  return app
}

await serveWhenMain(import.meta.url, build, ['/data'], 'redis')
