// This plugin. `plugin`: its options; `route`: the route's, `false` for a route that is not cached.
import Fastify from 'fastify'
import { contentType, text } from '../lib/body.mjs'
import { plugin as path } from '../lib/paths.mjs'

export default async function start ({ run, redisPort, plugin, route = { timeout: 600 } }) {
  const { default: cached } = await import(path)
  const app = Fastify()
  const redis = plugin.CACHE_TYPE === 'RedisCache' ? { CACHE_REDIS_HOST: '127.0.0.1', CACHE_REDIS_PORT: redisPort } : {}
  await app.register(cached, { ...plugin, ...redis })
  app.get('/page', route === false ? {} : { config: { cache: route } }, async (request, reply) => {
    run()
    reply.header('content-type', contentType)
    return text
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server
}
