import t from 'tap'
import { gzipSync } from 'node:zlib'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { startOrigin, type Origin } from '../helpers/origin.ts'

type Build = Parameters<typeof startOrigin>[0]

async function serve (t: { teardown (end: () => unknown): void }, build: Build, options?: Parameters<typeof startOrigin>[1]): Promise<Origin> {
  const origin = await startOrigin(build, options)
  t.teardown(() => origin.close())
  return origin
}

/** The way of `on-headers`: the head is changed at the moment in which it is written. */
function atHead (reply: FastifyReply, change: (args: unknown[]) => unknown[]): void {
  const raw = reply.raw as unknown as { writeHead: (...args: unknown[]) => unknown }
  const { writeHead } = raw
  raw.writeHead = function (...args: unknown[]) { return writeHead.apply(this, change(args)) }
}

t.test('a cookie that is set while the head is written keeps the reply out of the store', async (t) => {
  const setters: Record<string, (reply: FastifyReply, args: unknown[]) => unknown[]> = {
    'by setHeader': (reply, args) => { reply.raw.setHeader('Set-Cookie', 'sid=secret'); return args },
    'by the headers of writeHead': (_reply, args) => [args[0], { ...args[1] as object, 'Set-Cookie': 'sid=secret' }],
    'by a list of headers': (_reply, args) => [args[0], [...Object.entries(args[1] as object).flat().map(String), 'Set-Cookie', 'sid=secret']]
  }
  for (const [name, set] of Object.entries(setters)) {
    for (const when of ['before', 'after', 'handler'] as const) {
      await t.test(`${name}, ${when}`, async (t) => {
        const hook = (app: FastifyInstance): void => { app.addHook('onRequest', async (_request, reply) => { atHead(reply, (args) => set(reply, args)) }) }
        const origin = await serve(t, (app, self) => {
          if (when === 'after') hook(app)
          app.get('/r', { config: { cache: { timeout: 60 } } }, async (_request, reply) => {
            if (when === 'handler') atHead(reply, (args) => set(reply, args))
            return `run ${self.ran()}`
          })
        }, when === 'before' ? { before: async (app) => { hook(app) } } : {})
        t.equal((await origin.get('/r')).text, 'run 1')
        t.equal((await origin.get('/r')).text, 'run 2')
      })
    }
  }
})

t.test('an unsafe request whose answer passes no onSend hook purges', async (t) => {
  let version = 1
  const origin = await serve(t, (app) => {
    app.get('/h', { config: { cache: { timeout: 60 } } }, async () => `v${version}`)
    app.post('/h', async (_request, reply) => { version++; reply.hijack(); reply.raw.writeHead(200); reply.raw.end('ok') })
    app.put('/h', async (_request, reply) => { version++; reply.raw.end('ok'); return reply })
    app.patch('/h', (_request, reply) => { reply.hijack(); reply.raw.writeHead(409); reply.raw.end('no') })
    app.post('/other', { onSend: async (_request, reply, payload) => { reply.header('location', '/h'); return payload } }, async () => { version++; return 'ok' })
  })
  t.equal((await origin.get('/h')).text, 'v1')
  for (const [method, path, after] of [['POST', '/h', 'v2'], ['PUT', '/h', 'v3'], ['PATCH', '/h', 'v3'], ['POST', '/other', 'v4']] as const) {
    await origin.request({ method, path })
    t.equal((await origin.get('/h')).text, after, `${method} ${path}`)
  }
})

t.test('a purge of any query reaches an entry whose key knows no query', async (t) => {
  let version = 1
  const origin = await serve(t, (app) => {
    app.get('/k/:id', { config: { cache: { timeout: 60, makeCacheKey: (request) => `k${(request.params as { id: string }).id}` } } }, async () => `v${version}`)
    app.delete('/k/:id', async () => { version++; return 'ok' })
  })
  t.equal((await origin.get('/k/1?utm=1')).text, 'v1')
  await origin.request({ method: 'DELETE', path: '/k/1' })
  t.equal((await origin.get('/k/1')).text, 'v2')
  await origin.request({ method: 'DELETE', path: '/k/1?notify=0' })
  t.equal((await origin.get('/k/1')).text, 'v3')
})

t.test('a body that cannot be looked into is not stored beside a nonce', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.get('/r', { config: { cache: { timeout: 60 } } }, async (_request, reply) => {
      reply.headers({ 'content-encoding': 'gzip', 'content-type': 'text/html', 'content-security-policy': "script-src 'nonce-Zm9vYmFyYmF6'" })
      return gzipSync(`<script nonce="Zm9vYmFyYmF6"></script>${self.ran()}`)
    })
  })
  await origin.get('/r')
  await origin.get('/r')
  t.equal(origin.runs(), 2)
})

t.test('a predicate that never answers holds nothing up', async (t) => {
  const never = async (): Promise<boolean> => await new Promise(() => {})
  const origin = await serve(t, (app, self) => {
    for (const option of ['unless', 'forcedUpdate', 'isStale', 'responseFilter']) {
      app.get(`/${option}`, { config: { cache: { timeout: 60, [option]: never } } }, async () => `run ${self.ran()}`)
    }
    app.get('/endless', { config: { cache: { timeout: () => Infinity } } }, async () => `run ${self.ran()}`)
  }, { cache: { CACHE_OPERATION_TIMEOUT: 0.05 } })
  for (const path of ['/unless', '/forcedUpdate', '/isStale', '/isStale', '/responseFilter']) t.equal((await origin.get(path)).status, 200, path)
  t.notMatch(String((await origin.get('/endless')).headers['cache-status']), 'stored', 'nor is an endless lifetime one')
})
