// The backend follows the environment: Redis in production, none in tests, memory for development.
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../index.ts' // in your project: from 'fastify-cached'
import type { CacheOptions } from '../index.ts'
import { serveWhenMain } from './support/serve.ts'
import { slowly } from './support/slow.ts'

export type Environment = Record<string, string | undefined>

export function cacheOptions (env: Environment): CacheOptions {
  switch (env.NODE_ENV) {
    case 'production':
      return {
        CACHE_TYPE: 'RedisCache',
        CACHE_REDIS_URL: env.REDIS_URL ?? 'redis://localhost:6379/0',
        CACHE_KEY_PREFIX: 'example_environments_',
        CACHE_DEFAULT_TIMEOUT: 300
      }
    case 'test':
      return { CACHE_TYPE: 'NullCache', CACHE_NO_NULL_WARNING: true }
    default:
      return { CACHE_TYPE: 'SimpleCache', CACHE_DEFAULT_TIMEOUT: 300 }
  }
}

export interface Options {
  env?: Environment
  fetchData?: () => Promise<object>
}

export async function build ({
  env = process.env,
  fetchData = () => slowly({ fetched: new Date().toISOString() }, 500)
}: Options = {}): Promise<FastifyInstance> {
  const app = Fastify()

  // `fromEnv()` of this package is the other way: it reads every CACHE_* variable, CACHE_TYPE among them.
  await app.register(cached, cacheOptions(env))

  app.get('/data', { config: { cache: true } }, () => fetchData())

  return app
}

await serveWhenMain(import.meta.url, build, ['/data'])
