// No cache at all: the application's code stays as it is, and every request runs its handler.
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../index.ts' // in your project: from 'fastify-cached'
import { serveWhenMain } from './support/serve.ts'
import { slowly } from './support/slow.ts'

export interface Options {
  fetchExpensiveData?: () => Promise<object>
}

export async function build ({
  fetchExpensiveData = () => slowly({ fetched: new Date().toISOString() }, 500)
}: Options = {}): Promise<FastifyInstance> {
  const app = Fastify()

  await app.register(cached, {
    CACHE_TYPE: 'NullCache',
    CACHE_NO_NULL_WARNING: true // it is meant
  })

  app.get('/data', { config: { cache: { timeout: 60 } } }, () => fetchExpensiveData()) // runs every time

  return app
}

await serveWhenMain(import.meta.url, build, ['/data'])
