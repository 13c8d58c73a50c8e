import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t from 'tap'
import { requestText } from '../helpers/client.ts'
import { eventually, startOrigin } from '../helpers/origin.ts'
import type { Origin, OriginOptions } from '../helpers/origin.ts'

// A purge reaches every spelling that the router takes for one, and a fill that began before it is never served after.

const route = (cache: Record<string, unknown> = {}): object => ({ config: { cache: { timeout: 60, ...cache } } })

async function serve (t: { teardown: (f: () => unknown) => void }, build: (app: FastifyInstance, origin: Origin) => unknown, options: OriginOptions = {}): Promise<Origin> {
  const origin = await startOrigin(build, options)
  t.teardown(() => origin.close())
  return origin
}

const raw = (origin: Origin, method: string, target: string, ...lines: string[]): ReturnType<Origin['raw']> =>
  origin.raw(requestText(`${method} ${target} HTTP/1.1`, 'Host: a.test', ...lines))

const routers: Record<string, { options: object, spellings: string[] }> = {
  'as it is': { options: {}, spellings: ['/item/bob', '/item/%62ob', '/%69tem/bob', '/item/bob?', '/item/%62%6F%62', '/item/%62%6f%62'] },
  caseSensitive: { options: { caseSensitive: false }, spellings: ['/item/bob', '/ITEM/bob', '/Item/bob', '/%49tem/bob'] },
  ignoreTrailingSlash: { options: { ignoreTrailingSlash: true }, spellings: ['/item/bob', '/item/bob/'] },
  ignoreDuplicateSlashes: { options: { ignoreDuplicateSlashes: true }, spellings: ['/item/bob', '//item/bob', '/item//bob', '///item///bob'] },
  'all of them': { options: { caseSensitive: false, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true }, spellings: ['/item/bob', '//ITEM//bob//', '/Item/bob/', '/item/%62ob/'] }
}

for (const [name, { options, spellings }] of Object.entries(routers)) {
  t.test(`a purge reaches every spelling: ${name}`, async (t) => {
    const origin = await serve(t, (app, self) => {
      app.get('/item/:name', route(), async () => `run ${self.ran()}`)
      app.put('/item/:name', async () => 'done')
    }, { fastify: { routerOptions: options } as object })
    for (const written of spellings) {
      for (const read of spellings) {
        t.equal((await raw(origin, 'GET', read)).status, 200, `${read} is a spelling`)
        const warm = (await raw(origin, 'GET', read)).text
        t.equal(warm, `run ${origin.runs()}`)
        t.equal((await raw(origin, 'PUT', written, 'Content-Length: 0')).status, 200)
        t.not((await raw(origin, 'GET', read)).text, warm, `PUT ${written} removes ${read}`)
      }
    }
  })
}

t.test('a purge of a rewritten URL, by either name', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.get('/inner', route(), async () => `run ${self.ran()}`)
    app.put('/inner', async () => 'done')
  }, { fastify: { rewriteUrl: (request: { url?: string }) => request.url?.startsWith('/outer') === true ? request.url.replace('/outer', '/inner') : String(request.url) } as object })
  for (const written of ['/outer', '/inner']) {
    await raw(origin, 'GET', '/outer')
    const warm = (await raw(origin, 'GET', '/outer')).text
    await raw(origin, 'PUT', written, 'Content-Length: 0')
    t.not((await raw(origin, 'GET', '/outer')).text, warm, `PUT ${written} removes /outer`)
  }
})

t.test('URLs rewritten to one, by what the client cannot be told apart by', async (t) => {
  const origin = await serve(t, (app) => { app.get('/inner', route(), async (request) => `for ${request.originalUrl}`) },
    { fastify: { rewriteUrl: () => '/inner' } })
  for (const round of [1, 2]) for (const path of ['/a', '/b', '/inner']) t.equal((await origin.get(path)).text, `for ${path}`, `round ${round}`)
})

t.test('a URL rewritten by something other than itself', async (t) => {
  const origin = await serve(t, (app) => { app.get('/:tenant', route(), async (request) => `for ${(request.params as { tenant: string }).tenant}`) },
    { fastify: { rewriteUrl: (request) => `/${String(request.headers['x-tenant'])}` } })
  for (const round of [1, 2]) for (const tenant of ['one', 'two']) t.equal((await origin.get('/home', { 'x-tenant': tenant })).text, `for ${tenant}`, `round ${round}`)
})

t.test('a fill that began before a purge is not served after it', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.get('/r', route(), async () => { const run = self.ran(); if (run === 1) await sleep(80); return `run ${run}` })
    app.put('/r', async () => 'done')
  })
  const slow = origin.get('/r')
  t.ok(await eventually(() => origin.runs() === 1))
  await origin.request({ method: 'PUT', path: '/r' })
  t.equal((await origin.get('/r')).text, 'run 2', 'who comes after the purge does not join')
  t.equal((await slow).text, 'run 1')
  await sleep(10)
  t.equal((await origin.get('/r')).text, 'run 2', 'and the late fill does not come back')
})

t.test('at once: one run, the same for all, HEAD too', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.get('/r', route(), async () => { const run = self.ran(); await sleep(40); return `run ${run}` })
  })
  const replies = await Promise.all(Array.from({ length: 40 }, (_, i) => origin.request({ method: i > 0 && i % 5 === 0 ? 'HEAD' : 'GET', path: '/r' })))
  for (const reply of replies) t.equal(reply.status, 200)
  t.strictSame([...new Set(replies.filter((reply) => reply.body.length > 0).map((reply) => reply.text))], ['run 1'])
  t.equal(origin.runs(), 1)
  t.ok(replies.some((reply) => /fwd=uri-miss; collapsed/.test(String(reply.headers['cache-status']))), 'a follower says so')
})

t.test('at once: what may not be shared runs side by side', async (t) => {
  const origin = await serve(t, (app, self) => {
    let open = 0
    app.get('/r', route(), async (request, reply) => {
      self.ran()
      open += 1
      if (open > 1) self.ran('together')
      await sleep(30)
      open -= 1
      return reply.header('cache-control', 'no-store').send(`run ${self.runs()}`)
    })
  })
  await origin.get('/r')
  await Promise.all(Array.from({ length: 10 }, () => origin.get('/r')))
  t.equal(origin.runs(), 11)
  t.ok(origin.runs('together') > 0, 'not one after another')
})

t.test('a client that leaves does not stop the fill', async (t) => {
  const { default: net } = await import('node:net')
  const origin = await serve(t, (app, self) => {
    app.get('/r', route(), async () => { const run = self.ran(); await sleep(60); self.ran('done'); return `run ${run}` })
  })
  const socket = net.connect(origin.port, '127.0.0.1', () => socket.write(`GET /r HTTP/1.1\r\nHost: 127.0.0.1:${origin.port}\r\n\r\n`))
  t.ok(await eventually(() => origin.runs() === 1))
  socket.destroy()
  const follower = await origin.get('/r')
  t.equal(follower.text, 'run 1')
  t.equal((await origin.get('/r')).text, 'run 1')
})

t.test('nobody outside can ask for a run of the cache\'s own', async (t) => {
  const names = ['x-cache-refresh', 'x-fastify-cached', 'x-fastify-cached-refresh', 'fastify-cached', 'x-background', 'x-refresh', 'x-detached', 'cache-status', 'purpose', 'x-cache-key']
  const origin = await serve(t, (app, self) => { app.get('/r', route({ cookies: 'ignore' }), async () => `run ${self.ran()}`) })
  await origin.get('/r')
  for (const name of names) t.equal((await origin.get('/r', { [name]: '1' })).text, 'run 1', name)
  t.equal(origin.runs(), 1)
})

t.test('own hooks, route schemas and query parsers with __proto__ in a listed name', async (t) => {
  const origin = await serve(t, (app) => {
    app.get('/r', route({ queryString: ['__proto__', 'constructor', 'toString'] }), async (request: FastifyRequest) => JSON.stringify(Object.entries(request.query as object)))
  })
  for (const query of ['', '?__proto__=1', '?constructor=2', '?toString=3', '?toString=4']) {
    const first = await origin.get(`/r${query}`)
    t.equal(first.status, 200, query)
    t.equal((await origin.get(`/r${query}`)).text, first.text)
  }
  t.match((await origin.get('/r?constructor=2')).text, '"2"')
  t.notMatch((await origin.get('/r?constructor=5')).text, '"2"')
})

t.test('a child\'s own cache serves the child alone, and the parent\'s purges reach it', async (t) => {
  const { default: cached } = await import('../../index.ts')
  const origin = await serve(t, async (app, self) => {
    app.get('/parent', route(), async () => `run ${self.ran('parent')}`)
    await app.register(async (child) => {
      await child.register(cached as never, { CACHE_STATUS_HEADER: 'child' } as never)
      child.get('/child', route(), async () => `run ${self.ran('child')}`)
    })
    app.put('/child', async () => 'done')
  })
  await origin.get('/parent')
  await origin.get('/child')
  t.match(String((await origin.get('/parent')).headers['cache-status']), /^fastify-cached; hit/)
  t.match(String((await origin.get('/child')).headers['cache-status']), /^child; hit; ttl=\d+$/, 'one cache speaks')
  await origin.request({ method: 'PUT', path: '/child' })
  t.equal((await origin.get('/child')).text, 'run 2')
})

t.test('two caches under two names serve one application', async (t) => {
  const { default: cached } = await import('../../index.ts')
  const origin = await serve(t, async (app, self) => {
    await app.register(cached as never, { CACHE_DECORATOR: 'second', CACHE_STATUS_HEADER: 'second' } as never)
    app.get('/one', route(), async () => `run ${self.ran('one')}`)
    app.get('/two', { config: { second: { timeout: 60 } } as object }, async () => `run ${self.ran('two')}`)
  })
  for (const path of ['/one', '/two']) {
    await origin.get(path)
    const hit = await origin.get(path)
    t.equal(hit.text, 'run 1')
    t.match(String(hit.headers['cache-status']), path === '/one' ? /^fastify-cached; hit; ttl=\d+$/ : /^second; hit; ttl=\d+$/)
  }
})

t.test('hijacked, raw and not-found replies are as without a cache, and not kept', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.setNotFoundHandler((request, reply) => { reply.code(404).send(`none ${self.ran('none')}`) })
    app.get('/hijack', route(), (request, reply) => { reply.hijack(); reply.raw.end(`run ${self.ran('hijack')}`) })
    app.get('/raw', route(), (request, reply) => { reply.raw.end(`run ${self.ran('raw')}`) })
    app.get('/missing', route({ statuses: { 404: 60 } }), (request, reply) => { reply.callNotFound() })
    app.get('/destroyed', route(), (request, reply) => { self.ran('destroyed'); reply.raw.destroy() })
  })
  for (const run of [1, 2]) {
    t.equal((await origin.get('/hijack')).text, `run ${run}`)
    t.equal((await origin.get('/raw')).text, `run ${run}`)
    t.equal((await origin.get('/missing')).text, `none ${run}`)
    await t.rejects(origin.get('/destroyed'))
    t.equal(origin.runs('destroyed'), run)
  }
})
