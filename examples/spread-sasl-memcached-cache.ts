// Several memcached servers behind SASL. Values larger than one memcached item are cut into chunks, and the chunks are
// spread over the servers.
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../index.ts' // in your project: from 'fastify-cached'
import { serveWhenMain } from './support/serve.ts'
import { slowly } from './support/slow.ts'

export interface Options {
  servers?: string[]
  username?: string
  password?: string
  fetchCatalogue?: () => Promise<object[]>
}

export async function build ({
  servers = ['server1:11211', 'server2:11211', 'server3:11211'],
  username = process.env.MEMCACHED_USERNAME ?? 'memcached_user',
  password = process.env.MEMCACHED_PASSWORD ?? 'memcached_password',
  fetchCatalogue = () => slowly(Array.from({ length: 20_000 }, (_, id) => ({ id, name: `Product number ${id}`, price: id % 100 })), 500)
}: Options = {}): Promise<FastifyInstance> {
  const app = Fastify()

  await app.register(cached, {
    CACHE_TYPE: 'SpreadSASLMemcachedCache',
    CACHE_MEMCACHED_SERVERS: servers,
    CACHE_MEMCACHED_USERNAME: username,
    CACHE_MEMCACHED_PASSWORD: password,
    CACHE_KEY_PREFIX: 'example_catalogue_',
    CACHE_DEFAULT_TIMEOUT: 300,
    CACHE_MAX_ENTRY_BYTES: 8 * 1024 * 1024 // the catalogue is larger than the default of 1 MiB
  })

  app.get('/catalogue', { config: { cache: { timeout: 600 } } }, () => fetchCatalogue())

  return app
}

await serveWhenMain(import.meta.url, build, ['/catalogue -o /dev/null'])
