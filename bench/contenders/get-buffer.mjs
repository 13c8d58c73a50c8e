// What one would write by hand: the body under the URL in Redis, read in an onRequest hook. No versions, no headers
// kept, no fault handled.
import Fastify from 'fastify'
import { Redis } from 'ioredis'
import { body, contentType } from '../lib/body.mjs'

export default async function start ({ run, redisPort }) {
  const redis = new Redis({ host: '127.0.0.1', port: redisPort })
  const app = Fastify()
  const onRequest = async (request, reply) => {
    const stored = await redis.getBuffer(`hand:${request.url}`)
    if (stored === null) return
    reply.header('content-type', contentType)
    reply.header('etag', 'W/"0123456789abcdefghijkl"')
    reply.header('age', '1')
    reply.header('cache-status', 'by-hand; hit; ttl=599')
    return reply.send(stored)
  }
  app.get('/page', { onRequest }, async (request, reply) => {
    run()
    await redis.set(`hand:${request.url}`, body, 'EX', 600)
    reply.header('content-type', contentType)
    return body
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server
}
