// Exercise: replies that are wrong from the moment the data changes. A product's page goes when the product is written;
// the list goes by its tag.
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../index.ts' // in your project: from 'fastify-cached'
import { serveWhenMain } from './support/serve.ts'

export interface Product { id: string, name: string, price: number }

export interface Options {
  redisUrl?: string
  database?: Map<string, Product>
}

export async function build ({
  redisUrl = process.env.REDIS_URL ?? 'redis://localhost:6379/0',
  database = new Map([['1', { id: '1', name: 'Lamp', price: 30 }], ['2', { id: '2', name: 'Chair', price: 80 }]])
}: Options = {}): Promise<FastifyInstance> {
  const app = Fastify()

  await app.register(cached, {
    CACHE_TYPE: 'RedisCache',
    CACHE_REDIS_URL: redisUrl,
    CACHE_KEY_PREFIX: 'example_invalidation_',
    CACHE_DEFAULT_TIMEOUT: 3600
  })

  app.get('/products', { config: { cache: { tags: ['products'] } } }, async () => [...database.values()])

  app.get<{ Params: { id: string } }>('/products/:id', { config: { cache: true } }, async (request, reply) =>
    database.get(request.params.id) ?? reply.code(404).send({ error: 'no such product' }))

  // A successful PUT removes what is stored for its own URL, /products/:id, by itself. The list is another URL: it is
  // named by its tag. The data is written first: a reply that is made in between is not kept.
  const schema = {
    body: { type: 'object', required: ['name', 'price'], properties: { name: { type: 'string' }, price: { type: 'number' } } }
  }
  app.put<{ Params: { id: string }, Body: Omit<Product, 'id'> }>('/products/:id', { schema }, async (request) => {
    const product = { id: request.params.id, name: request.body.name, price: request.body.price }
    database.set(product.id, product)
    await app.cache.invalidateTags('products')
    return product
  })

  return app
}

await serveWhenMain(import.meta.url, build, [
  '/products', '/products/1',
  '/products/1 -X PUT -H \'content-type: application/json\' -d \'{"name":"Lamp","price":25}\''
], 'redis')
