import Fastify from 'fastify'
import lcache from 'fastify-lcache'
import { contentType, text } from '../lib/body.mjs'

export default async function start ({ run }) {
  const app = Fastify()
  await app.register(lcache.default ?? lcache, { ttlInMinutes: 10 })
  app.get('/page', async (request, reply) => {
    run()
    reply.header('content-type', contentType)
    return text
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server
}
