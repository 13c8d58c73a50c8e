import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { brotliDecompressSync, gunzipSync, gzipSync } from 'node:zlib'
import compress from '@fastify/compress'
import cookiePlugin from '@fastify/cookie'
import csrf from '@fastify/csrf-protection'
import replyFrom from '@fastify/reply-from'
import session from '@fastify/session'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t from 'tap'
import { exchange, parseReplies, requestText } from '../helpers/client.ts'
import type { ClientReply } from '../helpers/client.ts'
import { startOrigin } from '../helpers/origin.ts'
import type { Origin, OriginOptions } from '../helpers/origin.ts'

// What went wrong for users of other caches, tried here. Each names the public report that it comes from.

const route = (cache: Record<string, unknown> = {}): object => ({ config: { cache: { timeout: 60, ...cache } } })

async function serve (t: { teardown: (f: () => unknown) => void }, build: (app: FastifyInstance, origin: Origin) => unknown, options: OriginOptions = {}): Promise<Origin> {
  const origin = await startOrigin(build, options)
  t.teardown(() => origin.close())
  return origin
}

// NodeBB/NodeBB#14787, spatie/laravel-responsecache#69, aspnet/Antiforgery#105
t.test('a page with the CSRF token of one session is not shown to others', async (t) => {
  const origin = await serve(t, async (app) => {
    await app.register(cookiePlugin)
    await app.register(session, { secret: 'a secret of thirty-two characters', cookie: { secure: false } })
    await app.register(csrf as never, { sessionPlugin: '@fastify/session' } as never)
    app.get('/form', route(), async (request, reply) => `token ${reply.generateCsrf()}`)
  })
  const [first, second] = [await origin.get('/form'), await origin.get('/form')]
  t.not(first.text, second.text, 'two visitors, two tokens')
  const cookie = String([first.headers['set-cookie']].flat()[0]).split(';')[0] ?? ''
  const again = await origin.get('/form', { cookie })
  t.not(again.text, second.text, 'who comes back has one of their own')
  t.not((await origin.get('/form')).text, again.text)
})

// jiangwenyuan/nuster#6
t.test('paths and queries that look alike have pages of their own', async (t) => {
  const origin = await serve(t, (app) => { app.get('/*', route(), async (request) => request.url) })
  const targets = ['/get?name=x', '/?getname=x', '/getname=x', '/a?b', '/a%3Fb', '/a', '/ab', '/a/b', '/a%2Fb', '/a?b#c', '/a%23b']
  for (const round of [1, 2]) {
    for (const target of targets) {
      t.equal((await origin.raw(requestText(`GET ${target} HTTP/1.1`, 'Host: a.test'))).text, target, `${target} in round ${round}`)
    }
  }
})

// veryfront/veryfront-code#2504, mvanhorn/printing-press-library#1197
t.test('repeated parameters keep their order, pairs do not run together', async (t) => {
  const origin = await serve(t, (app) => { app.get('/r', route(), async (request) => JSON.stringify(request.query)) })
  const queries = ['a=2&a=1', 'a=1&a=2', 'a=1&b=2&a=3', 'b=2&a=3&a=1', 'a=bc&d=e', 'a=b&cd=e', 'a', 'q=a+b&x', 'q=a%2Bb&x']
  const alone = new Map<string, string>()
  for (const query of queries) alone.set(query, (await origin.get(`/r?${query}`)).text)
  for (const query of queries) t.equal((await origin.get(`/r?${query}`)).text, alone.get(query), query)
  t.equal(new Set(alone.values()).size, queries.length, 'all apart')
  t.equal((await origin.get('/r?b=2&a=1&a=3')).text, alone.get('a=1&b=2&a=3'), 'names in any order are one page')
})

// veryfront/veryfront-code#2504
t.test('a query parser of the application\'s own decides what a listed name is', async (t) => {
  const origin = await serve(t, (app) => {
    app.get('/r', route({ queryString: ['page'] }), async (request) => JSON.stringify(request.query))
  }, { fastify: { routerOptions: { querystringParser: (text: string) => Object.fromEntries(text.split(';').map((pair) => pair.toLowerCase().split('='))) } } as object })
  t.match((await origin.get('/r?PAGE=1;x=2')).text, '"page":"1"')
  t.match((await origin.get('/r?page=2;x=2')).text, '"page":"2"')
  t.match((await origin.get('/r?x=9;page=1')).text, '"page":"1"')
})

// oxidecomputer/dropshot#1637
t.test('versions of one URL are never mixed', async (t) => {
  const origin = await serve(t, (app, self) => {
    for (const version of ['1.2.0', '2.0.0']) {
      app.route({ method: 'GET', url: '/v', constraints: { version }, ...route(), handler: async () => `version ${version} run ${self.ran(version)}` })
    }
    for (const host of ['one.test', 'two.test']) {
      app.route({ method: 'GET', url: '/h', constraints: { host }, ...route({ host: false }), handler: async () => host })
    }
  })
  for (const round of [1, 2]) {
    for (const [asked, got] of [['1.x', '1.2.0'], ['2.x', '2.0.0'], ['1.2.0', '1.2.0'], ['2.0.0', '2.0.0']]) {
      const reply = await origin.get('/v', { 'accept-version': asked ?? '' })
      t.match(reply.text, `version ${got} `, `${asked} in round ${round}`)
      t.match(String(reply.headers.vary), /accept-version/i, 'Vary names what chose')
    }
    for (const host of ['one.test', 'two.test']) t.equal((await origin.get('/h', { host })).text, host)
  }
})

// zetkin/app.zetkin.org#461, medic/cht-core#4364
t.test('a permanent redirect to the login is not shown to who is logged in', async (t) => {
  const origin = await serve(t, (app) => {
    app.get('/r', route(), async (request, reply) => request.headers['x-api-key'] === undefined ? reply.redirect('/login', 301) : 'welcome')
  })
  t.equal((await origin.get('/r')).status, 301)
  t.equal((await origin.get('/r', { 'x-api-key': 'k' })).text, 'welcome')
  t.equal((await origin.get('/r')).status, 301)
  t.equal((await origin.get('/r', { 'x-api-key': 'k' })).text, 'welcome')
})

const bodies: Record<string, () => unknown> = {
  string: () => 'hello',
  Buffer: () => Buffer.from('hello'),
  stream: () => Readable.from([Buffer.from('he'), Buffer.from('llo')])
}

// caddyserver/cache-handler#59, fastify/fastify-static#447
t.test('HEAD says the length of the GET', async (t) => {
  const origin = await serve(t, (app, self) => {
    for (const [name, body] of Object.entries(bodies)) app.get(`/${name}`, route(), async (request, reply) => { self.ran(name); return reply.send(body()) })
  })
  for (const name of Object.keys(bodies)) {
    const ask = (method: string): Promise<ClientReply> => origin.request({ method, path: `/${name}` })
    t.not((await ask('HEAD')).headers['content-length'], '0', `${name}: cold`)
    const got = await ask('GET')
    t.equal(got.text, 'hello')
    t.equal(origin.runs(name), 2, `${name}: HEAD did not fill`)
    const head = await ask('HEAD')
    t.equal(head.headers['content-length'], '5', name)
    t.ok(head.headers.etag)
    t.ok(head.headers.age)
    t.equal(head.body.length, 0)
    t.equal(origin.runs(name), 2)
    t.equal(head.headers.etag, (await ask('GET')).headers.etag)
  }
})

// symfony/symfony#20893
t.test('a HEAD handler of the application\'s own is not gone round', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.head('/x', async (request, reply) => reply.header('x-head', String(self.ran('x'))).send())
    app.get('/x', route(), async () => 'got')
    app.head('/y', { ...route() }, async (request, reply) => reply.header('x-head', String(self.ran('y'))).send())
    app.get('/y', route(), async () => 'got')
  })
  await origin.get('/x')
  for (const n of ['1', '2']) t.equal((await origin.request({ method: 'HEAD', path: '/x' })).headers['x-head'], n)
  await origin.get('/y')
  const head = await origin.request({ method: 'HEAD', path: '/y' })
  t.equal(head.status, 200)
  t.equal(head.body.length, 0)
  t.equal((await origin.get('/y')).text, 'got', 'and never fills')
})

// fastify/fastify#6371, honojs/hono#686, nestjs/nest#10905
t.test('Web streams, Response objects and views are the same on the second and third hit', async (t) => {
  const web = (...parts: string[]): ReadableStream => new ReadableStream({
    start (controller) {
      for (const part of parts) controller.enqueue(new TextEncoder().encode(part))
      controller.close()
    }
  })
  const makers: Record<string, () => unknown> = {
    'web-stream': () => web('he', 'llo'),
    'response-stream': () => new Response(web('hel', 'lo'), { status: 203, headers: { 'x-made': 'yes', 'content-type': 'text/x-made' } }),
    'response-text': () => new Response('hello', { status: 203, headers: { 'x-made': 'yes', 'content-type': 'text/x-made' } }),
    'node-stream': () => Readable.from([Buffer.from('hello')]),
    view: () => new Uint8Array(Buffer.from('xxhelloxx')).subarray(2, 7),
    'object-stream': () => Readable.from(['hel', 'lo'])
  }
  const origin = await serve(t, (app, self) => {
    for (const [name, make] of Object.entries(makers)) app.get(`/${name}`, route(), async (request, reply) => { self.ran(name); return reply.send(make()) })
    app.get('/cookie-response', route(), async (request, reply) => reply.send(new Response('hello', { headers: { 'set-cookie': `n=${self.ran('cookie')}` } })))
    app.get('/private-response', route(), async (request, reply) => reply.send(new Response(`run ${self.ran('private')}`, { headers: { 'cache-control': 'private' } })))
  })
  for (const name of Object.keys(makers)) {
    const first = await origin.get(`/${name}`)
    t.equal(first.text, 'hello', name)
    await sleep(5)
    for (const hit of [await origin.get(`/${name}`), await origin.get(`/${name}`)]) {
      t.equal(hit.text, 'hello', name)
      t.equal(hit.status, first.status, `${name}: status`)
      for (const field of ['x-made', 'content-type']) t.equal(hit.headers[field], first.headers[field], `${name}: ${field}`)
    }
    t.equal(origin.runs(name), 1, `${name}: one run`)
  }
  t.not(String((await origin.get('/cookie-response')).headers['set-cookie']), String((await origin.get('/cookie-response')).headers['set-cookie']))
  t.not((await origin.get('/private-response')).text, (await origin.get('/private-response')).text, 'a private Response is not stored')
})

// cowprotocol/bff#67
t.test('a proxied reply is whole on every hit', async (t) => {
  const upstream = createServer((request, reply) => {
    if (request.url === '/gzip') return reply.setHeader('content-encoding', 'gzip').setHeader('content-type', 'text/plain').end(gzipSync('hello'))
    reply.setHeader('content-type', 'text/plain')
    reply.write('hel')
    reply.end('lo')
  })
  await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
  t.teardown(() => upstream.close())
  const origin = await serve(t, async (app, self) => {
    await app.register(replyFrom, { base: `http://127.0.0.1:${(upstream.address() as AddressInfo).port}` })
    for (const path of ['/chunked', '/gzip']) app.get(path, route(), (request, reply) => { self.ran(path); reply.from(path) })
  })
  for (const path of ['/chunked', '/gzip']) {
    for (let i = 0; i < 3; i++) {
      const reply = await origin.get(path)
      t.equal((path === '/gzip' ? gunzipSync(reply.body) : reply.body).toString(), 'hello', path)
      t.equal(reply.headers['content-encoding'], path === '/gzip' ? 'gzip' : undefined)
      await sleep(5)
    }
    const head = await origin.request({ method: 'HEAD', path })
    t.equal(head.status, 200)
    t.equal(head.body.length, 0)
    t.equal(origin.runs(path), 1, `${path}: one run`)
  }
})

// darkweak/souin#807, apache/trafficserver#6907, #7234
t.test('fields of one connection are not replayed', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.get('/r', route(), async (request, reply) => {
      reply.headers({ connection: 'x-hop', 'x-hop': '1', 'keep-alive': 'timeout=99', 'proxy-authenticate': 'Basic', 'x-stays': '1' })
      return reply.send(Readable.from([`run ${self.ran()}`]))
    })
  })
  await origin.get('/r')
  await sleep(5)
  const hit = await origin.get('/r')
  t.equal(hit.text, 'run 1')
  t.equal(hit.headers['x-stays'], '1')
  for (const name of ['x-hop', 'proxy-authenticate']) t.equal(hit.headers[name], undefined, name)
  t.notMatch(String(hit.headers.connection), 'x-hop')
  t.notMatch(String(hit.headers['keep-alive']), '99')
  t.notOk(hit.headers['content-length'] !== undefined && hit.headers['transfer-encoding'] !== undefined, 'one framing')
})

// cloudflare/vinext#758, nitrojs/nitro#1850
t.test('a hit has the miss\'s headers line by line', async (t) => {
  const origin = await serve(t, (app) => {
    app.get('/r', route(), async (request, reply) => {
      reply.header('link', ['</a>; rel=preload', '</b>; rel=preload'])
      reply.header('x-number', 42).header('x-empty', '').header('x-latin', 'caf\u00e9').header('x-gone', '1')
      reply.removeHeader('x-gone')
      return 'hello'
    })
  })
  const lines = (reply: ClientReply): string[] => {
    const own = ['date', 'age', 'cache-status', 'connection', 'keep-alive']
    return reply.rawHeaders.flatMap((name, i) => i % 2 === 0 && !own.includes(name.toLowerCase()) ? [`${name.toLowerCase()}: ${reply.rawHeaders[i + 1]}`] : []).sort()
  }
  const miss = await origin.get('/r')
  t.equal(miss.headers['x-gone'], undefined)
  t.strictSame(lines(await origin.get('/r')), lines(miss))
  t.strictSame(lines(await origin.get('/r')), lines(miss))
  t.notMatch(JSON.stringify(miss.rawHeaders), 'undefined')
})

// fastify/fastify#4374
t.test('a hit with a slow onSend behind it, on a pipelined connection: one reply each, no second run', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.addHook('onSend', async (request, reply, payload) => { await sleep(50); return payload })
    app.get('/r', route(), async () => `run ${self.ran()}`)
  })
  await origin.get('/r')
  const one = 'GET /r HTTP/1.1\r\nHost: 127.0.0.1:' + origin.port + '\r\n\r\n'
  const replies = parseReplies(await exchange(origin.port, one + one + one.replace('\r\n\r\n', '\r\nConnection: close\r\n\r\n')))
  t.strictSame(replies.map((reply) => `${reply.status} ${reply.text}`), ['200 run 1', '200 run 1', '200 run 1'])
  t.equal(origin.runs(), 1)
  t.notMatch(JSON.stringify(origin.log), 'ERR_HTTP_HEADERS_SENT')
})

const long = 'compress me '.repeat(400)
const decoded = (reply: ClientReply): string => {
  const encoding = reply.headers['content-encoding']
  if (encoding === 'gzip') return gunzipSync(reply.body).toString()
  if (encoding === 'br') return brotliDecompressSync(reply.body).toString()
  return reply.body.toString()
}

// dotnet/aspnetcore#45998
t.test('each client gets an encoding that it accepts', async (t) => {
  const page = (app: FastifyInstance, self: Origin, cache: object): void => {
    app.get('/r', route(cache as Record<string, unknown>), async (request, reply) => { self.ran(); return reply.type('text/plain').send(long) })
  }
  const setups: Record<string, [(app: FastifyInstance, self: Origin) => unknown, OriginOptions?]> = {
    'compress: true': [(app, self) => page(app, self, { compress: true })],
    '@fastify/compress before': [(app, self) => page(app, self, {}), { before: (app) => app.register(compress, { threshold: 10 }) }],
    '@fastify/compress after': [async (app, self) => { await app.register(compress, { threshold: 10 }); page(app, self, {}) }],
    'both, before': [(app, self) => page(app, self, { compress: true }), { before: (app) => app.register(compress, { threshold: 10 }) }],
    'both, after': [async (app, self) => { await app.register(compress, { threshold: 10 }); page(app, self, { compress: true }) }]
  }
  const accepts = ['br', 'gzip', undefined, 'identity', 'gzip', 'br', undefined, 'gzip;q=0, br;q=0']
  for (const [name, [build, options]] of Object.entries(setups)) {
    await t.test(name, async (t) => {
      const origin = await serve(t, build, options)
      const ask = async (accept?: string): Promise<void> => {
        const reply = await origin.get('/r', accept === undefined ? {} : { 'accept-encoding': accept })
        const encoding = reply.headers['content-encoding']
        t.equal(decoded(reply), long, `${accept}: the text, encoded once`)
        if (encoding !== undefined) t.equal(encoding, accept, `${accept}: an encoding that was asked for`)
        // @fastify/compress names it only where it compresses.
        if (encoding !== undefined || !name.startsWith('@')) t.match(String(reply.headers.vary), /accept-encoding/i, `${accept}: Vary`)
      }
      for (const accept of accepts) await ask(accept)
      await Promise.all(Array.from({ length: 20 }, (_, i) => ask(accepts[i % accepts.length])))
      for (const accept of [...accepts].reverse()) await ask(accept)
      t.equal(origin.runs(), 1)
    })
  }
  await t.test('compress: true compresses in the end', async (t) => {
    const origin = await serve(t, (app, self) => page(app, self, { compress: ['gzip'] }))
    let encoding: unknown
    for (let i = 0; i < 50 && encoding !== 'gzip'; i++) {
      encoding = (await origin.get('/r', { 'accept-encoding': 'gzip' })).headers['content-encoding']
      await sleep(5)
    }
    t.equal(encoding, 'gzip')
  })
})

// varnishcache/varnish-cache#1120, h5bp/html5-boilerplate#388
t.test('Vary: User-Agent does not fill the store', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.get('/r', route({ maxVariants: 8 }), async (request, reply) => { reply.header('vary', 'user-agent'); return `run ${self.ran()}` })
    app.put('/r', async () => 'done')
  })
  const inject = (agent: string): Promise<{ body: string }> => origin.app.inject({ url: '/r', headers: { 'user-agent': agent } })
  for (let i = 0; i < 1000; i++) await inject(`agent ${i}`)
  const stats = (origin.app as unknown as { cache: { stats: () => { entries?: number } } }).cache.stats()
  t.ok(stats.entries !== undefined && stats.entries <= 10, `${stats.entries} entries`)
  const before = origin.runs()
  t.equal((await inject('agent 999')).body, `run ${before}`, 'the last is still there')
  await origin.app.inject({ method: 'PUT', url: '/r' })
  await inject('agent 999')
  t.equal(origin.runs(), before + 1, 'a purge removes all')
})

// haproxy/haproxy#987
t.test('the second line of Accept-Encoding counts', async (t) => {
  const origin = await serve(t, (app) => {
    app.get('/r', route(), async (request, reply) => { reply.header('vary', 'accept-encoding'); return `for ${String(request.headers['accept-encoding'])}` })
    app.get('/c', route({ compress: ['br', 'gzip'] }), async (request, reply) => reply.type('text/plain').send(long))
  })
  for (const path of ['/r', '/c']) {
    for (let i = 0; i < 3; i++) await origin.raw(requestText(`GET ${path} HTTP/1.1`, 'Host: a.test', 'Accept-Encoding: gzip', 'Accept-Encoding: br'))
    const reply = await origin.raw(requestText(`GET ${path} HTTP/1.1`, 'Host: a.test', 'Accept-Encoding: gzip'))
    t.not(reply.headers['content-encoding'], 'br', path)
    if (path === '/r') t.equal(reply.text, 'for gzip')
  }
})

// static-web-server/static-web-server#569
t.test('HTTP/2: virtual hosts are not mixed', async (t) => {
  const http2 = await import('node:http2')
  const origin = await serve(t, (app) => {
    app.get('/r', route(), async (request: FastifyRequest) => `for ${String(request.headers[':authority'] ?? request.headers.host)}`)
  }, { fastify: { http2: true, forceCloseConnections: false } as object })
  const client = http2.connect(`http://127.0.0.1:${origin.port}`)
  t.teardown(() => client.close())
  const ask = (headers: Record<string, string>): Promise<string> => new Promise((resolve, reject) => {
    let text = ''
    client.request({ ':path': '/r', ...headers }).on('data', (chunk) => { text += String(chunk) }).on('end', () => resolve(text)).on('error', reject)
  })
  const both = { ':authority': 'a.test', host: 'b.test' }
  t.equal(await ask(both), 'for a.test', 'two names that differ, cold')
  for (const round of [1, 2]) {
    for (const host of ['a.test', 'b.test', '[::1]:8080']) t.equal(await ask({ ':authority': host }), `for ${host}`, `round ${round}`)
    t.equal(await ask(both), 'for a.test', 'two names that differ: as without a cache')
  }
})

t.test('HTTP/1.0 without a Host, and IPv6 literals', async (t) => {
  const origin = await serve(t, (app, self) => { app.get('/r', route(), async (request) => `run ${self.ran()} for ${String(request.headers.host)}`) })
  t.match((await origin.raw('GET /r HTTP/1.0\r\n\r\n')).text, 'run 1 ')
  t.match((await origin.raw('GET /r HTTP/1.0\r\n\r\n')).text, 'run 2 ', 'no host: round the cache')
  t.equal((await origin.get('/r', { host: '[::1]' })).text, 'run 3 for [::1]')
  t.equal((await origin.get('/r', { host: '[::2]' })).text, 'run 4 for [::2]')
  t.equal((await origin.get('/r', { host: '[::1]:80' })).text, 'run 3 for [::1]')
})
