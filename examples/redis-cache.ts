// Replies are in Redis: every process of the application shares them.
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../index.ts' // in your project: from 'fastify-cached'
import { serveWhenMain } from './support/serve.ts'
import { slowly } from './support/slow.ts'

export interface Options {
  redisUrl?: string
  fetchProducts?: () => Promise<object[]>
}

export async function build ({
  redisUrl = process.env.REDIS_URL ?? 'redis://localhost:6379/0',
  fetchProducts = () => slowly([{ id: 1, name: 'Lamp', price: 30 }, { id: 2, name: 'Chair', price: 80 }], 500)
}: Options = {}): Promise<FastifyInstance> {
  const app = Fastify()

  await app.register(cached, {
    CACHE_TYPE: 'RedisCache',
    CACHE_REDIS_URL: redisUrl, // or CACHE_REDIS_HOST, CACHE_REDIS_PORT and CACHE_REDIS_DB
    CACHE_KEY_PREFIX: 'example_products_', // each application on a shared server needs its own
    CACHE_DEFAULT_TIMEOUT: 300
  })

  app.get('/api/products', { config: { cache: { timeout: 60 } } }, () => fetchProducts())

  return app
}

await serveWhenMain(import.meta.url, build, ['/api/products'], 'redis')
