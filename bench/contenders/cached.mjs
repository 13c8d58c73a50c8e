// This plugin. `plugin`: its options; `route`: the route's, `false` for a route that is not cached; `observers`: who
// listens ('subscribers', 'prometheus', 'inspector'), or 'none-built-in': a build that can publish nothing.
import Fastify from 'fastify'
import { subscribe } from 'node:diagnostics_channel'
import { register } from 'node:module'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { contentType, text } from '../lib/body.mjs'
import { plugin as path } from '../lib/paths.mjs'

const inside = async (file) => (await import(join(path, '..', file))).default
let heard = 0

const observe = {
  subscribers () {
    for (const name of ['hit', 'miss', 'store', 'bypass', 'invalidate', 'error']) subscribe(`fastify-cached:${name}`, () => { heard++ })
  },
  async prometheus (app) {
    await app.register(await inside('lib/prometheus.js'), { path: '/metrics' })
  },
  async inspector (app) {
    await app.register(await inside('lib/inspector/index.js'), { prefix: '/cache', authorize: false })
  }
}

export default async function start ({ run, redisPort, plugin, route = { timeout: 600 }, delay = 0, observers }) {
  if (observers === 'none-built-in') register('../lib/without-events.mjs', import.meta.url)
  const { default: cached } = await import(path)
  const app = Fastify()
  const redis = plugin.CACHE_TYPE === 'RedisCache' ? { CACHE_REDIS_HOST: '127.0.0.1', CACHE_REDIS_PORT: redisPort } : {}
  await app.register(cached, { ...plugin, ...redis })
  await observe[observers]?.(app)
  app.get('/page', route === false ? {} : { config: { cache: route } }, async (request, reply) => {
    run()
    if (delay > 0) await sleep(delay)
    reply.header('content-type', contentType)
    return text
  })
  await app.listen({ host: '127.0.0.1', port: 0 })
  if (observers === 'subscribers') await heardOne(app)
  return app.server
}

/** Without this, a channel that was renamed would make listening look free. */
async function heardOne (app) {
  await app.inject('/page?heard')
  if (heard === 0) throw new Error('nothing was published to its subscribers')
}
