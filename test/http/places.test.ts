import { once } from 'node:events'
import http2 from 'node:http2'
import type { AddressInfo } from 'node:net'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify'
import t from 'tap'
import cached from '../../index.ts'
import type { CacheOptions } from '../../index.ts'
import { request, requestText } from '../helpers/client.ts'
import { startOrigin } from '../helpers/origin.ts'
import type { Origin, OriginOptions } from '../helpers/origin.ts'

// Where a route lives: what makes it another, and what does not.

const plugin = cached as unknown as FastifyPluginAsync<CacheOptions>
const route = (cache: Record<string, unknown> = {}): object => ({ config: { cache: { timeout: 60, ...cache } } })
type Scope = { teardown: (f: () => unknown) => void }

async function serve (t: Scope, build: (app: FastifyInstance, origin: Origin) => unknown, options: OriginOptions = {}): Promise<Origin> {
  const origin = await startOrigin(build, options)
  t.teardown(() => origin.close())
  return origin
}

/** A server whose plugins a test registers by itself. */
async function bare (t: Scope, build: (app: FastifyInstance, log: Array<Record<string, unknown>>) => unknown, fastify: object = {}): Promise<{ port: number, log: Array<Record<string, unknown>>, text: (path: string, headers?: Record<string, string>, method?: string) => Promise<string> }> {
  const log: Array<Record<string, unknown>> = []
  const app = Fastify({ logger: { level: 'warn', stream: { write: (line: string) => { log.push(JSON.parse(line) as Record<string, unknown>) } } }, forceCloseConnections: true, ...fastify })
  t.teardown(() => app.close())
  await build(app, log)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const port = (app.server.address() as AddressInfo).port
  return { port, log, text: async (path, headers = {}, method = 'GET') => (await request(port, { path, headers, method })).text }
}

const counting = (origin: Origin, name = '') => async (): Promise<string> => `${name} run ${origin.ran(name)}`.trim()

t.test('HEAD', async (t) => {
  await t.test('made by Fastify: served from a stored GET, and never fills', async (t) => {
    const origin = await serve(t, (app, self) => { app.get('/r', route(), async (request, reply) => reply.header('x-run', self.ran()).send('body')) })
    const head = (): Promise<{ headers: Record<string, unknown>, status: number, text: string }> => origin.request({ method: 'HEAD', path: '/r' })
    t.equal((await head()).headers['x-run'], '1')
    t.equal((await head()).headers['x-run'], '2', 'did not fill')
    t.equal((await origin.get('/r')).headers['x-run'], '3')
    const reply = await head()
    t.equal(reply.headers['x-run'], '3')
    t.equal(reply.headers['content-length'], '4')
    t.equal(reply.text, '')
    t.equal((await origin.get('/r')).text, 'body', 'the stored body is whole')
  })
  await t.test('a handler by hand without config.cache is never asked round', async (t) => {
    const origin = await serve(t, (app, self) => {
      app.head('/r', async (request, reply) => reply.header('x-by', 'hand').header('x-run', self.ran('head')).send())
      app.get('/r', route(), async (request, reply) => reply.header('x-by', 'get').send('body'))
    })
    await origin.get('/r')
    for (const run of ['1', '2']) {
      const reply = await origin.request({ method: 'HEAD', path: '/r' })
      t.equal(reply.headers['x-by'], 'hand')
      t.equal(reply.headers['x-run'], run)
    }
  })
  await t.test('a handler by hand with config.cache is answered by the stored GET of its path', async (t) => {
    const origin = await serve(t, (app, self) => {
      app.head('/r', route(), async (request, reply) => reply.header('x-by', 'hand').header('x-run', self.ran('head')).send())
      app.get('/r', route(), async (request, reply) => reply.header('x-by', 'get').send('body'))
    })
    t.equal((await origin.request({ method: 'HEAD', path: '/r' })).headers['x-by'], 'hand')
    t.equal((await origin.get('/r')).text, 'body', 'and did not fill the GET with an empty body')
    const reply = await origin.request({ method: 'HEAD', path: '/r' })
    t.equal(reply.text, '')
    t.equal(reply.status, 200)
    t.equal((await origin.get('/r')).text, 'body')
  })
  await t.test('one route for both methods', async (t) => {
    const origin = await serve(t, (app, self) => {
      app.route({ method: ['GET', 'HEAD'], url: '/r', ...route(), handler: async (request, reply) => reply.header('x-run', self.ran()).send(request.method === 'HEAD' ? undefined : 'body') })
    })
    await origin.request({ method: 'HEAD', path: '/r' })
    t.equal((await origin.get('/r')).text, 'body')
    t.equal((await origin.request({ method: 'HEAD', path: '/r' })).headers['content-length'], '4')
    t.equal(origin.runs(), 2)
  })
})

t.test('constraints', async (t) => {
  await t.test('hosts: one path, one entry each', async (t) => {
    const origin = await serve(t, (app, self) => {
      for (const host of ['a.test', 'b.test']) app.route({ method: 'GET', url: '/', constraints: { host }, ...route({ host: false }), handler: counting(self, host) })
      app.route({ method: 'GET', url: '/re', constraints: { host: /^c\d\.test$/ }, ...route(), handler: counting(self, 'c') })
    })
    for (const round of [1, 2]) {
      t.equal((await origin.get('/', { host: 'a.test' })).text, 'a.test run 1', `round ${round}`)
      t.equal((await origin.get('/', { host: 'b.test' })).text, 'b.test run 1')
      t.equal((await origin.get('/re', { host: 'c1.test' })).text, 'c run 1')
      t.equal((await origin.get('/re', { host: 'c2.test' })).text, 'c run 2')
    }
  })
  await t.test('versions: apart, and named in Vary', async (t) => {
    const origin = await serve(t, (app, self) => {
      for (const version of ['1.0.0', '2.0.0']) app.route({ method: 'GET', url: '/', constraints: { version }, ...route(), handler: counting(self, version) })
    })
    for (const version of ['1.0.0', '2.0.0', '1.0.0', '2.0.0', '1.x', '2.x']) {
      const reply = await origin.get('/', { 'accept-version': version })
      t.equal(reply.text, `${version.replace('x', '0.0')} run 1`)
      t.match(String(reply.headers.vary).toLowerCase(), 'accept-version')
    }
    t.equal((await origin.get('/', { 'accept-version': '3.0.0' })).status, 404)
  })
  await t.test('a constraint of the application\'s own', async (t) => {
    const tenant = {
      name: 'tenant',
      storage () {
        const handlers = new Map<string, unknown>()
        return { get: (key: string) => handlers.get(key) ?? null, set: (key: string, handler: unknown) => { handlers.set(key, handler) } }
      },
      deriveConstraint: (request: { headers: Record<string, string | undefined> }) => request.headers['x-tenant']
    }
    const origin = await serve(t, (app, self) => {
      for (const name of ['one', 'two']) app.route({ method: 'GET', url: '/', constraints: { tenant: name }, ...route(), handler: counting(self, name) })
    }, { fastify: { routerOptions: { constraints: { tenant } } } as object })
    for (const name of ['one', 'two', 'one', 'two']) t.equal((await origin.get('/', { 'x-tenant': name })).text, `${name} run 1`)
  })
})

t.test('prefixes and scopes', async (t) => {
  for (const [slash, paths] of [['both', ['/p', '/p/']], ['slash', ['/p/']], ['no-slash', ['/p']]] as const) {
    await t.test(`prefixTrailingSlash: ${slash}`, async (t) => {
      const origin = await serve(t, async (app, self) => {
        await app.register(async (child) => { child.route({ method: 'GET', url: '/', prefixTrailingSlash: slash, ...route(), handler: counting(self) }) }, { prefix: '/p' })
      })
      for (const path of paths) {
        const first = (await origin.get(path)).text
        t.equal((await origin.get(path)).text, first, `${path} is cached`)
      }
      t.equal(origin.runs(), paths.length, 'two spellings, two entries')
    })
  }
  await t.test('the same pattern under two prefixes and in nested scopes', async (t) => {
    const origin = await serve(t, async (app, self) => {
      const child = (name: string) => async (scope: FastifyInstance): Promise<void> => {
        scope.get('/x', route(), counting(self, name))
        scope.post('/x', async () => 'written')
      }
      await app.register(child('a'), { prefix: '/a' })
      await app.register(async (scope) => { await scope.register(child('b'), { prefix: '/b' }) }, { prefix: '/deep' })
    })
    for (const [path, name] of [['/a/x', 'a'], ['/deep/b/x', 'b']] as const) {
      t.equal((await origin.get(path)).text, `${name} run 1`)
      t.equal((await origin.get(path)).text, `${name} run 1`)
    }
    await origin.request({ method: 'POST', path: '/deep/b/x' })
    t.equal((await origin.get('/deep/b/x')).text, 'b run 2')
    t.equal((await origin.get('/a/x')).text, 'a run 1')
  })
  await t.test('registered in a child, the cache serves that child only', async (t) => {
    const seen: unknown[] = []
    const server = await bare(t, async (app) => {
      let runs = 0
      await app.register(async (child) => {
        await child.register(plugin)
        child.get('/in', route(), async () => `in ${++runs}`)
      })
      app.get('/out', route(), async () => `out ${++runs}`)
      seen.push(app.hasDecorator('cache'))
    })
    t.equal(await server.text('/in'), 'in 1')
    t.equal(await server.text('/in'), 'in 1')
    t.equal(await server.text('/out'), 'out 2')
    t.equal(await server.text('/out'), 'out 3')
    t.same(seen, [false])
  })
})

t.test('nested caches of one name', async (t) => {
  let inner!: FastifyInstance
  const origin = await serve(t, async (app, self) => {
    app.get('/outer', route({ tags: ['t'] }), counting(self, 'outer'))
    await app.register(async (child) => {
      inner = child
      await child.register(plugin, { CACHE_STATUS_HEADER: 'inner' })
      child.get('/inner', route({ tags: ['t'] }), counting(self, 'inner'))
      child.post('/outer', async () => 'written in the child')
      child.get('/said', route(), async (request, reply) => {
        reply.cache({ tags: ['said'] })
        return `said ${self.ran('said')}`
      })
    })
    app.post('/inner', async () => 'written in the parent')
  }, { cache: { CACHE_STATUS_HEADER: 'outer' } })
  const text = async (path: string): Promise<string> => (await origin.get(path)).text
  t.equal(await text('/outer'), 'outer run 1')
  t.equal(await text('/inner'), 'inner run 1')
  t.match((await origin.get('/inner')).headers['cache-status'], /^inner; hit/, 'the child alone serves its routes')
  t.match((await origin.get('/outer')).headers['cache-status'], /^outer; hit/)
  t.not(inner.cache, origin.app.cache)
  await origin.app.cache.clear()
  t.equal(await text('/outer'), 'outer run 2')
  t.equal(await text('/inner'), 'inner run 1', 'the parent\'s clear() does not reach it')
  await origin.app.cache.invalidateTags('t')
  t.equal(await text('/outer'), 'outer run 3')
  t.equal(await text('/inner'), 'inner run 1', 'nor do its tags')
  await origin.request({ method: 'POST', path: '/inner' })
  t.equal(await text('/inner'), 'inner run 2', 'its automatic purges do')
  await inner.cache.invalidateTags('t')
  t.equal(await text('/inner'), 'inner run 3')
  t.equal(await text('/outer'), 'outer run 3', 'the child\'s tags stay in the child')
  await origin.request({ method: 'POST', path: '/outer' })
  t.equal(await text('/outer'), 'outer run 4', 'a write in the child is one below the parent\'s scope')
  await text('/said')
  await inner.cache.invalidateTags('said')
  t.equal(await text('/said'), 'said 2', 'reply.cache() speaks to the cache that serves')
})

t.test('two caches under two names', async (t) => {
  const server = await bare(t, async (app) => {
    let runs = 0
    await app.register(plugin, { CACHE_STATUS_HEADER: 'one' })
    await app.register(plugin, { CACHE_DECORATOR: 'second', CACHE_STATUS_HEADER: 'two' })
    app.get('/one', route(), async (request, reply) => { reply.cache({ tags: ['t'] }); return `one ${++runs}` })
    app.get('/two', { config: { second: { timeout: 60 } } as object }, async (request, reply) => { reply.cache({ tags: ['t'] }); return `two ${++runs}` })
    app.get('/off', { config: { second: true } as object }, async (request, reply) => { reply.cache(false); return `off ${++runs}` })
    app.post('/one', async () => 'x')
    app.post('/two', async () => 'x')
    app.get('/clear/:name', async (request) => {
      const { name } = request.params as { name: 'cache' }
      await app[name].invalidateTags('t')
      return name
    })
    t.throws(() => app.get('/both', { config: { cache: true, second: true } as object }, async () => ''), { code: 'FST_CACHE_ERR_ROUTE_OPTIONS', message: /\/both/ })
  })
  t.equal(await server.text('/one'), 'one 1')
  t.equal(await server.text('/two'), 'two 2')
  t.match((await request(server.port, { path: '/one' })).headers['cache-status'], /^one; hit/)
  t.match((await request(server.port, { path: '/two' })).headers['cache-status'], /^two; hit/)
  await server.text('/clear/second')
  t.equal(await server.text('/one'), 'one 1')
  t.equal(await server.text('/two'), 'two 3', 'the tags of reply.cache() went to the cache that serves')
  await server.text('/one', {}, 'POST')
  t.equal(await server.text('/one'), 'one 4')
  t.equal(await server.text('/two'), 'two 3')
  await server.text('/two', {}, 'POST')
  t.equal(await server.text('/two'), 'two 5')
  t.not(await server.text('/off'), await server.text('/off'), 'reply.cache(false) too')
})

t.test('one name twice in one scope is a clear error', async (t) => {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(plugin)
  await t.rejects(async () => { await app.register(plugin) }, { code: 'FST_CACHE_ERR_ALREADY_REGISTERED' })
  const other = Fastify()
  t.teardown(() => other.close().catch(() => {}))
  other.decorate('cache', {} as never)
  await t.rejects(async () => { await other.register(plugin) }, { code: /^FST_CACHE_ERR_/ })
})

t.test('HTTP/2', async (t) => {
  const app = Fastify({ http2: true, forceCloseConnections: false } as object) as unknown as FastifyInstance
  await app.register(plugin)
  let runs = 0
  app.get('/r', route(), async (request, reply) => reply.header('x-a', '1').send(`${request.host} run ${++runs}`))
  app.post('/r', async () => 'written')
  await app.listen({ port: 0, host: '127.0.0.1' })
  const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}`
  const session = http2.connect(url)
  t.teardown(async () => {
    session.destroy()
    await app.close()
  })
  async function ask (headers: Record<string, string>): Promise<{ status: number, text: string, headers: Record<string, unknown> }> {
    const stream = session.request({ ':path': '/r', ...headers })
    stream.end()
    const [head] = await once(stream, 'response') as [Record<string, unknown>]
    let text = ''
    for await (const chunk of stream) text += String(chunk)
    return { status: Number(head[':status']), text, headers: head }
  }
  const a = { ':authority': 'a.test' }
  t.equal((await ask(a)).text, 'a.test run 1')
  const hit = await ask(a)
  t.equal(hit.text, 'a.test run 1')
  t.match(hit.headers['cache-status'], /hit/)
  t.equal(hit.headers['x-a'], '1')
  t.equal((await ask({ ':authority': 'b.test' })).text, 'b.test run 2', 'another authority, another entry')
  t.equal((await ask({ ...a, 'if-none-match': String(hit.headers.etag) })).status, 304)
  t.equal((await ask({ ...a, ':method': 'HEAD' })).headers['content-length'], '12')
  await ask({ ...a, ':method': 'POST' })
  t.equal((await ask(a)).text, 'a.test run 3', 'purged')
  t.equal((await ask({ ':authority': 'b.test' })).text, 'b.test run 2')
})

t.test('trustProxy: the forwarded host and scheme are the place', async (t) => {
  const where = (self: Origin) => async (request: FastifyRequest): Promise<string> => `${request.protocol} ${request.host} ${self.ran()}`
  const origin = await serve(t, (app, self) => {
    app.get('/r', route(), where(self))
    app.post('/r', async () => 'x')
  }, { fastify: { trustProxy: true } })
  const shop = { 'x-forwarded-host': 'shop.test', 'x-forwarded-proto': 'https' }
  t.equal((await origin.get('/r', shop)).text, 'https shop.test 1')
  t.equal((await origin.get('/r', { ...shop, 'x-forwarded-proto': 'http' })).text, 'http shop.test 2')
  t.equal((await origin.get('/r', { ...shop, 'x-forwarded-host': 'other.test' })).text, 'https other.test 3')
  t.equal((await origin.get('/r', { ...shop, 'x-forwarded-host': 'SHOP.test:443' })).text, 'https shop.test 1')
  await origin.request({ method: 'POST', path: '/r', headers: shop })
  t.equal((await origin.get('/r', shop)).text, 'https shop.test 4')
  t.equal((await origin.get('/r', { ...shop, 'x-forwarded-host': 'other.test' })).text, 'https other.test 3')
  const wary = await serve(t, (app, self) => { app.get('/r', route(), where(self)) })
  const first = (await wary.get('/r', { host: 'a.test' })).text
  t.equal((await wary.get('/r', { host: 'a.test', ...shop })).text, first, 'without trustProxy they are nobody\'s business')
})

t.test('rewriteUrl: both targets are part of the key, and a purge by either reaches the entry', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.get('/r', route(), async (request) => `${request.url} ${self.ran()}`)
    app.post('/r', async () => 'x')
    app.get('/tenant', route(), async (request) => `${request.url} ${self.ran()}`)
  }, {
    fastify: {
      rewriteUrl (raw) {
        if (raw.url === '/old') return '/r'
        if (raw.url === '/mine') return `/tenant?t=${String(raw.headers['x-tenant'])}`
        return raw.url ?? '/'
      }
    }
  })
  t.equal((await origin.get('/old')).text, '/r 1')
  t.equal((await origin.get('/r')).text, '/r 2')
  t.equal((await origin.get('/old')).text, '/r 1')
  t.equal((await origin.get('/mine', { 'x-tenant': 'a' })).text, '/tenant?t=a 3')
  t.equal((await origin.get('/mine', { 'x-tenant': 'b' })).text, '/tenant?t=b 4', 'one URL that is rewritten in two ways')
  t.equal((await origin.get('/mine', { 'x-tenant': 'a' })).text, '/tenant?t=a 3')
  await origin.request({ method: 'POST', path: '/r' })
  t.equal((await origin.get('/r')).text, '/r 5')
  t.equal((await origin.get('/old')).text, '/r 6', 'what was asked for as /old hangs on /r too')
  await origin.request({ method: 'POST', path: '/old' })
  t.equal((await origin.get('/r')).text, '/r 7')
  t.equal((await origin.get('/old')).text, '/r 8')
})

for (const [option, spellings] of [
  ['caseSensitive', ['/Shop/Bob', '/shop/bob', '/SHOP/BOB']],
  ['ignoreTrailingSlash', ['/shop/bob', '/shop/bob/']],
  ['ignoreDuplicateSlashes', ['/shop/bob', '//shop//bob', '/shop///bob']],
  ['none', ['/shop/bob', '/shop/%62ob', '/shop/%42ob', '/sh%6Fp/bob']]
] as const) {
  t.test(`spellings: ${option}`, async (t) => {
    const value = option !== 'caseSensitive'
    const origin = await serve(t, (app, self) => {
      app.get('/shop/:name', route(), async (request) => `${(request.params as { name: string }).name} ${self.ran()}`)
      app.delete('/shop/:name', async () => 'gone')
    }, option === 'none' ? {} : { fastify: { routerOptions: { [option]: value } } as object })
    const text = async (path: string): Promise<string> => (await origin.raw(requestText(`GET ${path} HTTP/1.1`, 'Host: a.test'))).text
    const alone = new Map<string, string>()
    for (const path of spellings) alone.set(path, (await text(path)).split(' ')[0]!)
    for (const path of spellings) t.equal((await text(path)).split(' ')[0], alone.get(path), `${path}: what the handler makes of that spelling`)
    for (const path of spellings) {
      const runs = origin.runs()
      await text(path)
      t.equal(origin.runs(), runs, `${path} is cached`)
    }
    if (option === 'none') {
      await origin.raw(requestText('DELETE /shop/%62o%62 HTTP/1.1', 'Host: a.test'))
      const runs = origin.runs()
      for (const path of ['/shop/bob', '/shop/%62ob']) await text(path)
      t.equal(origin.runs(), runs + 1, 'one purge, one run for the one resource')
      await text('/shop/%42ob')
      t.equal(origin.runs(), runs + 1, 'Bob is not bob')
      return
    }
    const before = origin.runs()
    await origin.raw(requestText(`DELETE ${spellings[0]} HTTP/1.1`, 'Host: a.test'))
    for (const path of spellings) await text(path)
    t.ok(origin.runs() > before, 'a purge under one spelling')
    const keys = new Set(await Promise.all(spellings.map(async (path) => (await text(path)).split(' ')[1])))
    for (const key of keys) t.ok(Number(key) > before, 'reaches all of them')
  })
}

t.test('targets in absolute form go round', async (t) => {
  const origin = await serve(t, (app, self) => { app.get('/x', route(), counting(self)) })
  await origin.raw(requestText('GET /x HTTP/1.1', 'Host: a.test'))
  for (const target of ['http://evil/x', 'http://a.test/x', 'https://a.test/x', 'HTTP://a.test/x']) {
    const reply = await origin.raw(requestText(`GET ${target} HTTP/1.1`, 'Host: a.test'))
    if (reply.status !== 200) t.equal(reply.status, 404, target)
    else t.match(reply.headers['cache-status'], /fwd=bypass/, target)
  }
  t.equal((await origin.raw(requestText('GET /x HTTP/1.1', 'Host: a.test'))).text, 'run 1')
})

t.test('a method-override header goes round', async (t) => {
  const origin = await serve(t, (app, self) => { app.get('/x', route(), counting(self)) })
  for (const name of ['x-http-method-override', 'x-method-override', 'x-http-method']) {
    t.match((await origin.get('/x', { [name]: 'GET' })).headers['cache-status'], /fwd=bypass; detail=method-override/)
  }
  t.match((await origin.get('/x')).headers['cache-status'], /fwd=uri-miss/)
})

t.test('routes declared before the plugin has loaded', async (t) => {
  await t.test('are served where no hook after onRequest applies to them', async (t) => {
    const server = await bare(t, (app) => {
      let runs = 0
      app.register(plugin)
      app.addHook('onRequest', async (request, reply) => { if (request.headers['x-key'] === 'bad') return reply.code(401).send('no') })
      app.get('/r', route(), async () => `run ${++runs}`)
      app.get('/slow', route(), async (request) => { await new Promise((resolve) => setTimeout(resolve, 5)); return `slow ${++runs}` })
      app.post('/r', async () => 'x')
    })
    t.equal(await server.text('/r'), 'run 1')
    t.equal(await server.text('/r'), 'run 1')
    t.equal(await server.text('/r', { 'x-key': 'bad' }), 'no')
    t.equal(await server.text('/r', { 'x-key': 'good' }), 'run 1')
    await server.text('/r', {}, 'POST')
    t.equal(await server.text('/r'), 'run 2')
    const texts = await Promise.all(Array.from({ length: 5 }, () => server.text('/slow')))
    t.same(new Set(texts), new Set(['slow 3']), 'also at once')
    t.same(server.log, [])
  })
  for (const hook of ['preParsing', 'preValidation', 'preHandler']) {
    await t.test(`else one error line names the route and the fix: ${hook}`, async (t) => {
      const server = await bare(t, (app) => {
        let runs = 0
        app.register(plugin)
        app.get('/r', { ...route(), [hook]: async (request: FastifyRequest) => { if (request.headers['x-key'] === 'bad') throw new Error('no') } } as object, async () => `run ${++runs}`)
      })
      for (const run of [1, 2, 3]) t.equal(await server.text('/r'), `run ${run}`)
      const lines = server.log.filter((line) => String(line.msg).includes('/r') && line.level === 50)
      t.equal(lines.length, 1)
      t.match(lines[0]!.msg, /GET \/r.*await/s)
    })
  }
  await t.test('a check that the key does not cover still runs before a hit', async (t) => {
    const server = await bare(t, (app) => {
      let runs = 0
      app.register(plugin)
      app.get('/headers', { ...route(), schema: { headers: { type: 'object', required: ['x-key'] } } }, async () => `headers ${++runs}`)
      app.get('/query', { ...route({ queryString: false }), schema: { querystring: { type: 'object', properties: { n: { type: 'integer' } } } } }, async () => `query ${++runs}`)
      app.route({ method: 'POST', url: '/body', ...route({ methods: ['POST'], makeCacheKey: (request: FastifyRequest) => JSON.stringify(request.body ?? 'none') }), handler: async (request) => `body ${JSON.stringify(request.body)} ${++runs}` })
      app.get('/late', route({ hook: 'preHandler' }), async () => `late ${++runs}`)
    })
    t.equal(await server.text('/headers', { 'x-key': '1' }), 'headers 1')
    t.equal(await server.text('/headers', { 'x-key': '2' }), 'headers 1')
    t.equal((await request(server.port, { path: '/headers' })).status, 400)
    t.equal(await server.text('/query?n=1'), 'query 2')
    t.equal(await server.text('/query?n=2'), 'query 2')
    t.equal((await request(server.port, { path: '/query?n=x' })).status, 400)
    const post = (body: string): Promise<string> => request(server.port, { method: 'POST', path: '/body', headers: { 'content-type': 'application/json' }, body }).then((reply) => reply.text)
    t.equal(await post('{"a":1}'), 'body {"a":1} 3')
    t.equal(await post('{"a":2}'), 'body {"a":2} 4')
    t.equal(await post('{"a":1}'), 'body {"a":1} 3')
    t.equal(await server.text('/late'), 'late 5')
    t.equal(await server.text('/late'), 'late 5')
  })
  await t.test('HEAD of them', async (t) => {
    const server = await bare(t, (app) => {
      let runs = 0
      app.register(plugin)
      app.get('/r', route(), async (request, reply) => reply.header('x-run', ++runs).send('body'))
    })
    const head = async (): Promise<unknown> => (await request(server.port, { method: 'HEAD', path: '/r' })).headers['x-run']
    t.equal(await head(), '1')
    await server.text('/r')
    t.equal(await head(), '2')
    t.equal(await server.text('/r'), 'body')
    t.same(server.log, [])
  })
  await t.test('a route whose options are wrong is named too, and works', async (t) => {
    const server = await bare(t, (app) => {
      app.register(plugin)
      app.get('/r', { config: { cache: { timout: 60 } } as object }, async () => 'r')
    })
    t.equal(await server.text('/r'), 'r')
    t.equal(await server.text('/r'), 'r')
    t.match(server.log.map((line) => line.msg).join('\n'), /\/r.*timout.*timeout/s)
  })
})

t.test('NullCache', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.get('/r', route(), async (request, reply) => {
      await new Promise((resolve) => setTimeout(resolve, 20))
      return `run ${self.ran()}`
    })
    app.get('/isolated', route({ cookies: 'ignore', queryString: false }), async (request) => ({ query: request.query, cookie: request.headers.cookie }))
    app.post('/r', async () => 'x')
  }, { cache: { CACHE_TYPE: 'NullCache', CACHE_NO_NULL_WARNING: true } })
  const replies = await Promise.all(Array.from({ length: 5 }, () => origin.get('/r')))
  t.same(replies.map((reply) => reply.text).sort(), [1, 2, 3, 4, 5].map((run) => `run ${run}`), 'every request runs')
  for (const reply of replies) {
    t.equal(reply.headers.etag, undefined)
    t.equal(reply.headers.age, undefined)
    t.notMatch(String(reply.headers['cache-status']), /hit|stored|collapsed/)
  }
  t.equal((await origin.get('/r', { 'if-none-match': '*' })).status, 200)
  t.equal((await origin.get('/r', { 'cache-control': 'only-if-cached' })).status, 200)
  t.equal((await origin.request({ method: 'POST', path: '/r' })).status, 200)
  t.match((await origin.get('/isolated?a=1', { cookie: 'c=1' })).text, '"a":"1"')
})
