import cors from '@fastify/cors'
import helmet from '@fastify/helmet'
import rateLimit from '@fastify/rate-limit'
import t from 'tap'
import { get, opted, runTwins } from '../helpers/twin.ts'
import type { Subject, TwinStep } from '../helpers/twin.ts'

// Plugins that speak to the client in headers.

const status = (wanted: number): NonNullable<TwinStep['expect']> => (reply) => reply.status === wanted ? undefined : `status ${reply.status}, not ${wanted}`
const allowed = (origin: string | undefined): NonNullable<TwinStep['expect']> => (reply) =>
  reply.headers['access-control-allow-origin'] === origin ? undefined : `allows ${reply.headers['access-control-allow-origin']}, not ${origin}`

const subjects: Subject[] = [
  {
    name: '@fastify/cors with a list of origins',
    async plugins (app) { await app.register(cors, { origin: ['https://a.test', 'https://b.test'], credentials: true, exposedHeaders: ['x-total'] }) },
    routes (app, twin) {
      app.get('/', opted(), async (request, reply) => { twin.ran(); return reply.header('x-total', '3').send({ list: [1, 2, 3] }) })
      app.get('/fails', opted(), async () => { twin.ran(); throw new Error('no') })
    },
    script: [
      { send: get('/', { origin: 'https://a.test' }), runs: true, expect: allowed('https://a.test') },
      { send: get('/', { origin: 'https://b.test' }), runs: false, expect: allowed('https://b.test') },
      { send: get('/'), runs: false },
      { send: get('/', { origin: 'https://evil.test' }), runs: false, expect: allowed(undefined) },
      { send: get('/', { origin: 'https://a.test' }), runs: false, times: 3 },
      { send: { method: 'OPTIONS', path: '/', headers: { origin: 'https://a.test', 'access-control-request-method': 'GET' } }, expect: status(204) },
      { send: { method: 'HEAD', path: '/', headers: { origin: 'https://b.test' } }, runs: false, expect: allowed('https://b.test') },
      { send: get('/fails', { origin: 'https://a.test' }), runs: true, expect: allowed('https://a.test') }
    ]
  },
  {
    name: '@fastify/cors, any origin',
    async plugins (app) { await app.register(cors) },
    routes: (app, twin) => { app.get('/', opted(), async () => { twin.ran(); return 'x' }) },
    script: [
      { send: get('/', { origin: 'https://a.test' }), runs: true, expect: allowed('*') },
      { send: get('/', { origin: 'https://b.test' }), runs: false, expect: allowed('*') },
      { send: get('/'), runs: false }
    ]
  },
  {
    name: '@fastify/cors in another hook, with its preflight',
    async plugins (app) { await app.register(cors, { origin: true, hook: 'preHandler' }) },
    routes: (app, twin) => { app.get('/', opted(), async () => { twin.ran(); return 'x' }) },
    script: [
      { send: get('/', { origin: 'https://a.test' }), runs: true, expect: allowed('https://a.test') },
      { send: get('/', { origin: 'https://b.test' }), runs: false, expect: allowed('https://b.test') },
      { send: { method: 'OPTIONS', path: '/', headers: { origin: 'https://b.test', 'access-control-request-method': 'GET' } }, expect: status(204) }
    ]
  },
  {
    name: '@fastify/cors, a handler that says Vary too',
    async plugins (app) { await app.register(cors, { origin: ['https://a.test', 'https://b.test'] }) },
    routes: (app, twin) => {
      app.get('/', opted(), async (request, reply) => {
        twin.ran()
        const vary = reply.getHeader('vary')
        return reply.header('vary', vary === undefined ? 'accept-language' : `${String(vary)}, accept-language`).send(`in ${request.headers['accept-language'] ?? 'any'}`)
      })
    },
    script: [
      { send: get('/', { origin: 'https://a.test', 'accept-language': 'de' }), runs: true },
      { send: get('/', { origin: 'https://b.test', 'accept-language': 'de' }), runs: false, expect: allowed('https://b.test') },
      { send: get('/', { origin: 'https://b.test', 'accept-language': 'fr' }), runs: true },
      { send: get('/', { 'accept-language': 'fr' }), runs: false },
      { send: get('/'), runs: true }
    ]
  },
  {
    name: '@fastify/helmet',
    async plugins (app) { await app.register(helmet) },
    routes (app, twin) {
      app.get('/', opted(), async (request, reply) => { twin.ran(); return reply.type('text/html').send('<p>hello') })
      app.get('/own', { ...opted(), helmet: { contentSecurityPolicy: false } } as object, async () => { twin.ran(); return 'own' })
      app.get('/frame', opted(), async (request, reply) => { twin.ran(); return reply.header('x-frame-options', 'DENY').removeHeader('x-download-options').send('frame') })
    },
    script: ['/', '/own', '/frame'].flatMap((path): TwinStep[] => [
      { send: get(path), runs: true },
      { send: get(path), runs: false },
      { send: { path, method: 'HEAD' }, runs: false }
    ])
  },
  {
    name: '@fastify/helmet with nonces',
    async plugins (app) { await app.register(helmet, { enableCSPNonces: true }) },
    routes (app, twin) {
      app.get('/with', opted(), async (request, reply) => { twin.ran(); return reply.type('text/html').send(`<script nonce="${reply.cspNonce.script}">1</script>`) })
      app.get('/without', opted(), async (request, reply) => { twin.ran(); return reply.type('text/html').send('<p>hello') })
    },
    masks: [/nonce-[^']+/g, /nonce="[^"]+"/g],
    script: [
      { send: get('/with'), runs: true },
      { send: get('/with'), runs: true, expect: (reply, { replies }) => reply.text === replies[0]!.text ? 'the nonce of another' : undefined },
      { send: get('/without'), runs: true },
      { send: get('/without'), runs: false, expect: (reply, { replies }) => reply.headers['content-security-policy'] === replies[2]!.headers['content-security-policy'] ? 'the policy of another' : undefined }
    ]
  },
  {
    name: '@fastify/rate-limit',
    async plugins (app) { await app.register(rateLimit, { max: 4, timeWindow: 60_000 }) },
    routes (app, twin) {
      app.get('/', opted(), async () => { twin.ran(); return 'x' })
      app.get('/own', { config: { cache: true, rateLimit: { max: 2, timeWindow: 60_000, hook: 'preHandler' } } as object }, async () => { twin.ran(); return 'own' })
    },
    masks: [/retry-after: \d+/g, /x-ratelimit-reset: \d+/g, /retry in \d+ \w+/g],
    differs: ['retry-after', 'x-ratelimit-reset'], // time
    script: [
      { send: get('/'), runs: true },
      { send: get('/'), runs: false },
      { send: get('/'), runs: false, expect: (reply) => reply.headers['x-ratelimit-remaining'] === '1' ? undefined : `remaining ${reply.headers['x-ratelimit-remaining']}` },
      { send: get('/', { 'if-none-match': '"x"' }), runs: false },
      { send: get('/'), runs: false, expect: status(429) },
      { send: get('/own'), runs: true },
      { send: get('/own'), runs: false },
      { send: get('/own'), runs: false, expect: status(429) },
      { send: get('/own'), runs: false, expect: status(429) }
    ]
  }
]

for (const subject of subjects) await runTwins(subject)
t.pass(`${subjects.length} scripts`)
