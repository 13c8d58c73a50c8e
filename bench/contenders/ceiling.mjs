// As fast as a Fastify route can be that sends the headers of a hit.
import Fastify from 'fastify'
import { body, contentType } from '../lib/body.mjs'

export default async function start () {
  const app = Fastify()
  app.get('/page', (request, reply) => {
    reply.header('content-type', contentType)
    reply.header('etag', 'W/"0123456789abcdefghijkl"')
    reply.header('age', '1')
    reply.header('cache-status', 'fastify-cached; hit; ttl=599')
    reply.send(body)
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server
}
