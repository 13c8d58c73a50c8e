// This plugin. `plugin`: its options; `route`: the route's, `false` for a route that is not cached.
import Fastify from 'fastify'
import { setTimeout as sleep } from 'node:timers/promises'
import { contentType, text } from '../lib/body.mjs'
import { plugin as path } from '../lib/paths.mjs'

export default async function start ({ run, redisPort, plugin, route = { timeout: 600 }, delay = 0 }) {
  const { default: cached } = await import(path)
  const app = Fastify()
  const redis = plugin.CACHE_TYPE === 'RedisCache' ? { CACHE_REDIS_HOST: '127.0.0.1', CACHE_REDIS_PORT: redisPort } : {}
  await app.register(cached, { ...plugin, ...redis })
  app.get('/page', route === false ? {} : { config: { cache: route } }, async (request, reply) => {
    run()
    if (delay > 0) await sleep(delay)
    reply.header('content-type', contentType)
    return text
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server
}
