import { mkdtempSync, mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import autoload from '@fastify/autoload'
import compress from '@fastify/compress'
import etag from '@fastify/etag'
import formbody from '@fastify/formbody'
import fastifyStatic from '@fastify/static'
import sse from '@fastify/sse'
import view from '@fastify/view'
import nunjucks from 'nunjucks'
import t from 'tap'
import { get, opted, runTwins } from '../helpers/twin.ts'
import type { Subject } from '../helpers/twin.ts'

// Plugins that make or transform bodies.

const root = mkdtempSync(join(tmpdir(), 'cached-ecosystem-'))
const page = '<p>' + 'all work and no play makes jack a dull boy '.repeat(100) + '</p>'
writeFileSync(join(root, 'page.html'), page)
writeFileSync(join(root, 'small.txt'), 'small')
writeFileSync(join(root, 'hello.njk'), 'Hello {{ name }}! {% for n in list %}<i>{{ n }}</i>{% endfor %}')
mkdirSync(join(root, 'routes'))
writeFileSync(join(root, 'routes', 'hello.mjs'), `export default async function (app) {
  app.get('/hello', { config: { cache: { timeout: 60 } } }, async () => 'run ' + app.twin.ran())
}`)

const br = { 'accept-encoding': 'br' }
const gzip = { 'accept-encoding': 'gzip' }

const subjects: Subject[] = [
  {
    name: '@fastify/compress',
    plugins: (app) => app.register(compress as never),
    routes (app, twin) {
      app.get('/page', opted(), async (request, reply) => { twin.ran(); return reply.type('text/html').send(page) })
      app.get('/json', opted(), async () => { twin.ran(); return { page } })
      app.get('/small', opted(), async () => { twin.ran(); return 'small' })
      app.get('/stream', opted(), (request, reply) => { twin.ran(); reply.type('text/plain').send(Readable.from([page, page])) })
      app.get('/own', opted(), async (request, reply) => { twin.ran(); return reply.compress(page) })
    },
    script: [
      ...['/page', '/json', '/small', '/stream'].flatMap((path) => [
        { send: get(path, br), runs: true },
        { send: get(path, br), runs: false },
        { send: get(path, gzip), runs: false, times: 3 },
        { send: get(path), runs: false },
        { send: get(path, { 'accept-encoding': 'identity' }), runs: false },
        { send: get(path, { 'accept-encoding': 'br;q=0, gzip;q=0.5' }), runs: false },
        { send: { path, method: 'HEAD', headers: br }, runs: false }
      ]),
      // What the handler compresses by itself makes variants of its own: it says `Vary: accept-encoding`.
      { send: get('/own', br), runs: true },
      { send: get('/own', br), runs: false },
      { send: get('/own', gzip), runs: true },
      { send: get('/own', gzip), runs: false }
    ]
  },
  {
    name: '@fastify/compress with the route option compress',
    plugins: (app) => app.register(compress as never),
    routes (app, twin) {
      app.get('/page', opted({ compress: ['br', 'gzip'] }), async (request, reply) => { twin.ran(); return reply.type('text/html').send(page) })
    },
    // Two compressors, two sets of bytes; that a body is compressed once and decodes to the page stands in http/compress.
    differs: ['content-length', 'vary'],
    script: [
      { send: get('/page'), runs: true },
      { send: get('/page'), runs: false },
      { send: get('/page', { 'accept-encoding': 'identity' }), runs: false }
    ]
  },
  {
    name: '@fastify/etag',
    plugins: (app) => app.register(etag),
    routes (app, twin) {
      app.get('/left', opted({ etag: false }), async (request, reply) => { twin.ran(); return reply.header('x-a', '1').send(page) })
      app.get('/ours', opted(), async () => { twin.ran(); return page })
      app.get('/handlers', opted(), async (request, reply) => { twin.ran(); return reply.header('etag', '"mine"').send(page) })
    },
    script: [
      { send: get('/left'), runs: true },
      { send: get('/left'), runs: false },
      { send: (twin) => get('/left', { 'if-none-match': String(twin.replies[0]!.headers.etag) }), runs: false, expect: (reply) => reply.status === 304 ? undefined : `status ${reply.status}` },
      { send: get('/left', { 'if-none-match': '"other"' }), runs: false },
      { send: get('/handlers', { 'if-none-match': '"mine"' }), runs: true, expect: (reply) => reply.status === 304 ? undefined : `status ${reply.status}` },
      { send: get('/handlers', { 'if-none-match': '"mine"' }), runs: false, expect: (reply) => reply.status === 304 ? undefined : `status ${reply.status}` },
      { send: get('/handlers'), runs: false }
    ]
  },
  {
    name: '@fastify/etag, tags made by the cache',
    plugins: (app) => app.register(etag),
    routes: (app, twin) => { app.get('/', opted(), async () => { twin.ran(); return page }) },
    differs: ['etag'], // a weak one of the cache's own
    script: [
      { send: get('/'), runs: true, expect: (reply) => reply.headers.etag === undefined ? 'no tag' : undefined },
      { send: get('/'), runs: false },
      { send: (twin) => get('/', { 'if-none-match': String(twin.replies[0]!.headers.etag) }), runs: false, expect: (reply) => reply.status === 304 ? undefined : `status ${reply.status}` }
    ]
  },
  {
    name: '@fastify/static',
    async plugins (app) { await app.register(fastifyStatic, { root, serve: false }) },
    routes (app, twin) {
      app.get('/page', opted(), (request, reply) => { twin.ran(); return reply.sendFile('page.html') })
      app.get('/missing', opted(), (request, reply) => { twin.ran(); return reply.sendFile('missing.html') })
      app.get('/download', opted(), (request, reply) => { twin.ran(); return reply.download('small.txt', 'x.txt') })
    },
    script: [
      { send: get('/page'), runs: true },
      { send: get('/page'), runs: false },
      { send: { path: '/page', method: 'HEAD' }, runs: false },
      { send: (twin) => get('/page', { 'if-none-match': String(twin.replies[0]!.headers.etag) }), runs: false, expect: (reply) => reply.status === 304 ? undefined : `status ${reply.status}` },
      { send: (twin) => get('/page', { 'if-modified-since': String(twin.replies[0]!.headers['last-modified']) }), runs: false, expect: (reply) => reply.status === 304 ? undefined : `status ${reply.status}` },
      { send: get('/page', { range: 'bytes=0-9' }), runs: true, expect: (reply) => reply.status === 206 ? undefined : `status ${reply.status}` },
      { send: get('/page', { range: 'bytes=5-' }), runs: true },
      { send: get('/page'), runs: false },
      { send: get('/missing'), runs: true, expect: (reply) => reply.status === 404 ? undefined : `status ${reply.status}` },
      { send: get('/missing'), runs: true },
      { send: get('/download'), runs: true },
      { send: get('/download'), runs: false }
    ]
  },
  {
    name: '@fastify/static, conditional and partial on a cold key',
    async plugins (app) { await app.register(fastifyStatic, { root, serve: false }) },
    routes (app, twin) {
      app.get('/page', opted(), (request, reply) => { twin.ran(); return reply.sendFile('page.html') })
    },
    script: [
      { send: get('/page', { range: 'bytes=0-9' }) },
      { send: get('/page', { 'if-none-match': '*' }) },
      { send: get('/page', { 'if-modified-since': new Date(Date.now() + 1000).toUTCString() }) },
      { send: get('/page') },
      { send: get('/page'), runs: false }
    ]
  },
  {
    name: '@fastify/static with its own routes, uncached, and a purge under them',
    async plugins (app) { await app.register(fastifyStatic, { root, prefix: '/files/' }) },
    routes (app, twin) { app.get('/cached', opted(), async () => { twin.ran(); return 'cached' }) },
    script: [
      { send: get('/files/page.html') },
      { send: get('/files/page.html', { range: 'bytes=0-3' }) },
      { send: get('/files/none') },
      { send: get('/cached'), runs: true },
      { send: get('/cached'), runs: false }
    ]
  },
  {
    name: '@fastify/view',
    async plugins (app) { await app.register(view as never, { engine: { nunjucks }, root } as never) },
    routes (app, twin) {
      app.get('/hello/:name', opted(), (request, reply) => {
        twin.ran()
        return reply.view('hello.njk', { name: (request.params as { name: string }).name, list: [1, 2] })
      })
      app.get('/broken', opted(), (request, reply) => { twin.ran(); return reply.view('none.njk') })
    },
    script: [
      { send: get('/hello/bob'), runs: true },
      { send: get('/hello/bob'), runs: false },
      { send: get('/hello/%3Cb%3E'), runs: true },
      { send: get('/hello/%3Cb%3E'), runs: false },
      { send: get('/broken'), runs: true, expect: (reply) => reply.status === 500 ? undefined : `status ${reply.status}` },
      { send: get('/broken'), runs: true }
    ]
  },
  {
    name: '@fastify/sse',
    async plugins (app) { await app.register(sse as never, { heartbeatInterval: 60_000 } as never) },
    routes (app, twin) {
      const events = async (request: unknown, reply: any): Promise<unknown> => {
        const run = twin.order === 'without' ? 1 : Math.min(twin.ran(), 1)
        if (reply.sse === undefined) return { run }
        await reply.sse.send({ data: 'one' })
        await reply.sse.send({ data: 'two' })
      }
      app.get('/only', { ...opted(), sse: 'only' } as object, events)
      app.get('/dual', { ...opted({ vary: ['accept'] }), sse: 'dual' } as object, events)
      app.get('/plain', opted(), async () => { twin.ran(); return 'plain' })
    },
    // `vary` of the route is named in its replies, as it must be
    differs: ['vary'],
    script: [
      { send: get('/only', { accept: 'text/event-stream' }), runs: true, expect: (reply) => reply.text === 'data: "one"\n\ndata: "two"\n\n' ? undefined : `body ${reply.text}` },
      { send: get('/only', { accept: 'text/event-stream' }), runs: true },
      { send: get('/only', { accept: 'text/event-stream' }), runs: true, times: 3 },
      { send: get('/only', { accept: 'application/json' }), expect: (reply) => reply.status === 406 ? undefined : `status ${reply.status}` },
      { send: get('/only', { accept: 'text/event-stream' }), runs: true },
      { send: get('/dual', { accept: 'application/json' }), runs: true },
      { send: get('/dual', { accept: 'application/json' }), runs: false },
      { send: get('/dual', { accept: 'text/event-stream' }), runs: true },
      { send: get('/dual', { accept: 'text/event-stream' }), runs: true },
      { send: get('/dual', { accept: 'application/json' }), runs: false },
      { send: get('/plain'), runs: true },
      { send: get('/plain'), runs: false }
    ]
  },
  {
    name: '@fastify/formbody',
    async plugins (app) { await app.register(formbody as never) },
    routes (app, twin) {
      app.get('/list', opted(), async () => { twin.ran(); return 'list' })
      app.post('/list', async (request) => ({ got: request.body }))
      app.post('/search', opted({ methods: ['GET', 'POST'], makeCacheKey: (request: { body: { q: string } }) => 'q' + request.body.q }), async (request) => {
        twin.ran()
        return { found: (request.body as { q: string }).q }
      })
    },
    script: [
      { send: get('/list'), runs: true },
      { send: get('/list'), runs: false },
      { send: { method: 'POST', path: '/list', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'a=1&b=2' } },
      { send: get('/list'), runs: true },
      { send: { method: 'POST', path: '/search', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'q=cat' }, runs: true },
      { send: { method: 'POST', path: '/search', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'q=cat' }, runs: false },
      { send: { method: 'POST', path: '/search', headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'q=dog' }, runs: true }
    ]
  },
  {
    name: '@fastify/autoload',
    plugins (app, twin) { app.decorate('twin', twin) },
    async routes (app) { await app.register(autoload, { dir: join(root, 'routes') }) },
    masks: [/run \d/g],
    script: [
      { send: get('/hello'), runs: true },
      { send: get('/hello'), runs: false },
      { send: get('/hello'), runs: false, times: 3 }
    ]
  }
]

for (const subject of subjects) await runTwins(subject)
t.pass(`${subjects.length} scripts`)
