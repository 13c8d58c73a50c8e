import cookie from '@fastify/cookie'
import helmet from '@fastify/helmet'
import jwt from '@fastify/jwt'
import requestContext from '@fastify/request-context'
import session from '@fastify/session'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t from 'tap'
import { requestText } from '../helpers/client.ts'
import { eventually, startOrigin } from '../helpers/origin.ts'
import type { Origin, OriginOptions } from '../helpers/origin.ts'

// What the key does not cover, the handler of a shared reply does not see; everybody else sees all.

const route = (cache: Record<string, unknown> = {}): object => ({ config: { cache: { timeout: 60, ...cache } } })

async function serve (t: { teardown: (f: () => unknown) => void }, build: (app: FastifyInstance, origin: Origin) => unknown, options: OriginOptions = {}): Promise<Origin> {
  const origin = await startOrigin(build, options)
  t.teardown(() => origin.close())
  return origin
}

const see = async (request: FastifyRequest): Promise<unknown> => ({
  query: request.query,
  url: request.url,
  originalUrl: request.originalUrl,
  cookie: request.headers.cookie,
  cookies: (request as { cookies?: unknown }).cookies,
  authorization: request.headers.authorization,
  key: request.headers['x-api-key'],
  agent: request.headers['x-agent'],
  language: request.headers['accept-language'],
  type: request.headers['content-type'],
  host: request.host,
  hostname: request.hostname,
  hostHeader: request.headers.host,
  ip: request.ip,
  raw: request.raw.url
})

interface Case {
  name: string
  cache: Record<string, unknown>
  path?: string
  headers?: Record<string, string>
  /** What the handler sees; a name that is not here it may see or not. */
  sees: Record<string, unknown>
}

const everything = { cookie: 'a=1; b=2; c', authorization: 'Bearer x', 'x-api-key': 'k', 'x-agent': 'curl', 'accept-language': 'de', 'content-type': 'text/evil', host: 'a.test:81' }
const open = { authorization: 'ignore', cookies: 'ignore' }

const cases: Case[] = [
  { name: 'the default: the query is keyed, and seen', cache: {}, headers: {}, path: '/r?a=1&b=2', sees: { query: { a: '1', b: '2' }, url: '/r?a=1&b=2' } },
  { name: 'queryString: false', cache: { queryString: false }, headers: {}, path: '/r?a=1&b=2', sees: { query: {}, url: '/r', originalUrl: '/r', raw: '/r?a=1&b=2' } },
  { name: 'queryString: a list', cache: { queryString: ['a'] }, headers: {}, path: '/r?b=2&a=1&a=3', sees: { query: { a: ['1', '3'] }, url: '/r?a=1&a=3', originalUrl: '/r?a=1&a=3', raw: '/r?b=2&a=1&a=3' } },
  { name: 'queryString: a list, spelt otherwise', cache: { queryString: ['a'] }, headers: {}, path: '/r?%61=x%26b=2&c=3', sees: { query: { a: 'x&b=2' }, url: '/r?a=x%26b%3D2' } },
  { name: 'queryString: a list, nothing of it there', cache: { queryString: ['a'] }, headers: {}, path: '/r?b=2', sees: { query: {}, url: '/r' } },
  { name: 'cookies: ignore', cache: open, sees: { cookie: undefined, cookies: {} } },
  { name: 'cookies: a list', cache: { ...open, cookies: ['b'] }, sees: { cookie: 'b=2', cookies: { b: '2' } } },
  { name: 'cookies: a list, and a bare name that begins so', cache: { ...open, cookies: ['b'] }, headers: { cookie: 'b1; bx=3; b=2' }, sees: { cookie: 'b=2', cookies: { b: '2' } } },
  { name: 'cookies: vary', cache: { ...open, cookies: 'vary' }, sees: { cookie: 'a=1; b=2; c' } },
  { name: 'authorization: ignore', cache: open, sees: { authorization: undefined, key: undefined, agent: 'curl', language: 'de' } },
  { name: 'authorization: vary', cache: { ...open, authorization: 'vary' }, sees: { authorization: 'Bearer x', key: 'k' } },
  { name: 'a bypassed request: all', cache: { queryString: false }, path: '/r?a=1', sees: { query: { a: '1' }, url: '/r?a=1', cookie: 'a=1; b=2; c', authorization: 'Bearer x' } },
  { name: 'isolate: false', cache: { ...open, isolate: false, queryString: false }, path: '/r?a=1', sees: { query: { a: '1' }, url: '/r?a=1', cookie: 'a=1; b=2; c', authorization: 'Bearer x', key: 'k', agent: 'curl', ip: '127.0.0.1' } },
  { name: 'isolate: strict', cache: { ...open, isolate: 'strict', vary: ['accept-language'] }, sees: { agent: undefined, type: undefined, ip: '', cookie: undefined, authorization: undefined, language: 'de', host: 'a.test:81', hostname: 'a.test', hostHeader: 'a.test:81' } },
  { name: 'isolate: strict, with what the key holds', cache: { isolate: 'strict', authorization: 'vary', cookies: ['a'] }, sees: { authorization: 'Bearer x', key: 'k', cookie: 'a=1', cookies: { a: '1' }, language: undefined } },
  { name: 'isolate: strict and a key without the host', cache: { ...open, isolate: 'strict', host: false }, sees: { host: '', hostname: '', hostHeader: undefined } },
  { name: 'NullCache-like: a method that is not cached sees all', cache: { ...open, isolate: 'strict' }, sees: {} }
]

for (const { name, cache, path = '/r', headers = everything, sees } of cases) {
  t.test(name, async (t) => {
    const origin = await serve(t, async (app) => {
      await app.register(cookie)
      app.get('/r', route(cache), see)
      app.get('/called', route(cache), (request, reply) => { see(request).then((seen) => reply.send(seen)) })
      app.get('/late', { ...route(cache), preHandler: async () => {} }, see)
    })
    for (const at of [path, path.replace('/r', '/called'), path.replace('/r', '/late')]) {
      const seen = JSON.parse((await origin.get(at, headers)).text) as Record<string, unknown>
      for (const [key, wanted] of Object.entries(sees)) {
        const expected = typeof wanted === 'string' ? wanted.replace(/^\/r/, at.split('?')[0]!) : wanted
        t.same(seen[key], expected, `${at}: ${key}`)
      }
    }
  })
}

t.test('a parser that splits elsewhere leaves nothing in the URL', async (t) => {
  const origin = await serve(t, (app) => { app.get('/r', route({ queryString: ['page'] }), see) }, {
    fastify: { routerOptions: { querystringParser: (text: string) => Object.fromEntries(text.split(/[;&]/).map((pair) => pair.split('='))) } } as object
  })
  const seen = JSON.parse((await origin.get('/r?page=1;user=bob')).text) as Record<string, unknown>
  t.same(seen.query, { page: '1' })
  t.equal(seen.url, '/r?page=1')
  t.equal((await origin.get('/r?page=1;user=alice')).text, JSON.stringify(seen))
})

t.test('a parser that gives a container of its own: the handler gets that kind', async (t) => {
  for (const kind of ['URLSearchParams', 'Map']) {
    const origin = await serve(t, (app) => {
      app.get('/r', route({ queryString: ['page'] }), async (request) => {
        const query = request.query as Map<string, string>
        return { page: query.get('page'), user: query.get('user') ?? null }
      })
    }, { fastify: { routerOptions: { querystringParser: (text: string) => kind === 'Map' ? new Map(new URLSearchParams(text)) : new URLSearchParams(text) } } as object })
    t.equal((await origin.get('/r?page=1&user=bob')).text, '{"page":"1","user":null}', kind)
  }
})

t.test('hooks, the raw request and reply.request see all', async (t) => {
  const seen: unknown[] = []
  const origin = await serve(t, (app) => {
    const note = (request: FastifyRequest): void => { seen.push((request.query as { a: string }).a, request.headers.cookie) }
    app.addHook('preHandler', async (request) => note(request))
    app.addHook('onSend', async (request) => note(request))
    app.addHook('onResponse', async (request) => note(request))
    app.get('/r', route({ queryString: false, cookies: 'ignore' }), async (request, reply) => {
      note(reply.request)
      return { raw: request.raw.headers.cookie, url: request.raw.url, here: request.headers.cookie ?? null }
    })
  })
  t.equal((await origin.get('/r?a=1', { cookie: 'c=1' })).text, '{"raw":"c=1","url":"/r?a=1","here":null}')
  t.ok(await eventually(() => seen.length === 8))
  t.same(seen, ['1', 'c=1', '1', 'c=1', '1', 'c=1', '1', 'c=1'])
})

t.test('what a handler writes on the request is there for later hooks and the error handler', async (t) => {
  const origin = await serve(t, (app) => {
    app.decorateRequest('total', 0)
    app.decorateRequest('user')
    app.decorateRequest('plain')
    app.setErrorHandler(async (error: Error, request, reply) => reply.code(418).send(`${error.message} ${(request as any).total}`))
    app.addHook('onSend', async (request, reply) => { reply.header('x-total', String((request as any).total)).header('x-user', JSON.stringify((request as any).user)) })
    for (const isolate of [true, 'strict', false]) {
      app.get(`/${isolate}`, route({ queryString: false, cookies: 'ignore', isolate }), async (request: any) => {
        request.total = 5
        request.total++
        request.user = { name: 'bob' }
        request.query.extra = 'mine'
        request.headers = { 'x-made': '1' }
        return { total: request.total, user: request.user, extra: request.query.extra, own: request.headers['x-made'] }
      })
      app.get(`/fails/${isolate}`, route({ queryString: false, cookies: 'ignore', isolate }), async (request: any) => {
        request.total = 7
        throw new Error('failed at')
      })
    }
  })
  for (const isolate of ['true', 'strict', 'false']) {
    const reply = await origin.get(`/${isolate}?a=1`, { cookie: 'c=1' })
    t.equal(reply.text, '{"total":6,"user":{"name":"bob"},"extra":"mine","own":"1"}')
    t.equal(reply.headers['x-total'], '6')
    t.equal(reply.headers['x-user'], '{"name":"bob"}')
    t.equal((await origin.get(`/fails/${isolate}?a=1`)).text, 'failed at 7')
  }
})

t.test('methods and getters of the request go on working', async (t) => {
  const secret = 'a secret of at least thirty-two characters'
  const origin = await serve(t, async (app) => {
    class Private {
      readonly #name = 'private'
      get name (): string { return this.#name }
    }
    await app.register(cookie, { secret })
    await app.register(session, { secret, saveUninitialized: false, cookie: { secure: false } })
    await app.register(jwt, { secret })
    await app.register(requestContext as never)
    app.decorateRequest('twice', function (this: FastifyRequest, n: number) { return `${this.id} ${n * 2}` } as never)
    app.decorateRequest('mine', { getter: () => new Private() } as never)
    app.addHook('onRequest', async (request: any) => { request.requestContext.set('seen', 'in onRequest') })
    app.get('/r', { ...route({ queryString: false, cookies: ['who'], authorization: 'vary', isolate: 'strict' }), schema: { params: { type: 'object' } } }, async (request: any, reply) => {
      await new Promise((resolve) => setImmediate(resolve))
      await request.jwtVerify()
      return {
        signed: request.unsignCookie(request.cookies.who).value,
        user: request.user.name,
        context: request.requestContext.get('seen'),
        session: typeof request.session.get,
        is404: request.is404,
        method: request.method,
        twice: String(request.twice(2)).split(' ')[1],
        mine: request.mine.name,
        route: request.routeOptions.url,
        server: request.server === reply.server,
        log: typeof request.log.info,
        valid: typeof request.validateInput,
        body: request.body ?? null,
        params: request.params
      }
    })
  })
  const app = origin.app as any
  const headers = { cookie: `who=${app.signCookie('bob')}; other=1`, authorization: `Bearer ${app.jwt.sign({ name: 'bob' })}` }
  const reply = await origin.get('/r?a=1', headers)
  t.same(JSON.parse(reply.text), {
    signed: 'bob', user: 'bob', context: 'in onRequest', session: 'function', is404: false, method: 'GET', twice: '4', mine: 'private', route: '/r', server: true, log: 'function', valid: 'function', body: null, params: {}
  })
  t.match((await origin.get('/r?a=2', headers)).headers['cache-status'], /hit/)
})

t.test('a page with a nonce in it is not stored, and the log says so once', async (t) => {
  const origin = await serve(t, async (app, self) => {
    await app.register(helmet, { enableCSPNonces: true })
    app.get('/nonce', route(), async (request, reply) => reply.type('text/html').send(`<script nonce="${reply.cspNonce.script}">${self.ran()}</script>`))
    app.get('/own', route(), async (request, reply) => reply.header('content-security-policy', `script-src 'nonce-abcdefgh${self.ran()}'`).send(`<script nonce="abcdefgh${self.runs()}">`))
    app.get('/none', route(), async () => `<p>${self.ran('none')}`)
  })
  for (let i = 1; i <= 4; i++) t.match((await origin.get('/nonce')).text, `>${i}</script>`)
  const lines = origin.log.filter((line) => /nonce/.test(String(line.msg)))
  t.equal(lines.length, 1)
  t.match(lines[0], { level: 40, msg: /GET \/nonce/ })
  t.not((await origin.get('/own')).text, (await origin.get('/own')).text)
  await origin.get('/none')
  t.match((await origin.get('/none')).headers['cache-status'], /hit/)
})

t.test('a target with strange bytes is hidden like any other', async (t) => {
  const origin = await serve(t, (app) => { app.get('/r', route({ queryString: ['a'] }), see) })
  for (const target of ['/r?a=%ff&b=1', '/r?a=%&b=1', '/r?a=1&b=%00', '/r?__proto__=1&a=2', '/r?a=+&b', '/r?a=%ud800&b=1']) {
    const reply = await origin.raw(requestText(`GET ${target} HTTP/1.1`, 'Host: a.test'))
    t.equal(reply.status, 200, target)
    const seen = JSON.parse(reply.text) as { query: object, url: string }
    t.same(Object.keys(seen.query), ['a'], target)
    t.notMatch(seen.url, /b|proto/, target)
  }
})
