import auth from '@fastify/auth'
import cookie from '@fastify/cookie'
import csrf from '@fastify/csrf-protection'
import jwt from '@fastify/jwt'
import requestContext from '@fastify/request-context'
import session from '@fastify/session'
import type { FastifyReply, FastifyRequest } from 'fastify'
import t from 'tap'
import { cookiesOf, get, opted, runTwins } from '../helpers/twin.ts'
import type { Subject, Twin, TwinStep } from '../helpers/twin.ts'

// Plugins that tell who asks: nobody sees another's page, and nobody is let in from the cache.

const secret = 'a secret of at least thirty-two characters'
const form = { 'content-type': 'application/json' }
const status = (wanted: number): NonNullable<TwinStep['expect']> => (reply) => reply.status === wanted ? undefined : `status ${reply.status}, not ${wanted}`
const text = (wanted: string): NonNullable<TwinStep['expect']> => (reply) => reply.text === wanted ? undefined : `body ${reply.text}, not ${wanted}`
const bearer = (user: string) => (twin: Twin): { path: string, headers: Record<string, string> } => ({ path: '/me', headers: { authorization: 'Bearer ' + (twin.app as any).jwt.sign({ user }, { noTimestamp: true }) } })
const page = (path: string, user: string) => (twin: Twin) => ({ ...bearer(user)(twin), path })

const subjects: Subject[] = [
  {
    name: '@fastify/cookie',
    async plugins (app) { await app.register(cookie, { secret }) },
    routes (app, twin) {
      app.get('/set', opted(), async (request, reply) => { twin.ran(); return reply.setCookie('seen', 'yes', { path: '/' }).send('set') })
      app.get('/signed', opted(), async (request, reply) => { twin.ran(); return reply.setCookie('who', 'alice', { signed: true, path: '/' }).send('signed') })
      app.get('/who', opted({ cookies: ['who'] }), async (request) => {
        twin.ran()
        const { value } = request.unsignCookie(request.cookies.who ?? '')
        return { who: value, names: Object.keys(request.cookies), unsigned: typeof request.unsignCookie }
      })
      app.get('/plain', opted({ cookies: 'ignore' }), async () => { twin.ran(); return 'the same for all' })
      app.get('/strict', opted(), async (request) => { twin.ran(); return { cookies: request.cookies } })
    },
    // A key that holds cookies is named in `Vary`, as it must be
    differs: ['vary'],
    script: [
      { send: get('/set'), runs: true },
      { send: get('/set'), runs: true },
      { send: get('/signed'), runs: true },
      { send: (twin) => get('/who', { cookie: cookiesOf(twin).split('; ').find((pair) => pair.startsWith('who'))! }), runs: true, expect: (reply) => reply.text.includes('alice') ? undefined : reply.text },
      { send: (twin) => get('/who', { cookie: cookiesOf(twin).split('; ').find((pair) => pair.startsWith('who'))! }), runs: false },
      { send: get('/who'), runs: true },
      { send: get('/who', { cookie: 'who=forged.signature' }), runs: true, expect: (reply) => reply.text.includes('"who":null') ? undefined : reply.text },
      { send: get('/who'), runs: false },
      { send: get('/plain', { cookie: 'a=1' }), runs: true },
      { send: get('/plain', { cookie: 'b=2' }), runs: false },
      { send: get('/strict', { cookie: 'a=1' }), runs: true },
      { send: get('/strict', { cookie: 'a=2' }), runs: true },
      { send: get('/strict'), runs: true },
      { send: get('/strict'), runs: false }
    ]
  },
  {
    name: '@fastify/session',
    async plugins (app) {
      await app.register(cookie)
      await app.register(session, { secret, saveUninitialized: false, cookie: { secure: false } })
    },
    routes (app, twin) {
      app.get('/public', opted(), async () => { twin.ran(); return 'public' })
      app.get('/me', opted(), async (request) => { twin.ran(); return 'hello ' + ((request.session as any).user ?? 'stranger') })
      app.get('/visits', opted(), async (request) => {
        twin.ran()
        const own = request.session as any
        own.visits = (own.visits ?? 0) + 1
        return `visit ${own.visits}`
      })
      app.post('/login', async (request) => { (request.session as any).user = (request.body as { user: string }).user; return 'in' })
    },
    masks: [/sessionId=[^;]+/g, /Expires=[^;]+/g],
    script: [
      { send: get('/public'), runs: true },
      { send: get('/public'), runs: false },
      { send: get('/me'), runs: true, expect: text('hello stranger') },
      { send: get('/me'), runs: false, expect: text('hello stranger') },
      { send: { method: 'POST', path: '/login', headers: form, body: '{"user":"alice"}' } },
      { send: (twin) => get('/me', { cookie: cookiesOf(twin) }), runs: true, expect: text('hello alice') },
      { send: get('/me'), runs: false, expect: text('hello stranger') },
      { send: { method: 'POST', path: '/login', headers: form, body: '{"user":"bob"}' } },
      { send: (twin) => get('/me', { cookie: cookiesOf(twin) }), runs: true, expect: text('hello bob') },
      { send: (twin) => get('/public', { cookie: cookiesOf(twin) }) },
      // A page that writes into the session sets a cookie: never shared.
      { send: get('/visits'), runs: true, expect: text('visit 1') },
      { send: get('/visits'), runs: true, expect: text('visit 1') },
      { send: (twin) => get('/visits', { cookie: cookiesOf(twin) }), runs: true, expect: text('visit 2') }
    ]
  },
  {
    name: '@fastify/session, with its default of a session for everybody',
    async plugins (app) {
      await app.register(cookie)
      await app.register(session, { secret, cookie: { secure: false } })
    },
    routes: (app, twin) => { app.get('/public', opted(), async () => { twin.ran(); return 'public' }) },
    masks: [/sessionId=[^;]+/g, /Expires=[^;]+/g],
    script: [
      { send: get('/public'), runs: true, expect: (reply) => reply.headers['set-cookie'] === undefined ? 'no cookie' : undefined },
      { send: get('/public'), runs: true, expect: (reply) => reply.headers['set-cookie'] === undefined ? 'no cookie' : undefined }
    ]
  },
  {
    name: '@fastify/csrf-protection',
    async plugins (app) {
      await app.register(cookie)
      await app.register(session, { secret, saveUninitialized: false, cookie: { secure: false } })
      await app.register(csrf as never, { sessionPlugin: '@fastify/session' } as never)
    },
    routes (app, twin) {
      app.get('/form', opted(), async (request, reply) => { twin.ran(); return { token: reply.generateCsrf() } })
      app.post('/form', { onRequest: (app as any).csrfProtection }, async () => 'accepted')
      app.get('/list', { ...opted(), onRequest: (app as any).csrfProtection } as object, async () => { twin.ran(); return 'list' })
    },
    masks: [/sessionId=[^;]+/g, /Expires=[^;]+/g, /"token":"[^"]+"/g],
    script: [
      { send: get('/form'), runs: true },
      { send: get('/form'), runs: true },
      { send: { method: 'POST', path: '/form' }, expect: status(403) },
      { send: (twin) => ({ method: 'POST', path: '/form', headers: { cookie: cookiesOf(twin), 'csrf-token': JSON.parse(twin.replies[1]!.text).token } }), expect: status(200) },
      { send: (twin) => ({ method: 'POST', path: '/form', headers: { cookie: cookiesOf(twin), 'csrf-token': JSON.parse(twin.replies[0]!.text).token } }), expect: status(403) },
      { send: get('/list'), runs: false, expect: status(403) }
    ]
  },
  {
    name: '@fastify/jwt',
    async plugins (app) { await app.register(jwt, { secret }) },
    routes (app, twin) {
      const verify = async (request: FastifyRequest): Promise<void> => { await request.jwtVerify() }
      const me = async (request: FastifyRequest): Promise<string> => { twin.ran(); return 'hello ' + (request.user as { user: string }).user }
      const shared = async (): Promise<string> => { twin.ran(); return 'members only' }
      app.get('/me', { ...opted(), onRequest: verify }, me)
      app.get('/each', { ...opted({ authorization: 'vary' }), preHandler: verify }, me)
      app.get('/inside', opted({ authorization: 'vary' }), async (request) => {
        await request.jwtVerify()
        return me(request)
      })
      for (const hook of ['onRequest', 'preParsing', 'preValidation', 'preHandler']) {
        app.get(`/${hook}`, { ...opted({ authorization: 'ignore' }), [hook]: hook === 'preParsing' ? async (request: FastifyRequest) => { await verify(request) } : verify } as object, shared)
      }
    },
    differs: ['vary'],
    script: [
      { send: bearer('alice'), runs: true, expect: text('hello alice') },
      { send: bearer('bob'), runs: true, expect: text('hello bob') },
      { send: get('/me'), runs: false, expect: status(401) },
      ...['/each', '/inside'].flatMap((path): TwinStep[] => [
        { send: page(path, 'alice'), runs: true, expect: text('hello alice') },
        { send: page(path, 'alice'), runs: false, expect: text('hello alice') },
        { send: page(path, 'bob'), runs: true, expect: text('hello bob') },
        { send: get(path), expect: status(401) },
        { send: get(path, { authorization: 'Bearer forged' }), expect: status(401) },
        { send: page(path, 'alice'), runs: false, expect: text('hello alice') }
      ]),
      ...['/onRequest', '/preParsing', '/preValidation', '/preHandler'].flatMap((path): TwinStep[] => [
        { send: get(path), runs: false, expect: status(401) },
        { send: page(path, 'alice'), runs: true, expect: text('members only') },
        { send: page(path, 'bob'), runs: false, expect: text('members only') },
        { send: get(path), runs: false, expect: status(401) },
        { send: get(path, { authorization: 'Bearer forged' }), runs: false, expect: status(401) }
      ])
    ]
  },
  {
    name: '@fastify/jwt in a cookie',
    async plugins (app) {
      await app.register(cookie)
      await app.register(jwt, { secret, cookie: { cookieName: 'token', signed: false } })
    },
    routes (app, twin) {
      app.get('/me', { ...opted({ cookies: ['token'] }), onRequest: async (request: FastifyRequest) => { await request.jwtVerify() } } as object, async (request: FastifyRequest) => {
        twin.ran()
        return 'hello ' + (request.user as { user: string }).user
      })
    },
    differs: ['vary'],
    script: ['alice', 'alice', 'bob', ''].map((user, i) => ({
      send: (twin: Twin) => get('/me', user === '' ? {} : { cookie: 'token=' + (twin.app as any).jwt.sign({ user }, { noTimestamp: true }) + '; other=' + i }),
      runs: [true, false, true, false][i]!,
      expect: user === '' ? status(401) : text('hello ' + user)
    }))
  },
  {
    name: '@fastify/auth',
    async plugins (app) {
      app.decorate('asMember', async (request: FastifyRequest) => { if (request.headers['x-key'] !== 'member') throw new Error('members only') })
      app.decorate('asAdmin', async (request: FastifyRequest) => { if (request.headers['x-key'] !== 'admin') throw new Error('admins only') })
      await app.register(auth)
    },
    routes (app, twin) {
      const any = app as any
      const secrets = async (): Promise<string> => { twin.ran(); return 'secrets' }
      app.get('/either', { ...opted(), preHandler: any.auth([any.asMember, any.asAdmin]) } as object, secrets)
      app.get('/admin', { ...opted(), onRequest: any.auth([any.asAdmin]) } as object, secrets)
      app.get('/late', { ...opted({ hook: 'preHandler' }), preValidation: any.auth([any.asAdmin]) } as object, secrets)
    },
    script: ['/either', '/admin', '/late'].flatMap((path): TwinStep[] => [
      { send: get(path), runs: false, expect: status(401) },
      { send: get(path, { 'x-key': 'admin' }), runs: true, expect: text('secrets') },
      { send: get(path, { 'x-key': 'admin' }), runs: false, expect: text('secrets') },
      { send: get(path), runs: false, expect: status(401) },
      { send: get(path, { 'x-key': 'member' }), runs: false, expect: status(path === '/either' ? 200 : 401) },
      { send: { path, method: 'HEAD' }, runs: false, expect: status(401) }
    ])
  },
  {
    name: 'an auth hook of the instance that is added after everything else',
    routes (app, twin) {
      app.get('/', opted(), async () => { twin.ran(); return 'secrets' })
      app.addHook('preHandler', async (request: FastifyRequest, reply: FastifyReply) => {
        if (request.headers['x-key'] !== 'admin') return reply.code(401).send({ no: true })
      })
    },
    script: [
      { send: get('/'), runs: false, expect: status(401) },
      { send: get('/', { 'x-key': 'admin' }), runs: true, expect: text('secrets') },
      { send: get('/', { 'x-key': 'admin' }), runs: false, expect: text('secrets') },
      { send: get('/'), runs: false, expect: status(401) }
    ]
  },
  {
    name: '@fastify/request-context',
    async plugins (app) {
      await app.register(requestContext as never, { defaultStoreValues: (request: FastifyRequest) => ({ path: request.url }) } as never)
      app.addHook('onRequest', async (request) => { (request as any).requestContext.set('tenant', request.headers['x-tenant'] ?? 'none') })
      app.addHook('onSend', async (request, reply) => { reply.header('x-seen', String((request as any).requestContext.get('tenant'))) })
    },
    routes (app, twin) {
      app.get('/a', opted({ vary: ['x-tenant'] }), async (request) => {
        twin.ran()
        await new Promise((resolve) => setImmediate(resolve))
        return { tenant: (request as any).requestContext.get('tenant'), path: (request as any).requestContext.get('path') }
      })
    },
    differs: ['vary'],
    script: [
      { send: get('/a', { 'x-tenant': 'one' }), runs: true },
      { send: get('/a', { 'x-tenant': 'two' }), runs: true },
      { send: get('/a', { 'x-tenant': 'one' }), runs: false },
      { send: get('/a'), runs: true },
      { send: get('/a', { 'x-tenant': 'three' }), times: 5, runs: true }
    ]
  }
]

for (const subject of subjects) await runTwins(subject)
t.pass(`${subjects.length} scripts`)
