import { setTimeout as sleep } from 'node:timers/promises'
import formbody from '@fastify/formbody'
import rateLimit from '@fastify/rate-limit'
import Fastify from 'fastify'
import t from 'tap'
import cached from '../../index.ts'
import { clock } from '../helpers/clock.ts'
import { openFlights, testRuns } from '../helpers/flights.ts'
import { gate } from '../helpers/functions.ts'
import { eventually } from '../helpers/origin.ts'

// The run behind a stale reply: what its hooks and its handler see, who can start it, and how it ends.

const route = (cache: Record<string, unknown> = {}): object => ({ config: { cache: { timeout: 10, staleWhileRevalidate: 10_000, ...cache } } })

t.beforeEach(() => clock.stop())
t.afterEach(() => clock.start())

testRuns('hooks see the client that set it off, the handler only what the key covers', async (t, serve) => {
  const hooks: unknown[] = []
  const handlers: unknown[] = []
  const origin = await serve((app) => {
    app.addHook('onRequest', async (request) => {
      hooks.push([request.ip, request.headers['x-user'], request.headers['user-agent'], request.headers.host, request.headers['if-none-match'], request.headers['cache-control']])
    })
    app.get('/r', route({ vary: ['accept-language'] }), async (request) => {
      handlers.push({ ip: request.ip, user: request.headers['x-user'], agent: request.headers['user-agent'], language: request.headers['accept-language'], host: request.host, scheme: request.protocol, query: { ...request.query as object }, url: request.url })
      return 'fine'
    })
  }, { fastify: { trustProxy: true } })
  const sent = { 'x-user': 'alice', 'user-agent': 'browser', 'accept-language': 'de', host: 'shop.example', 'x-forwarded-proto': 'https', 'x-forwarded-for': '192.0.2.7', 'if-none-match': '"x"', 'cache-control': 'max-age=0' }
  await origin.get('/r?a=1', sent)
  clock.advance(12)
  t.match((await origin.get('/r?a=1', sent)).headers['cache-status'], /hit; ttl=-2/)
  t.ok(await eventually(() => handlers.length === 2 && openFlights() === 0))
  t.strictSame(hooks[2], ['192.0.2.7', 'alice', 'browser', 'shop.example', undefined, undefined])
  t.strictSame(handlers[1], { ip: '', user: undefined, agent: undefined, language: 'de', host: 'shop.example', scheme: 'https', query: { a: '1' }, url: '/r?a=1' })
  t.match((await origin.get('/r?a=1', sent)).headers['cache-status'], /hit; ttl=10/, 'stored under the key of the one that set it off')
})

testRuns('a hook that refuses it: a failed refresh, and the entry stays', async (t, serve) => {
  let refuse = false
  const ways: Record<string, (reply: any) => unknown> = {
    403: (reply) => reply.code(403).send('no'),
    redirect: (reply) => reply.redirect('/login'),
    200: (reply) => reply.send('login page'),
    throw: () => { throw new Error('no') }
  }
  const origin = await serve((app, self) => {
    for (const hook of ['onRequest', 'preHandler'] as const) {
      for (const [name, how] of Object.entries(ways)) {
        app.get(`/${hook}/${name}`, { ...route(), [hook]: async (_request: unknown, reply: unknown) => { if (refuse && how(reply) !== undefined) return reply } }, async () => `run ${self.ran()}`)
      }
    }
  })
  for (const hook of ['onRequest', 'preHandler']) {
    for (const name of Object.keys(ways)) {
      const path = `/${hook}/${name}`
      refuse = false
      const first = (await origin.get(path)).text
      clock.advance(12)
      const before = origin.app.cache.stats().refreshes
      // The client itself is let through, its run behind is not.
      const stale = origin.get(path)
      const text = (await stale).text
      t.equal(text, first)
      t.ok(await eventually(() => openFlights() === 0))
      clock.advance(20)
      const ran = origin.runs()
      refuse = true
      const reply = await origin.get(path)
      t.not(reply.text, undefined)
      t.ok(await eventually(() => openFlights() === 0))
      t.equal(origin.runs(), ran, `${path}: no handler ran`)
      refuse = false
      t.match((await origin.get(path)).headers['cache-status'], /hit; ttl=-/, `${path}: the entry stays`)
      t.ok(origin.app.cache.stats().refreshes > before)
      t.ok(await eventually(() => openFlights() === 0))
    }
  }
})

testRuns('rate limits count it for its client', async (t, serve) => {
  const origin = await serve(async (app, self) => {
    await app.register(rateLimit, { max: 3, timeWindow: '1 hour' })
    app.get('/r', route(), async () => `run ${self.ran()}`)
  })
  await origin.get('/r')
  clock.advance(12)
  await origin.get('/r')
  t.ok(await eventually(() => origin.runs() === 2 && openFlights() === 0))
  t.equal((await origin.get('/r')).status, 429)
})

testRuns('it cannot be asked for from outside, nor by a handler\'s own inject', async (t, serve) => {
  let inner: string | undefined
  const origin = await serve((app, self) => {
    app.get('/r', route({ staleWhileRevalidate: 0 }), async () => `run ${self.ran()}`)
    app.get('/outer', route(), async () => {
      self.ran('outer')
      inner = (await app.inject('/r')).body
      return 'fine'
    })
  })
  await origin.get('/r')
  for (const name of ['x-fastify-cached', 'x-refresh', 'x-detached', 'x-revalidate', 'signal', '_lightmyrequest']) t.equal((await origin.get('/r', { [name]: '1' })).text, 'run 1')
  const abort = new AbortController()
  t.equal((await origin.app.inject({ url: '/r', signal: abort.signal, headers: { host: `127.0.0.1:${origin.port}` } })).body, 'run 1')
  await origin.app.inject('/r')
  t.equal(origin.runs(), 2, 'another host')
  await origin.get('/outer')
  clock.advance(5)
  t.equal(inner, 'run 2')
  clock.advance(8)
  await origin.app.inject('/r')
  inner = undefined
  const runs = origin.runs()
  await origin.get('/outer')
  t.ok(await eventually(() => origin.runs('outer') === 2 && openFlights() === 0))
  t.equal(inner, `run ${runs}`, 'served from the store: no run of ours')
})

testRuns('bodies, prefixes, variants, HEAD', async (t, serve) => {
  const seen: unknown[] = []
  const origin = await serve(async (app, self) => {
    await app.register(formbody)
    const key = (request: { body: unknown }): string => JSON.stringify(request.body)
    await app.register(async (child) => {
      child.route({ method: 'POST', url: '/search', ...route({ methods: ['POST'], makeCacheKey: key }), handler: async (request) => { seen.push(request.body); return `run ${self.ran('post')}` } })
      child.get('/variant', route(), async (request, reply) => {
        reply.header('vary', 'accept-language')
        const language = request.headers['accept-language']
        return `${String(language)} ${self.ran('variant')}`
      })
      child.get('/head', route(), async () => `run ${self.ran('head')}`)
    }, { prefix: '/deep/er' })
  })
  const bodies: Array<[string, string]> = [
    ['application/json', '{"q":"x","n":[1]}'], ['application/json', '"text"'], ['application/json; charset=utf-8', 'null'], ['text/plain', 'plain text'], ['application/x-www-form-urlencoded', 'q=x%20y&z=1&z=2']
  ]
  for (const [type, body] of bodies) {
    const post = () => origin.request({ method: 'POST', path: '/deep/er/search', headers: { 'content-type': type }, body })
    const first = await post()
    t.equal(first.status, 200, body)
    clock.advance(12)
    t.match((await post()).headers['cache-status'], /hit; ttl=-2/)
    const count = seen.length
    t.ok(await eventually(() => seen.length === count + 1 || openFlights() === 0))
    t.ok(await eventually(() => openFlights() === 0))
    t.strictSame(seen.at(-1), seen.at(-2))
    t.match((await post()).headers['cache-status'], /hit; ttl=10/)
  }
  await origin.get('/deep/er/head')
  clock.advance(12)
  t.match((await origin.request({ method: 'HEAD', path: '/deep/er/head' })).headers['cache-status'], /hit; ttl=-2/)
  t.ok(await eventually(() => origin.runs('head') === 2 && openFlights() === 0))
  t.equal((await origin.get('/deep/er/head')).text, 'run 2')
})

testRuns('variants: the handler of a refresh sees the field that chose it', async (t, serve) => {
  const origin = await serve((app, self) => {
    app.get('/r', route(), async (request, reply) => {
      reply.header('vary', 'accept-language')
      return `${String(request.headers['accept-language'])} ${self.ran()}`
    })
  })
  for (const language of ['de', 'fr']) await origin.get('/r', { 'accept-language': language })
  clock.advance(12)
  t.equal((await origin.get('/r', { 'accept-language': 'fr' })).text, 'fr 2')
  t.ok(await eventually(() => origin.runs() === 3 && openFlights() === 0))
  t.equal((await origin.get('/r', { 'accept-language': 'fr' })).text, 'fr 3')
  t.equal((await origin.get('/r', { 'accept-language': 'de' })).text, 'de 1')
  t.ok(await eventually(() => openFlights() === 0))
})

testRuns('a field that the handler did not see chooses nothing', async (t, serve) => {
  let looks = false
  const origin = await serve((app, self) => {
    app.get('/r', route(), async (request, reply) => {
      self.ran()
      if (!looks) return 'for all'
      reply.header('vary', 'x-country')
      return `for ${String(request.headers['x-country'])}`
    })
  })
  await origin.get('/r', { 'x-country': 'at' })
  looks = true
  clock.advance(12)
  await origin.get('/r', { 'x-country': 'at' })
  t.ok(await eventually(() => origin.runs() === 2 && openFlights() === 0))
  t.equal((await origin.get('/r', { 'x-country': 'at' })).text, 'for all', 'a failed refresh')
  clock.advance(20_000)
  t.equal((await origin.get('/r', { 'x-country': 'at' })).text, 'for at')
  clock.advance(12)
  t.equal((await origin.get('/r', { 'x-country': 'at' })).text, 'for at')
  t.ok(await eventually(() => origin.runs() === 4 && openFlights() === 0))
  t.match([await origin.get('/r', { 'x-country': 'at' })].map((reply) => reply.text + String(reply.headers['cache-status'])), [/for at.*ttl=10/])
})

testRuns('a request that says no-store sets none off', async (t, serve) => {
  const origin = await serve((app, self) => { app.get('/r', route(), async () => `run ${self.ran()}`) })
  await origin.get('/r')
  clock.advance(12)
  t.equal((await origin.get('/r', { 'cache-control': 'no-store' })).text, 'run 1')
  await sleep(20)
  t.equal(origin.runs(), 1)
})

testRuns('bounded in time, and in number', async (t, serve) => {
  const { setTimeout: real } = globalThis
  globalThis.setTimeout = ((job: () => void, ms: number, ...more: []) => real(job, ms === 60_000 ? 100 : ms, ...more)) as typeof setTimeout
  t.teardown(() => { globalThis.setTimeout = real })
  let stuck = false
  const origin = await serve((app, self) => {
    app.get('/r/:n', route(), async () => {
      self.ran()
      if (stuck) await new Promise(() => {})
      return 'fine'
    })
  })
  for (let i = 0; i < 120; i++) await origin.get(`/r/${i}`)
  clock.advance(12)
  stuck = true
  for (let i = 0; i < 120; i++) t.match((await origin.get(`/r/${i}`)).headers['cache-status'], /hit; ttl=-2/)
  t.ok(origin.app.cache.stats().refreshes >= 100)
  t.ok(await eventually(() => openFlights() === 0), 'given up')
})

testRuns('drained at close', async (t, serve) => {
  const door = gate<void>()
  const origin = await serve((app, self) => {
    app.get('/r', route(), async () => {
      const n = self.ran()
      if (n > 1) await door.promise
      return `run ${n}`
    })
  })
  await origin.get('/r')
  clock.advance(12)
  await origin.get('/r')
  t.ok(await eventually(() => origin.runs() === 2))
  let closed = false
  const closing = origin.app.close().then(() => { closed = true })
  await sleep(30)
  t.notOk(closed, 'closing waits for the run')
  const { stores } = origin.app.cache.stats()
  door.open()
  await closing
  t.equal(origin.app.cache.stats().stores, stores + 1)
})

t.test('an application that only injects', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(cached, {})
  let runs = 0
  app.get('/r', route(), async () => `run ${++runs}`)
  t.equal((await app.inject('/r')).body, 'run 1')
  clock.advance(12)
  t.equal((await app.inject('/r')).body, 'run 1')
  t.ok(await eventually(() => runs === 2 && openFlights() === 0))
  t.equal((await app.inject('/r')).body, 'run 2')
})
