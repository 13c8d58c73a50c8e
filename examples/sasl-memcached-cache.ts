// A memcached server that asks for a user and a password (SASL PLAIN).
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../index.ts' // in your project: from 'fastify-cached'
import { serveWhenMain } from './support/serve.ts'
import { slowly } from './support/slow.ts'

export interface Options {
  servers?: string[]
  username?: string
  password?: string
  fetchReport?: () => Promise<object>
}

export async function build ({
  servers = ['127.0.0.1:11211'],
  username = process.env.MEMCACHED_USERNAME ?? 'memcached_user',
  password = process.env.MEMCACHED_PASSWORD ?? 'memcached_password',
  fetchReport = () => slowly({ visitors: 1234 }, 500)
}: Options = {}): Promise<FastifyInstance> {
  const app = Fastify()

  await app.register(cached, {
    CACHE_TYPE: 'SASLMemcachedCache',
    CACHE_MEMCACHED_SERVERS: servers,
    CACHE_MEMCACHED_USERNAME: username,
    CACHE_MEMCACHED_PASSWORD: password,
    CACHE_KEY_PREFIX: 'example_report_',
    CACHE_DEFAULT_TIMEOUT: 300
  })

  app.get('/report', { config: { cache: true } }, () => fetchReport()) // for CACHE_DEFAULT_TIMEOUT

  return app
}

await serveWhenMain(import.meta.url, build, ['/report'])
