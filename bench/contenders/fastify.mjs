// Fastify without a cache; `delay`: ms that the handler takes.
import Fastify from 'fastify'
import { setTimeout as sleep } from 'node:timers/promises'
import { contentType, text } from '../lib/body.mjs'

export default async function start ({ run, delay = 0 }) {
  const app = Fastify()
  app.get('/page', async (request, reply) => {
    run()
    if (delay > 0) await sleep(delay)
    reply.header('content-type', contentType)
    return text
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  return app.server
}
