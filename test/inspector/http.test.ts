import t from 'tap'
import type { Test } from 'tap'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import inspector from '../../lib/inspector/index.ts'
import type { InspectorOptions } from '../../lib/inspector/index.ts'
import { startOrigin } from '../helpers/origin.ts'
import type { Origin, OriginOptions } from '../helpers/origin.ts'

async function origin (t: Test, options: Partial<InspectorOptions> = { authorize: false }, more: OriginOptions = {}): Promise<Origin> {
  const o = await startOrigin(async (app) => {
    await app.register(inspector, { prefix: '/inspect', ...options } as InspectorOptions)
    app.get('/user/:name', { config: { cache: { timeout: 60, tags: ['users'] } } }, async (request, reply) => {
      reply.header('x-made', '<b>"it"</b>')
      return { hello: (request.params as { name: string }).name }
    })
    app.get('/lang', { config: { cache: { timeout: 60 } } }, async (request, reply) => reply.header('vary', 'accept-language').send(request.headers['accept-language']))
    app.get('/own', { config: { cache: { timeout: 60, makeCacheKey: () => 'mine' } } }, async () => 'x')
    app.get('/prefixed', { config: { cache: { timeout: 60, keyPrefix: 'v1' } } }, async () => 'x')
    app.get('/listed', { config: { cache: { timeout: 60, queryString: ['a'] } } }, async () => 'x')
  }, more)
  t.teardown(() => o.close())
  return o
}

const PAGE = { 'x-cache-inspector': '1' }

function ask (app: FastifyInstance, path: string, body?: object, headers: Record<string, string> = {}) {
  return app.inject({ method: body === undefined ? 'GET' : 'POST', url: `/inspect${path}`, headers: { host: 'site.example', ...PAGE, ...headers }, ...(body === undefined ? {} : { payload: body }) })
}

t.test('it does not start without being told who may see it', async (t) => {
  const cases: Array<[object, RegExp]> = [
    [{ prefix: '/inspect' }, /authorize must be/],
    [{ prefix: '/inspect', authorize: true }, /authorize must be/],
    [{ prefix: '/inspect', authorize: null }, /authorize must be/],
    [{ authorize: false }, /prefix/],
    [{ prefix: '/', authorize: false }, /prefix/],
    [{ prefix: 'inspect', authorize: false }, /prefix/],
    [{ prefix: '/inspect', authorize: false, auhtorize: false }, /no option 'auhtorize'/]
  ]
  for (const [options, message] of cases) {
    await t.rejects(startOrigin(async (app) => { await app.register(inspector, options as InspectorOptions) }), { code: 'FST_CACHE_ERR_INSPECTOR', message })
  }
})

const secret = (request: FastifyRequest): boolean => request.headers.authorization === 'Basic secret'
const hooks: Record<string, InspectorOptions['authorize']> = {
  'async, throws': async (request: FastifyRequest) => { if (!secret(request)) throw Object.assign(new Error('who are you?'), { statusCode: 401 }) },
  'async, answers': async (request: FastifyRequest, reply: FastifyReply) => { if (!secret(request)) return reply.code(401).send('no') },
  'with a callback, an error': (request, _reply, done) => { done(secret(request) ? undefined : Object.assign(new Error('who are you?'), { statusCode: 401 })) },
  'with a callback, answers': (request, reply, done) => { if (secret(request)) done(); else reply.code(401).send('no') },
  'with a callback, later': (request, _reply, done) => { setImmediate(() => done(secret(request) ? undefined : Object.assign(new Error('who are you?'), { statusCode: 401 }))) }
}
for (const [what, authorize] of Object.entries(hooks)) {
  t.test(`authorize: ${what}`, async (t) => {
    const { app, get } = await origin(t, { authorize })
    await get('/user/bob')
    const purge = { cache: 0, by: 'tag', value: 'users' }
    const questions: Array<[string, object?]> = [[''], ['/'], ['/data'], ['/lookup', { cache: 0, by: 'url', value: '/user/bob' }], ['/purge', purge]]
    for (const [path, body] of questions) {
      const refused = await ask(app, path, body)
      t.equal(refused.statusCode, 401, path)
      t.notMatch(refused.body, /Cache inspector|users|removed/)
    }
    t.equal((await app.inject({ method: 'HEAD', url: '/inspect' })).statusCode, 401)
    t.match((await get('/user/bob')).headers['cache-status'], /hit/, 'nothing was purged')
    for (const [path, body] of questions) t.equal((await ask(app, path, body, { authorization: 'Basic secret' })).statusCode, 200, path)
    t.match((await get('/user/bob')).headers['cache-status'], /uri-miss/)
  })
}

t.test('one page, with nothing from elsewhere', async (t) => {
  const { app } = await origin(t)
  for (const path of ['', '/']) {
    const { statusCode, headers, body } = await app.inject(`/inspect${path}`)
    t.equal(statusCode, 200)
    t.match(headers['content-type'], /text\/html/)
    const policy = String(headers['content-security-policy'])
    t.match(policy, /default-src 'none'/)
    t.match(policy, /frame-ancestors 'none'/)
    t.notMatch(policy, /unsafe|\*/)
    t.equal(headers['cache-control'], 'no-store')
    t.notMatch(body, /(?:src|href)="(?!#|data:,)/)
    t.notMatch(body, /innerHTML|insertAdjacentHTML|document\.write|style="| on\w+="/)
  }
})

t.test('its questions are asked by its own page alone', async (t) => {
  const { app, get } = await origin(t)
  await get('/user/bob')
  const purge = { cache: 0, by: 'tag', value: 'users' }
  const refused: Array<[string, Record<string, string>]> = [
    ['no header', { 'x-cache-inspector': undefined as unknown as string }],
    ['another site', { 'sec-fetch-site': 'cross-site' }],
    ['a sister site', { 'sec-fetch-site': 'same-site', origin: 'http://site.example' }],
    ['typed in', { 'sec-fetch-site': 'none' }],
    ['another origin', { origin: 'http://evil.example' }],
    ['no origin', { origin: 'null' }],
    ['another port', { origin: 'http://site.example:8080' }]
  ]
  for (const [what, headers] of refused) {
    for (const [path, body] of [['/data'], ['/purge', purge], ['/lookup', { ...purge, by: 'key' }]] as Array<[string, object?]>) {
      const all = { host: 'site.example', ...PAGE, ...headers }
      if (all['x-cache-inspector'] === undefined) Reflect.deleteProperty(all, 'x-cache-inspector')
      const { statusCode } = await app.inject({ method: body === undefined ? 'GET' : 'POST', url: `/inspect${path}`, headers: all, ...(body === undefined ? {} : { payload: body }) })
      t.equal(statusCode, 403, `${what}: ${path}`)
    }
  }
  const form = await app.inject({ method: 'POST', url: '/inspect/purge', headers: { host: 'site.example', ...PAGE, 'content-type': 'text/plain' }, payload: JSON.stringify(purge) })
  t.equal(form.statusCode, 415)
  t.match((await get('/user/bob')).headers['cache-status'], /hit/)
  for (const headers of [{}, { 'sec-fetch-site': 'same-origin' }, { origin: 'http://site.example' }] as Array<Record<string, string>>) t.equal((await ask(app, '/data', undefined, headers)).statusCode, 200)
})

t.test('the numbers', async (t) => {
  const { app, get } = await origin(t)
  await ask(app, '/data')
  await get('/user/bob')
  await get('/user/bob')
  await get('/user/bob', { cookie: 'a=b' })
  const { caches: [cache] } = (await ask(app, '/data')).json()
  t.match(cache, { name: 'cache', backend: 'SimpleCache', up: true, flights: 0, stats: { hits: 1, misses: 1, entries: 1 }, latency: { served: { count: 1 }, made: { count: 2 } } })
  const row = cache.routes.find(({ route }: { route: string }) => route === 'GET /user/:name')
  t.match(row, { hits: 1, misses: 1, bypasses: 1, stores: 1, missReasons: { 'uri-miss': 1 }, bypassReasons: { cookie: 1 }, size: 15, timeout: 60, lifetime: 60 })
  t.equal(cache.routes.length, 5, 'HEAD and GET are one row')
})

t.test('looking up', async (t) => {
  const o = await origin(t)
  const host = `127.0.0.1:${o.port}`
  const look = async (by: string, value: string, headers = { host }) => (await ask(o.app, '/lookup', { cache: 0, by, value }, headers)).json()
  for (const path of ['/user/bob?b=1&a=2', '/prefixed', '/listed?a=1&b=2', '/own']) await o.get(path)
  await o.get('/lang', { 'accept-language': 'de' })
  await o.get('/lang', { 'accept-language': 'fr' })
  await o.app.cache.set('k', { deep: true }, { timeout: 50, tags: ['t'] })

  const { entries: [bob] } = await look('url', '/user/bob?a=2&b=1')
  t.match(bob, { kind: 'reply', route: 'GET /user/:name', freshness: 'fresh', status: 200, size: 15, tags: ['users'] })
  t.ok(bob.ttl > 50 && bob.ttl <= 60)
  t.same(bob.headers.find(([name]: [string]) => name === 'x-made'), ['x-made', '<b>"it"</b>'])
  t.notOk(JSON.stringify(bob).includes('hello'), 'no bodies')
  t.equal((await look('url', `http://${host}/user/bob?a=2&b=1`, { host: 'other' })).entries.length, 1)
  t.equal((await look('url', 'http://elsewhere/user/bob?a=2&b=1')).entries.length, 0)
  t.equal((await look('key', bob.key)).entries.length, 1)
  t.equal((await look('url', '/prefixed')).entries.length, 1)
  t.equal((await look('url', '/listed?b=3&a=1')).entries.length, 1)
  t.equal((await look('url', '/lang')).entries.length, 2, 'both variants')
  t.match(await look('url', '/own'), { entries: [], notes: [/made by the application/] })
  t.match(await look('url', '/nowhere'), { entries: [], notes: [/No cached route/] })
  t.match(await look('url', 'javascript:alert(1)'), { entries: [], notes: [/no URL/] })
  t.match(await look('key', 'k'), { entries: [{ kind: 'value', tags: ['t'] }] })
  t.match(await look('key', '__proto__'), { entries: [] })
})

t.test('purging', async (t) => {
  const o = await origin(t)
  const host = `127.0.0.1:${o.port}`
  const purge = async (by: string, value: string) => (await ask(o.app, '/purge', { cache: 0, by, value }, { host })).json()
  const hit = async (path: string) => /hit/.test(String((await o.get(path)).headers['cache-status']))
  const fill = async () => { await o.get('/user/bob?a=1'); await o.get('/user/eve') }
  await fill()
  t.same(await purge('url', '/user/bob?a=1'), { removed: true })
  t.notOk(await hit('/user/bob?a=1'))
  t.ok(await hit('/user/eve'))
  t.same(await purge('tag', 'users'), {})
  t.notOk(await hit('/user/eve'))
  await fill()
  const { entries: [eve] } = (await ask(o.app, '/lookup', { cache: 0, by: 'url', value: '/user/eve' }, { host })).json()
  t.same(await purge('key', eve.key), { removed: true })
  t.same(await purge('key', eve.key), { removed: false })
  t.notOk(await hit('/user/eve'))
  await o.app.cache.set('k', 1)
  t.same(await purge('key', 'k'), { removed: true })
  t.equal(await o.app.cache.get('k'), undefined)
  t.match(await purge('url', '/nowhere'), { statusCode: 400, message: /no route/ })
  t.match(await purge('url', 'http://['), { statusCode: 400 })
})

t.test('nonsense is refused', async (t) => {
  const { app } = await origin(t)
  for (const body of [{}, { cache: 0, by: 'all', value: 'x' }, { cache: 9, by: 'key', value: 'x' }, { cache: -1, by: 'key', value: 'x' }, { cache: 0, by: 'key', value: '' }, { cache: 0, by: 'key', value: 'x'.repeat(9_000) }]) {
    t.equal((await ask(app, '/purge', body)).statusCode, 400, JSON.stringify(body).slice(0, 60))
  }
  t.equal((await ask(app, '/purge', { cache: 0, by: 'key', value: 'x'.repeat(20_000) })).statusCode, 413)
})

t.test('a backend that is down is shown as such', async (t) => {
  let down = false
  const up = <T>(value: T): T => { if (down) throw new Error('pulled'); return value }
  const store = { get: () => up(undefined), set: () => up(true), add: () => up(true), delete: () => up(true), increment: () => up(1), clear: () => up(true) }
  const { app } = await origin(t, { authorize: false }, { cache: { CACHE_TYPE: store } })
  down = true
  for (let i = 0; i < 4; i++) await app.cache.get('k')
  const { caches: [cache] } = (await ask(app, '/data')).json()
  t.match(cache, { up: false, outages: 1, reason: /pulled/, backend: 'custom' })
  t.equal((await ask(app, '/purge', { cache: 0, by: 'tag', value: 'x' })).statusCode, 503)
})
