import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import httpProxy from '@fastify/http-proxy'
import replyFrom from '@fastify/reply-from'
import t from 'tap'
import { get, opted, runTwins } from '../helpers/twin.ts'
import type { Subject, TwinStep } from '../helpers/twin.ts'

// Replies that come from another server.

const zipped = gzipSync('zipped '.repeat(300))
const pages: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
  '/plain': (request, response) => { response.setHeader('x-up', '1').end('plain') },
  '/json': (request, response) => { response.setHeader('content-type', 'application/json; charset=utf-8').end('{"a":1}') },
  '/chunked': (request, response) => {
    response.write('one ')
    setImmediate(() => response.end('two'))
  },
  '/zipped': (request, response) => { response.setHeader('content-encoding', 'gzip').setHeader('vary', 'accept-encoding').end(zipped) },
  '/cookie': (request, response) => { response.setHeader('set-cookie', ['a=1', 'b=2']).end('cookie') },
  '/private': (request, response) => { response.setHeader('cache-control', 'private').end('private') },
  '/empty': (request, response) => { response.writeHead(204).end() },
  '/gone': (request, response) => { response.writeHead(404, { 'content-type': 'text/plain' }).end('no such page') },
  '/broken': (request, response) => { response.writeHead(502).end('bad') },
  '/moved': (request, response) => { response.writeHead(301, { location: '/plain' }).end() },
  '/tagged': (request, response) => {
    if (request.headers['if-none-match'] === '"v1"') response.writeHead(304, { etag: '"v1"' }).end()
    else response.setHeader('etag', '"v1"').end('tagged')
  },
  '/hop': (request, response) => { response.setHeader('connection', 'x-hop').setHeader('x-hop', 'mine').end('hop') },
  '/twice': (request, response) => { response.setHeader('link', ['</a>; rel=preload', '</b>; rel=preload']).setHeader('cache-status', 'up; hit').end('twice') },
  '/cut': (request, response) => {
    response.writeHead(200, { 'content-length': '100' })
    response.write('only this')
    setTimeout(() => response.destroy(), 20)
  }
}
const upstream = createServer((request, response) => {
  const page = pages[new URL(request.url ?? '/', 'http://up').pathname]
  if (request.method !== 'GET' && request.method !== 'HEAD') response.writeHead(200).end(request.method)
  else if (page === undefined) response.writeHead(404).end('nothing')
  else page(request, response)
})
await new Promise<void>((resolve) => upstream.listen(0, '127.0.0.1', resolve))
const base = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`
t.teardown(() => {
  upstream.closeAllConnections()
  upstream.close()
})

const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-host': 'shop.test' }
const kept = ['/plain', '/json', '/chunked', '/zipped', '/moved', '/empty', '/twice']
const notKept = ['/cookie', '/private', '/gone', '/broken']
const script: TwinStep[] = [
  ...kept.flatMap((path): TwinStep[] => [
    { send: get(path), runs: true },
    { send: get(path), runs: false },
    { send: { path, method: 'HEAD' } },
    { send: get(path), times: 3, runs: false }
  ]),
  ...notKept.flatMap((path): TwinStep[] => [{ send: get(path), runs: true }, { send: get(path), runs: true }]),
  // The upstream's own 304 is its client's, and no reply for others.
  { send: get('/tagged', { 'if-none-match': '"v1"' }), expect: (reply) => reply.status === 304 ? undefined : `status ${reply.status}` },
  { send: get('/tagged') },
  { send: get('/tagged', { 'if-none-match': '"v1"' }), runs: false, expect: (reply) => reply.status === 304 ? undefined : `status ${reply.status}` },
  { send: get('/tagged'), runs: false },
  { send: { method: 'POST', path: '/plain', headers: { 'content-type': 'application/json' }, body: '{}' } },
  { send: get('/plain'), runs: true },
  { send: get('/plain?a=1'), runs: true },
  { send: get('/plain'), runs: false }
]

const subjects: Subject[] = [
  {
    name: '@fastify/reply-from',
    async plugins (app) { await app.register(replyFrom, { base }) },
    routes (app, twin) {
      app.get('/*', opted({ statuses: { 301: true } }), (request, reply) => { twin.ran(); return reply.from(request.url) })
      app.post('/*', (request, reply) => reply.from(request.url))
    },
    script
  },
  {
    name: '@fastify/http-proxy',
    async plugins () {},
    async routes (app, twin) {
      await app.register(httpProxy as never, {
        upstream: base,
        config: { cache: { timeout: 60 } },
        replyOptions: { rewriteRequestHeaders: (request: unknown, headers: object) => { twin.ran(); return headers } }
      } as never)
    },
    script
  },
  {
    name: '@fastify/http-proxy under a prefix, with a check of its own',
    async plugins () {},
    async routes (app, twin) {
      await app.register(httpProxy as never, {
        upstream: base,
        prefix: '/api',
        config: { cache: { timeout: 60 } },
        preHandler: async (request: any, reply: any) => { if (request.headers['x-key'] !== 'k') return reply.code(401).send('no') },
        replyOptions: { rewriteRequestHeaders: (request: unknown, headers: object) => { twin.ran(); return headers } }
      } as never)
    },
    script: [
      { send: get('/api/plain'), runs: false, expect: (reply) => reply.status === 401 ? undefined : `status ${reply.status}` },
      { send: get('/api/plain', { 'x-key': 'k' }), expect: (reply) => reply.text === 'plain' ? undefined : reply.text },
      { send: get('/api/plain', { 'x-key': 'k' }), runs: false },
      { send: get('/api/plain'), runs: false, expect: (reply) => reply.status === 401 ? undefined : `status ${reply.status}` }
    ]
  },
  {
    name: '@fastify/http-proxy for writes, cached reads beside it, behind a proxy',
    fastify: { trustProxy: true },
    async routes (app, twin) {
      app.get('/plain', opted(), async (request) => { twin.ran(); return `for ${request.protocol} ${request.host}` })
      await app.register(httpProxy as never, { upstream: base, httpMethods: ['POST', 'PUT', 'DELETE'] } as never)
    },
    script: [
      { send: get('/plain', forwarded), runs: true },
      { send: get('/plain', forwarded), runs: false },
      { send: { method: 'POST', path: '/plain', headers: { ...forwarded, 'content-type': 'application/json' }, body: '{}' }, expect: (reply) => reply.status === 200 ? undefined : `status ${reply.status}` },
      { send: get('/plain', forwarded), runs: true },
      { send: { method: 'PUT', path: '/plain', headers: { 'content-type': 'text/plain' }, body: 'x'.repeat(100_000) }, expect: (reply) => reply.status === 200 ? undefined : `status ${reply.status}` },
      // Another scheme and host: not this one's
      { send: get('/plain', forwarded), runs: false }
    ]
  }
]

for (const subject of subjects) await runTwins(subject)
t.pass(`${subjects.length} scripts`)
