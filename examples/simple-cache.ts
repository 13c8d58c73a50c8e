// The smallest cached application: replies are kept in the memory of this process.
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../index.ts' // in your project: from 'fastify-cached'
import { serveWhenMain } from './support/serve.ts'
import { slowly } from './support/slow.ts'

export interface Options {
  /** The expensive work of the page. */
  greet?: () => Promise<string>
}

export async function build ({ greet = () => slowly('Hello, World!', 500) }: Options = {}): Promise<FastifyInstance> {
  const app = Fastify()

  await app.register(cached, {
    CACHE_TYPE: 'SimpleCache',
    CACHE_DEFAULT_TIMEOUT: 300 // five minutes where a route names no other
  })

  app.get('/', { config: { cache: { timeout: 60 } } }, () => greet()) // one run a minute

  return app
}

await serveWhenMain(import.meta.url, build, ['/'])
