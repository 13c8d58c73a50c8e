// The server of the soak: every kind of route that holds something while it answers. Each body begins with what it is
// the reply to, so that the load can tell a reply of another key from a right one.
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'

const KILOBYTE = 'x'.repeat(1000)
const MEGABYTE = 'y'.repeat(1_000_000)

class Sick extends Error {
  statusCode = 503
}

/** @param app a Fastify instance on which the plugin is registered */
export function addRoutes (app) {
  const { cache } = app
  const load = cache.memoize(async function load ({ id }) {
    await sleep(1)
    return { id, name: `value ${id}`, tags: ['a', 'b'] }
  }, { timeout: 30, staleWhileRevalidate: 30, tags: ['all'] })
  let failing = 0

  const route = (path, config, handler) => app.get(path, { config: { cache: config } }, handler)
  const named = (name, filling = KILOBYTE) => async ({ params }) => `${name}:${params.n}:${filling}`

  route('/hot/:n', { timeout: 30, tags: ({ params }) => ['all', `hot-${params.n}`] }, named('hot'))
  route('/many/:n', { timeout: 600, tags: ['all'] }, named('many'))
  route('/big/:n', { timeout: 30, tags: ['big'] }, named('big', MEGABYTE))
  route('/short/:n', { timeout: 0.2, staleWhileRevalidate: 2, eagerRefresh: 0.5 }, async ({ params }) => {
    await sleep(5)
    return `short:${params.n}:${KILOBYTE}`
  })
  route('/sick/:n', { timeout: 0.2, staleIfError: 1, softTimeout: 0.02 }, async ({ params }) => {
    if (++failing % 3 === 0) throw new Sick('now and then')
    await sleep(failing % 5 === 0 ? 40 : 1)
    return `sick:${params.n}:`
  })
  route('/slow/:n', { timeout: 0.5, coalesce: { timeout: 5 } }, async ({ params }) => {
    await sleep(20)
    return `slow:${params.n}:${KILOBYTE}`
  })
  route('/stream/:n', { timeout: 5 }, async ({ params }, reply) => {
    reply.header('content-type', 'text/plain')
    return Readable.from((async function * parts () {
      yield `stream:${params.n}:`
      for (let part = 0; part < 30; part++) {
        await sleep(1)
        yield KILOBYTE
      }
    })())
  })
  route('/vary/:n', { timeout: 30 }, async ({ params, headers }, reply) => {
    reply.header('vary', 'accept-language')
    return `vary:${params.n}:${headers['accept-language']}`
  })
  route('/private/:n', { timeout: 30 }, async ({ params }, reply) => {
    reply.header('set-cookie', 'session=1')
    return `private:${params.n}:`
  })
  app.get('/memo/:n', async ({ params }) => `memo:${(await load({ id: params.n })).id}:`)
  app.get('/value/:n', async ({ params }) => {
    const found = await cache.getOrSet(`value-${params.n}`, () => ({ n: params.n, text: KILOBYTE }), { timeout: 5, tags: ['all'] })
    await cache.inc('calls', 1, { timeout: 60 })
    return `value:${found.n}:`
  })

  app.put('/hot/:n', async ({ params }) => `put:${params.n}:`) // an unsafe method purges its own URL
  app.post('/purge/:kind/:n', async ({ params, headers }) => {
    await cache.deleteCached(`/${params.kind}/${params.n}`, { host: headers.host })
    return `purge:${params.n}:`
  })
  app.post('/tag/:kind/:n', async ({ params }) => {
    const tag = params.n === '-' ? 'big' : `hot-${params.n}`
    await (params.kind === 'expire' ? cache.expireTags(tag) : cache.invalidateTags(tag))
    return `tag:${params.n}:`
  })
  app.post('/forget/:n', async ({ params }) => {
    await load.deleteMemoized({ id: params.n })
    await cache.delete(`value-${params.n}`)
    return `forget:${params.n}:`
  })
}
