import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t from 'tap'
import { clock } from '../helpers/clock.ts'
import { eventually, startOrigin } from '../helpers/origin.ts'
import type { Origin, OriginOptions } from '../helpers/origin.ts'

// A run behind a stale reply makes what the stale reply's own client would have got: the same variant, the same host,
// the same user where the key holds one; and nothing of what the key leaves out.

const stale = (cache: Record<string, unknown> = {}): object => ({ config: { cache: { timeout: 10, staleWhileRevalidate: 3600, ...cache } } })

async function serve (t: { teardown: (f: () => unknown) => void }, build: (app: FastifyInstance, origin: Origin) => unknown, options: OriginOptions = {}): Promise<Origin> {
  clock.stop()
  const origin = await startOrigin(build, options)
  t.teardown(() => { clock.start(); return origin.close() })
  return origin
}

interface Kind { name: string, cache: Record<string, unknown>, vary?: string, fastify?: object, show: (request: FastifyRequest) => string, clients: Array<Record<string, string>> }
const kinds: Kind[] = [
  { name: 'a variant by the reply\'s own Vary', cache: {}, vary: 'accept-language', show: (request) => String(request.headers['accept-language']), clients: [{ 'accept-language': 'en' }, { 'accept-language': 'de' }] },
  { name: 'two fields of the reply\'s own Vary', cache: {}, vary: 'accept-language, x-tenant', show: (request) => `${String(request.headers['accept-language'])} ${String(request.headers['x-tenant'])}`, clients: [{ 'accept-language': 'en', 'x-tenant': 'a' }, { 'accept-language': 'en', 'x-tenant': 'b' }] },
  { name: 'declared vary', cache: { vary: ['accept-language'] }, show: (request) => String(request.headers['accept-language']), clients: [{ 'accept-language': 'en' }, { 'accept-language': 'de' }] },
  { name: 'a list of cookies', cache: { cookies: ['lang'] }, show: (request) => String(request.headers.cookie), clients: [{ cookie: 'lang=en' }, { cookie: 'lang=de' }] },
  { name: 'authorization: \'vary\'', cache: { authorization: 'vary' }, show: (request) => String(request.headers.authorization), clients: [{ authorization: 'alice' }, { authorization: 'bob' }] },
  { name: 'hosts', cache: {}, show: (request) => `${request.protocol} ${request.host} ${String(request.headers.host)}`, clients: [{ host: 'a.test' }, { host: 'b.test:8080' }] },
  { name: 'schemes', cache: {}, fastify: { trustProxy: true }, show: (request) => `${request.protocol} ${request.host}`, clients: [{ host: 'a.test', 'x-forwarded-proto': 'https' }, { host: 'a.test', 'x-forwarded-proto': 'http' }] }
]
for (const kind of kinds) {
  t.test(`a refresh keeps to its own entry: ${kind.name}`, async (t) => {
    const origin = await serve(t, (app, self) => {
      app.get('/r', stale(kind.cache), async (request, reply) => {
        if (kind.vary !== undefined) reply.header('vary', kind.vary)
        return `run ${self.ran()} for ${kind.show(request)}`
      })
    }, { fastify: kind.fastify ?? {} })
    const told: string[] = []
    for (const [i, client] of kind.clients.entries()) {
      const { text } = await origin.get('/r', client)
      t.ok(text.startsWith(`run ${i + 1} for `), text)
      told.push(text.replace(/^run \d+ /, ''))
    }
    t.not(told[0], told[1])
    clock.advance(15)
    for (const [i, client] of kind.clients.entries()) {
      t.equal((await origin.get('/r', client)).text, `run ${i + 1} ${told[i]}`, 'stale at once')
    }
    for (const [i, client] of kind.clients.entries()) {
      let last = ''
      t.ok(await eventually(async () => {
        last = (await origin.get('/r', client)).text
        return Number(/^run (\d+)/.exec(last)?.[1]) > 2
      }), 'refreshed')
      t.equal(last.replace(/^run \d+ /, ''), told[i], 'by the same kind of request')
    }
    t.equal(origin.runs(), 4, 'one run each')
  })
}

t.test('a refresh of a query that is listed, and of parameters', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.get('/item/:name', stale({ queryString: ['page'] }), async (request) => `run ${self.ran()} ${JSON.stringify(request.params)} ${JSON.stringify(request.query)} ${request.url}`)
  })
  const first = (await origin.get('/item/b%20b?page=2&utm=x')).text
  clock.advance(15)
  await origin.get('/item/b%20b?utm=y&page=2')
  let last = first
  t.ok(await eventually(async () => { last = (await origin.get('/item/b%20b?page=2')).text; return last.startsWith('run 2') }))
  t.equal(last, first.replace('run 1', 'run 2'))
})

t.test('a crowd on a stale entry sets off one run', async (t) => {
  let finish = (): void => {}
  const gate = new Promise<void>((resolve) => { finish = resolve })
  const origin = await serve(t, (app, self) => { app.get('/r', stale(), async () => { const run = self.ran(); if (run > 1) await gate; return `run ${run}` }) })
  await origin.get('/r')
  clock.advance(15)
  const replies = await Promise.all(Array.from({ length: 30 }, () => origin.get('/r')))
  t.strictSame([...new Set(replies.map((reply) => reply.text))], ['run 1'])
  finish()
  t.ok(await eventually(async () => (await origin.get('/r')).text === 'run 2'))
  t.equal(origin.runs(), 2)
})

t.test('HEAD on a stale entry is answered and refreshes with a body', async (t) => {
  const origin = await serve(t, (app, self) => { app.get('/r', stale(), async () => `run ${self.ran()}`) })
  await origin.get('/r')
  clock.advance(15)
  const head = await origin.request({ method: 'HEAD', path: '/r' })
  t.equal(head.status, 200)
  t.equal(head.headers['content-length'], '5')
  t.ok(await eventually(async () => (await origin.get('/r')).text === 'run 2'))
  t.equal(origin.runs(), 2)
})

t.test('a conditional request on a stale entry refreshes with the full reply', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.get('/r', stale(), async (request, reply) => {
      const run = self.ran()
      if (request.headers['if-none-match'] !== undefined) return reply.code(304).send()
      return reply.header('etag', '"v1"').send(`run ${run}`)
    })
  })
  await origin.get('/r')
  clock.advance(15)
  t.equal((await origin.get('/r', { 'if-none-match': '"v1"' })).status, 304)
  t.ok(await eventually(async () => (await origin.get('/r')).text === 'run 2'))
  t.equal((await origin.get('/r')).status, 200)
})

t.test('a refresh that a hook refuses leaves the entry', async (t) => {
  let closed = false
  const origin = await serve(t, (app, self) => {
    app.addHook('preHandler', async (request, reply) => {
      if (request.headers['x-pass'] !== '1' || closed) return reply.code(401).send('refused')
    })
    app.get('/r', stale(), async () => `run ${self.ran()}`)
  })
  t.equal((await origin.get('/r', { 'x-pass': '1' })).text, 'run 1')
  clock.advance(15)
  t.equal((await origin.get('/r')).status, 401, 'refused before the stale entry')
  t.equal((await origin.get('/r', { 'x-pass': '1' })).text, 'run 1')
  t.ok(await eventually(async () => (await origin.get('/r', { 'x-pass': '1' })).text === 'run 2'), 'a refresh passes as its client does')
  closed = true
  clock.advance(15)
  t.equal((await origin.get('/r', { 'x-pass': '1' })).status, 401)
  closed = false
  t.match((await origin.get('/r', { 'x-pass': '1' })).text, /^run [23]$/)
})

t.test('a refresh does not bring back what a purge removed meanwhile', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.get('/r', stale(), async () => { const run = self.ran(); if (run === 2) await sleep(80); return `run ${run}` })
    app.put('/r', async () => 'done')
  })
  await origin.get('/r')
  clock.advance(15)
  t.equal((await origin.get('/r')).text, 'run 1')
  t.ok(await eventually(() => origin.runs() === 2))
  await origin.request({ method: 'PUT', path: '/r' })
  t.equal((await origin.get('/r')).text, 'run 3')
  await sleep(120)
  t.equal((await origin.get('/r')).text, 'run 3')
})

// What the handler does to headers that are there already is done again on a hit.
t.test('headers that the handler overrides, adds to or removes', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.addHook('onRequest', async (request, reply) => {
      reply.headers({ 'x-over': 'hook', 'x-gone': 'hook', 'x-stays': String(request.headers['x-id']), vary: 'Origin', link: '</hook>' })
    })
    app.get('/r', { config: { cache: { timeout: 60 } } as object }, async (request, reply) => {
      self.ran()
      reply.header('x-over', 'handler').header('vary', 'Origin, accept-language').header('link', ['</hook>', '</handler>'])
      reply.removeHeader('x-gone')
      return 'hello'
    })
  })
  for (const id of ['1', '2', '3']) {
    const { headers } = await origin.get('/r', { 'x-id': id, 'accept-language': 'en' })
    t.equal(headers['x-over'], 'handler')
    t.equal(headers['x-gone'], undefined)
    t.equal(headers['x-stays'], id)
    t.match(String(headers.vary), /origin/i)
    t.match(String(headers.vary), /accept-language/i)
    t.strictSame([headers.link].flat().join(', ').split(', ').sort(), ['</handler>', '</hook>'])
  }
  t.equal(origin.runs(), 1)
  await origin.get('/r', { 'accept-language': 'en', origin: 'https://b.test' })
  t.equal(origin.runs(), 1, 'a Vary from before the look-up makes no variants')
  await origin.get('/r', { 'accept-language': 'de' })
  t.equal(origin.runs(), 2, 'the handler\'s does')
})

t.test('an onSend that changes a Buffer in place does not change what is stored', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.addHook('onSend', async (request, reply, payload) => {
      if (Buffer.isBuffer(payload)) payload.fill(0x58, 0, 1)
      return payload
    })
    app.get('/r', { config: { cache: { timeout: 60 } } as object }, async () => { self.ran(); return Buffer.from('hello') })
  })
  for (let i = 0; i < 3; i++) t.equal((await origin.get('/r')).text, 'Xello')
  t.equal(origin.runs(), 1)
})

t.test('a Buffer that the handler goes on using is copied', async (t) => {
  const shared = Buffer.from('hello')
  const origin = await serve(t, (app) => { app.get('/r', { config: { cache: { timeout: 60 } } as object }, async () => shared) })
  await origin.get('/r')
  shared.fill(0)
  t.equal((await origin.get('/r')).text, 'hello')
})

t.test('reply.cache(false) wins, and a call after the capture throws', async (t) => {
  let late: unknown
  const origin = await serve(t, (app, self) => {
    app.addHook('onResponse', async (request, reply) => {
      if (request.url !== '/late') return
      try { (reply as unknown as { cache: (o: unknown) => void }).cache({ timeout: 1 }) } catch (error) { late = error }
    })
    for (const [path, calls] of [['/one', [false, { timeout: 5 }]], ['/two', [{ timeout: 5 }, false]]] as const) {
      app.get(path, { config: { cache: { timeout: 60 } } as object }, async (request, reply) => {
        for (const call of calls) (reply as unknown as { cache: (o: unknown) => void }).cache(call)
        return `run ${self.ran(path)}`
      })
    }
    app.get('/late', { config: { cache: { timeout: 60 } } as object }, async () => 'late')
  })
  for (const path of ['/one', '/two']) for (const run of [1, 2]) t.equal((await origin.get(path)).text, `run ${run}`, path)
  await origin.get('/late')
  t.ok(await eventually(() => late instanceof Error), String(late))
})
