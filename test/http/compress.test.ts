import zlib from 'node:zlib'
import compress from '@fastify/compress'
import { Readable } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { ClientReply } from '../helpers/client.ts'
import { clock } from '../helpers/clock.ts'
import { startOrigin } from '../helpers/origin.ts'
import type { Origin, OriginOptions } from '../helpers/origin.ts'

// The route option `compress`: each stored body once per encoding, to who asked for it, and nothing else.

const page = '<p>' + 'all work and no play makes jack a dull boy '.repeat(100) + '</p>'
const withZstd = typeof (zlib as { zstdCompressSync?: unknown }).zstdCompressSync === 'function'
const route = (cache: Record<string, unknown> = {}): object => ({ config: { cache: { timeout: 60, compress: true, ...cache } } })
const decoders: Record<string, (body: Buffer) => Buffer> = {
  br: zlib.brotliDecompressSync,
  gzip: zlib.gunzipSync,
  zstd: (body) => (zlib as unknown as { zstdDecompressSync: typeof zlib.gunzipSync }).zstdDecompressSync(body)
}
const encodings = withZstd ? ['br', 'gzip', 'zstd'] : ['br', 'gzip']

async function serve (t: { teardown: (f: () => unknown) => void }, build: (app: FastifyInstance, origin: Origin) => unknown, options: OriginOptions = {}): Promise<Origin> {
  const origin = await startOrigin(build, options)
  t.teardown(() => origin.close())
  return origin
}

function decoded (reply: ClientReply): string {
  const encoding = reply.headers['content-encoding']
  return (typeof encoding === 'string' ? decoders[encoding]!(reply.body) : reply.body).toString()
}

async function warm (t: { teardown: (f: () => unknown) => void }, cache: Record<string, unknown> = {}): Promise<Origin> {
  const origin = await serve(t, (app, self) => {
    app.get('/page', route(cache), async (request, reply) => { self.ran(); return reply.type('text/html').send(page) })
  })
  await origin.get('/page')
  return origin
}

t.test('what is asked for is what is sent', async (t) => {
  const origin = await warm(t)
  const first = withZstd ? /^(br|gzip|zstd)$/ : /^(br|gzip)$/
  const table: Array<[string | undefined, string | RegExp | undefined]> = [
    [undefined, undefined], ['', undefined], ['identity', undefined], ['deflate', undefined], ['x-unknown', undefined],
    ['br', 'br'], ['gzip', 'gzip'], ['BR', 'br'], ['x-gzip', 'gzip'], ['gzip;q=0.5', 'gzip'], ['gzip, br', 'br'], ['gzip;q=1, br;q=0.1', 'gzip'],
    ['br;q=0', undefined], ['br;q=0, gzip', 'gzip'], ['*', first], ['br;q=0, *', withZstd ? /^(gzip|zstd)$/ : 'gzip'], ['*;q=0', undefined],
    ['identity;q=0', undefined], ['identity;q=1, br;q=0.5', undefined], ['gzip;q=high', undefined], ['br;q=0.0, gzip;q=0, *;q=0', undefined]
  ]
  for (const [accepts, wanted] of table) {
    const reply = await origin.get('/page', accepts === undefined ? {} : { 'accept-encoding': accepts })
    const name = `Accept-Encoding: ${accepts}`
    if (wanted instanceof RegExp) t.match(reply.headers['content-encoding'], wanted, name)
    else t.equal(reply.headers['content-encoding'], wanted, name)
    t.equal(reply.status, 200)
    t.equal(decoded(reply), page)
    t.equal(reply.headers['content-length'], String(reply.body.length))
    t.match(String(reply.headers.vary).toLowerCase(), 'accept-encoding', name)
    t.match(reply.headers['content-type'], /^text\/html/)
  }
  t.equal(origin.runs(), 1, 'one entry behind all of them')
})

for (const encoding of encodings) {
  t.test(`a list of one: ${encoding}`, async (t) => {
    const origin = await warm(t, { compress: [encoding] })
    for (const other of encodings) {
      const reply = await origin.get('/page', { 'accept-encoding': other })
      t.equal(reply.headers['content-encoding'], other === encoding ? encoding : undefined)
      t.equal(decoded(reply), page)
    }
  })
}

t.test('the miss too is no surprise to its client', async (t) => {
  const origin = await serve(t, (app) => { app.get('/page', route(), async (request, reply) => reply.type('text/html').send(page)) })
  const miss = await origin.get('/page', { 'accept-encoding': 'br' })
  t.equal(decoded(miss), page)
  t.match(String(miss.headers.vary).toLowerCase(), 'accept-encoding')
  const hit = await origin.get('/page', { 'accept-encoding': 'br' })
  t.equal(hit.headers['content-encoding'], 'br')
  t.equal(decoded(hit), page)
})

t.test('each encoding has a tag of its own, and 304 for it', async (t) => {
  const origin = await warm(t)
  const tags = new Map<string, string>()
  for (const encoding of ['identity', ...encodings]) tags.set(encoding, String((await origin.get('/page', { 'accept-encoding': encoding })).headers.etag))
  t.equal(new Set(tags.values()).size, tags.size)
  for (const [encoding, tag] of tags) {
    for (const [asked, other] of tags) {
      const reply = await origin.get('/page', { 'accept-encoding': asked, 'if-none-match': tag })
      t.equal(reply.status, tag === other ? 304 : 200, `${tag} of ${encoding}, asked for ${asked}`)
      t.equal(reply.headers.etag, other)
      t.match(String(reply.headers.vary).toLowerCase(), 'accept-encoding')
      if (reply.status === 304) t.equal(reply.body.length, 0)
      else t.equal(decoded(reply), page)
    }
  }
  t.equal((await origin.get('/page', { 'accept-encoding': 'br', 'if-none-match': '*' })).status, 304)
})

t.test('a strong tag of the handler\'s does not stand for other bytes', async (t) => {
  const origin = await serve(t, (app) => { app.get('/page', route(), async (request, reply) => reply.type('text/html').header('etag', '"v1"').send(page)) })
  await origin.get('/page')
  const [plain, br] = [await origin.get('/page'), await origin.get('/page', { 'accept-encoding': 'br' })]
  t.equal(plain.headers.etag, '"v1"')
  t.not(br.headers.etag, '"v1"')
  t.equal((await origin.get('/page', { 'accept-encoding': 'br', 'if-none-match': String(br.headers.etag) })).status, 304)
})

t.test('HEAD says what GET would', async (t) => {
  const origin = await warm(t)
  for (const encoding of ['identity', ...encodings]) {
    const get = await origin.get('/page', { 'accept-encoding': encoding })
    const head = await origin.request({ method: 'HEAD', path: '/page', headers: { 'accept-encoding': encoding } })
    t.equal(head.body.length, 0)
    for (const name of ['content-encoding', 'content-length', 'etag', 'vary', 'content-type']) t.equal(head.headers[name], get.headers[name], `${encoding}: ${name}`)
  }
})

t.test('a Range goes round, uncompressed', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.get('/page', route(), async (request, reply) => {
      self.ran()
      reply.type('text/html')
      if (request.headers.range !== undefined) return reply.code(206).header('content-range', `bytes 0-9/${page.length}`).send(page.slice(0, 10))
      return reply.send(page)
    })
  })
  for (let i = 1; i <= 2; i++) {
    const reply = await origin.get('/page', { 'accept-encoding': 'br', range: 'bytes=0-9' })
    t.equal(reply.status, 206)
    t.equal(reply.text, page.slice(0, 10))
    t.equal(reply.headers['content-encoding'], undefined)
    t.equal((await origin.get('/page', { 'accept-encoding': 'br' })).status, 200)
  }
})

t.test('what gains nothing is left alone', async (t) => {
  const big = Buffer.from(page)
  const alone: Record<string, [type: string, body: Buffer | string, headers?: Record<string, string>]> = {
    small: ['text/html', 'x'.repeat(1023)],
    image: ['image/png', big],
    video: ['video/mp4', big],
    zip: ['application/zip', big],
    woff: ['font/woff2', big],
    bytes: ['application/octet-stream', big],
    encoded: ['text/html', zlib.gzipSync(page.repeat(50)), { 'content-encoding': 'gzip' }],
    'no-transform': ['text/html', page, { 'cache-control': 'max-age=60, no-transform' }],
    empty: ['text/html', '']
  }
  const packed: Record<string, [type: string, body: string]> = {
    exactly: ['text/html', 'x'.repeat(1024)],
    json: ['application/json', JSON.stringify({ page })],
    problem: ['application/problem+json', JSON.stringify({ page })],
    svg: ['image/svg+xml', `<svg>${page}</svg>`],
    css: ['text/css; charset=utf-8', page],
    upper: ['TEXT/HTML', page],
    js: ['application/javascript', page]
  }
  const origin = await serve(t, (app) => {
    for (const [name, [type, body, headers]] of Object.entries({ ...alone, ...packed })) {
      app.get(`/${name}`, route(), async (request, reply) => reply.header('content-type', type).headers(headers ?? {}).send(body))
    }
    app.get('/stream', route(), (request, reply) => { reply.type('text/html').send(Readable.from([page])) })
    app.get('/object', route(), async () => ({ page }))
    app.get('/untyped', route(), async () => Buffer.from(page))
  })
  for (const [name, [, body, headers]] of Object.entries(alone)) {
    for (let i = 0; i < 2; i++) {
      const reply = await origin.get(`/${name}`, { 'accept-encoding': 'br, gzip' })
      t.equal(reply.headers['content-encoding'], headers?.['content-encoding'], name)
      t.ok(reply.body.equals(Buffer.from(body)), `${name}: the bytes`)
    }
  }
  for (const name of [...Object.keys(packed), 'stream', 'object']) {
    const body = (await origin.get(`/${name}`)).text
    const reply = await origin.get(`/${name}`, { 'accept-encoding': 'br, gzip' })
    t.equal(reply.headers['content-encoding'], 'br', name)
    t.equal(decoded(reply), body)
  }
})

t.test('twenty at once: one compression per encoding', async (t) => {
  const made: Record<string, number> = { br: 0, gzip: 0 }
  const count = (name: 'brotliCompress' | 'gzip', encoding: string): void => {
    const original = zlib[name]
    const wrapped = function (this: unknown, ...args: unknown[]): unknown {
      made[encoding]!++
      return (original as (...args: unknown[]) => unknown).apply(this, args)
    }
    Object.defineProperty(zlib, name, { value: wrapped, configurable: true, writable: true, enumerable: true })
    t.teardown(() => { Object.defineProperty(zlib, name, { value: original, configurable: true, writable: true, enumerable: true }) })
  }
  count('brotliCompress', 'br')
  count('gzip', 'gzip')
  const { syncBuiltinESMExports } = await import('node:module')
  syncBuiltinESMExports()
  t.teardown(() => syncBuiltinESMExports())
  const origin = await warm(t)
  const replies = await Promise.all(Array.from({ length: 20 }, (_, i) => origin.get('/page', { 'accept-encoding': i % 2 === 0 ? 'br' : 'gzip' })))
  replies.forEach((reply, i) => {
    t.equal(reply.headers['content-encoding'], i % 2 === 0 ? 'br' : 'gzip')
    t.equal(decoded(reply), page)
  })
  t.same(made, { br: 1, gzip: 1 })
  await origin.get('/page', { 'accept-encoding': 'br' })
  t.same(made, { br: 1, gzip: 1 }, 'and none later')
})

t.test('a new body is compressed anew, also within one tick of the clock', async (t) => {
  clock.stop()
  t.teardown(() => clock.start())
  for (const [name, headers, cache] of [['a tag that never changes', { etag: '"always"' }, {}], ['no tag', {}, { etag: false }], ['a generated tag', {}, {}]] as const) {
    const origin = await serve(t, (app, self) => {
      app.get('/page', route(cache), async (request, reply) => reply.type('text/html').headers(headers).send(`${self.ran()}${page}`))
      app.post('/page', async () => 'x')
    })
    for (const run of [1, 2, 3]) {
      await origin.get('/page')
      t.equal(decoded(await origin.get('/page', { 'accept-encoding': 'br' })), `${run}${page}`, name)
      await origin.request({ method: 'POST', path: '/page' })
    }
  }
})

t.test('with @fastify/compress as well nothing is compressed twice', async (t) => {
  for (const order of ['before', 'after']) {
    const origin = await serve(t, async (app, self) => {
      if (order === 'after') await app.register(compress as never)
      app.get('/page', route(), async (request, reply) => { self.ran(); return reply.type('text/html').send(page) })
    }, order === 'before' ? { before: (app) => app.register(compress as never) } : {})
    for (const accepts of ['br', 'gzip', 'br, gzip', 'identity', '', 'deflate']) {
      for (let i = 0; i < 2; i++) {
        const reply = await origin.get('/page', { 'accept-encoding': accepts })
        const encoding = reply.headers['content-encoding']
        if (encoding === 'deflate') t.equal(zlib.inflateSync(reply.body).toString(), page, 'theirs')
        else t.equal(decoded(reply), page, `${order}, ${accepts}`)
        t.ok(encoding === undefined || accepts.includes(String(encoding)), `${order}: ${encoding} for ${accepts}`)
      }
    }
    t.equal(origin.runs(), 1)
  }
})

t.test('onSend hooks that change bodies get the plain one or stay out', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.addHook('onSend', async (request, reply, payload) => { reply.header('x-hook', 'ran'); return payload })
    app.get('/page', route(), async (request, reply) => { self.ran(); return reply.type('text/html').send(page) })
  })
  for (let i = 0; i < 2; i++) {
    const reply = await origin.get('/page', { 'accept-encoding': 'gzip' })
    t.equal(reply.headers['x-hook'], 'ran')
    t.equal(decoded(reply), page)
  }
})

t.test('zstd', { skip: withZstd ? false : 'this Node has no zstd' }, async (t) => {
  const origin = await warm(t, { compress: ['zstd', 'br'] })
  t.equal((await origin.get('/page', { 'accept-encoding': 'br, zstd' })).headers['content-encoding'], 'zstd')
})
