// Values of one's own beside the cached routes: set one, get it back, let it go after a minute.
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../index.ts' // in your project: from 'fastify-cached'
import { serveWhenMain } from './support/serve.ts'

export async function build (): Promise<FastifyInstance> {
  const app = Fastify()

  await app.register(cached, { CACHE_TYPE: 'SimpleCache', CACHE_DEFAULT_TIMEOUT: 300 })

  // POST, since it changes something. `set` tells whether the backend took the value.
  app.post<{ Params: { key: string, value: string } }>('/set-cache/:key/:value', async (request, reply) => {
    const { key, value } = request.params
    if (!await app.cache.set(key, value, 60)) return reply.code(503).send(`${key} could not be set`)
    return `Set ${key}=${value} in cache`
  })

  // A miss is `undefined`, so that `null` can be a value.
  app.get<{ Params: { key: string } }>('/get-cache/:key', async (request, reply) => {
    const { key } = request.params
    const value = await app.cache.get<string>(key)
    if (value === undefined) return reply.code(404).send(`Key ${key} not found in cache`)
    return `Value for ${key}: ${value}`
  })

  return app
}

await serveWhenMain(import.meta.url, build, ['/set-cache/colour/blue -X POST', '/get-cache/colour'])
