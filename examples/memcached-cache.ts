// Replies are in one or several memcached servers.
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../index.ts' // in your project: from 'fastify-cached'
import { serveWhenMain } from './support/serve.ts'
import { slowly } from './support/slow.ts'

export interface Options {
  servers?: string[]
  fetchBlogPost?: (id: number) => Promise<object>
}

export async function build ({
  servers = ['127.0.0.1:11211'],
  fetchBlogPost = (id) => slowly({ id, title: `Post ${id}`, text: 'Caching is remembering.' }, 500)
}: Options = {}): Promise<FastifyInstance> {
  const app = Fastify()

  await app.register(cached, {
    CACHE_TYPE: 'MemcachedCache',
    CACHE_MEMCACHED_SERVERS: servers,
    CACHE_KEY_PREFIX: 'example_blog_',
    CACHE_DEFAULT_TIMEOUT: 300
  })

  const schema = { params: { type: 'object', properties: { postId: { type: 'integer' } } } }
  app.get<{ Params: { postId: number } }>('/blog/:postId', { schema, config: { cache: { timeout: 3600 } } }, // an hour
    (request) => fetchBlogPost(request.params.postId))

  return app
}

await serveWhenMain(import.meta.url, build, ['/blog/1'])
