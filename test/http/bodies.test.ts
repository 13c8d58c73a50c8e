import { once } from 'node:events'
import net from 'node:net'
import { PassThrough, Readable, Transform } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance } from 'fastify'
import t from 'tap'
import { request } from '../helpers/client.ts'
import { eventually } from '../helpers/origin.ts'
import { get, opted, runTwins, startTwin } from '../helpers/twin.ts'
import type { Twin, TwinStep } from '../helpers/twin.ts'

// Whatever a handler gives as its body: the hit is the miss, and the miss is what Fastify alone would send.

const bytes = Buffer.from([0, 1, 2, 255, 254, 128, 13, 10, 0])
const long = 'a line of text, not very long\n'.repeat(3000)

async function * pieces (): AsyncGenerator<string | Buffer> {
  yield 'one '
  await sleep(2)
  yield Buffer.from('two ')
  yield 'drei ü'
}

/** What handlers send, by name: `type` is the content type that they say. */
const bodies: Record<string, { make: () => unknown, type?: string, status?: number, headers?: Record<string, string> }> = {
  text: { make: () => 'hello' },
  unicode: { make: () => 'Grüße, 世界 🎉' },
  html: { make: () => '<p>ü', type: 'text/html; charset=utf-8' },
  latin1: { make: () => Buffer.from('Grüße', 'latin1'), type: 'text/plain; charset=latin1' },
  'empty text': { make: () => '' },
  'empty Buffer': { make: () => Buffer.alloc(0) },
  'nothing at 204': { make: () => undefined, status: 204 },
  null: { make: () => null },
  'null as JSON': { make: () => null, type: 'application/json' },
  Buffer: { make: () => bytes },
  'Buffer with a type': { make: () => bytes, type: 'image/png' },
  Uint8Array: { make: () => new Uint8Array(bytes) },
  'part of a Uint8Array': { make: () => new Uint8Array(bytes.buffer, bytes.byteOffset + 1, 4) },
  Uint16Array: { make: () => new Uint16Array([1, 2, 65535]) },
  object: { make: () => ({ a: 1, b: [true, null], c: 'ü' }) },
  array: { make: () => [1, 'two', { three: 3 }] },
  number: { make: () => 42, type: 'application/json' },
  true: { make: () => true, type: 'application/json' },
  'JSON text': { make: () => '{"a":1}', type: 'application/json' },
  'Node stream': { make: () => Readable.from([Buffer.from('one '), Buffer.from('two')]) },
  'Node stream of text': { make: () => Readable.from(['one ', 'twö']) },
  'Node stream with a type': { make: () => Readable.from(['{"a":', '1}']), type: 'application/json' },
  'empty Node stream': { make: () => Readable.from([]) },
  'long Node stream': { make: () => Readable.from(long.match(/.{1,1000}/gs) ?? []), type: 'text/plain' },
  PassThrough: { make: () => { const stream = new PassThrough(); stream.write('one '); setImmediate(() => stream.end('two')); return stream } },
  'stream through a Transform': { make: () => Readable.from(['a', 'b']).pipe(new Transform({ transform (chunk, encoding, done) { done(null, String(chunk).toUpperCase()) } })) },
  'async generator': { make: () => Readable.from(pieces()) },
  'declared stream': { make: () => Readable.from(['one ', 'two']), headers: { 'content-length': '7' } },
  'Web stream': { make: () => new ReadableStream({ start (controller) { controller.enqueue(new TextEncoder().encode('one ')); controller.enqueue(bytes); controller.close() } }) },
  'empty Web stream': { make: () => new ReadableStream({ start (controller) { controller.close() } }) },
  Response: { make: () => new Response('from a response', { status: 203, headers: { 'x-own': 'yes', 'content-type': 'text/x-own' } }) },
  'Response of JSON': { make: () => Response.json({ a: 1 }) },
  'Response without a body': { make: () => new Response(null, { status: 204, headers: { 'x-own': 'yes' } }) },
  'Response of a stream': { make: () => new Response(new Blob(['blob ', 'of two']).stream(), { headers: { 'content-type': 'text/plain' } }) }
}

const slug = (name: string): string => name.toLowerCase().replaceAll(' ', '-')
// Fastify alone answers a HEAD of a Web Response with 500; from the store it has its answer.
const headless = (name: string): boolean => name.startsWith('Response')

await runTwins({
  name: 'bodies',
  routes (app, twin) {
    for (const [name, body] of Object.entries(bodies)) {
      app.get(`/${slug(name)}`, opted(), (request, reply) => {
        twin.ran()
        if (body.type !== undefined) reply.type(body.type)
        reply.code(body.status ?? 200).headers(body.headers ?? {}).send(body.make())
      })
      app.get(`/returned/${slug(name)}`, opted(), async (request, reply) => {
        twin.ran()
        if (body.type !== undefined) reply.type(body.type)
        reply.code(body.status ?? 200).headers(body.headers ?? {})
        const made = body.make()
        return made === undefined ? reply.send() : made
      })
    }
  },
  script: ['', '/returned'].flatMap((prefix) => Object.keys(bodies).flatMap((name): TwinStep[] => {
    const path = `${prefix}/${slug(name)}`
    return [
      { send: get(path), runs: true },
      { send: get(path), runs: false },
      ...headless(name) ? [] : [{ send: { path, method: 'HEAD' }, runs: false }],
      { send: get(path), times: 3, runs: false }
    ]
  }))
})

await runTwins({
  name: 'bodies on a cold key, at once',
  routes (app, twin) {
    for (const [name, body] of Object.entries(bodies)) {
      app.get(`/${slug(name)}`, opted(), async (request, reply) => {
        twin.ran()
        await sleep(10)
        if (body.type !== undefined) reply.type(body.type)
        reply.code(body.status ?? 200).headers(body.headers ?? {})
        const made = body.make()
        return made === undefined ? reply.send() : made
      })
    }
  },
  script: Object.keys(bodies).map((name) => ({ send: get(`/${slug(name)}`), times: 4, runs: true }))
})

await runTwins({
  name: 'bodies through hooks and schemas',
  async routes (app, twin) {
    const schema = (type: unknown): object => ({ schema: { response: { 200: type } } })
    app.get('/object', { ...opted(), ...schema({ type: 'object', properties: { a: { type: 'integer' }, when: { type: 'string', format: 'date-time' } } }) }, async () => { twin.ran(); return { a: '1', b: 2, when: new Date(0) } })
    app.get('/number', { ...opted(), ...schema({ type: 'number' }) }, async () => { twin.ran(); return 42.5 })
    app.get('/null', { ...opted(), ...schema({ type: 'null' }) }, async (request, reply) => { twin.ran(); return reply.type('application/json').send(null) })
    app.get('/list', { ...opted(), ...schema({ type: 'array', items: { type: 'string' } }) }, async () => { twin.ran(); return [1, 'two', true] })
    app.get('/typed', { ...opted(), ...schema({ content: { 'application/json': { schema: { type: 'object', properties: { a: { type: 'integer' } } } } } }) }, async () => { twin.ran(); return { a: 1, b: 2 } })
    app.get('/serializer', opted(), async (request, reply) => { twin.ran(); return reply.type('application/x-own').serializer((value: unknown) => `<${JSON.stringify(value)}>`).send({ a: 1 }) })
    app.get('/changed', { ...opted(), preSerialization: async (request: unknown, reply: unknown, payload: unknown) => ({ wrapped: payload }) } as object, async () => { twin.ran(); return { a: 1 } })
    await app.register(async (child) => {
      child.addHook('onSend', async (request, reply, payload) => {
        reply.header('x-sent', typeof payload)
        return typeof payload === 'string' ? payload + '!' : payload
      })
      child.get('/sent', opted(), async () => { twin.ran(); return 'sent' })
      child.get('/sent/json', opted(), async () => { twin.ran(); return { a: 1 } })
      child.get('/sent/bytes', opted(), async () => { twin.ran(); return Buffer.from('bytes') })
    })
    await app.register(async (child) => {
      child.addHook('onSend', async (request, reply, payload) => {
        if (Buffer.isBuffer(payload)) payload.fill('x')
        return payload
      })
      child.get('/overwritten', opted(), async () => { twin.ran(); return Buffer.from('bytes') })
    })
  },
  script: ['/object', '/number', '/null', '/list', '/typed', '/serializer', '/changed', '/sent', '/sent/json', '/sent/bytes', '/overwritten'].flatMap((path): TwinStep[] => [
    { send: get(path), runs: true },
    { send: get(path), runs: false },
    { send: { path, method: 'HEAD' }, runs: false },
    { send: get(path), times: 3, runs: false }
  ])
})

// From here on: what must not be stored, and what a slow client may cost.

async function serve (t: { teardown: (f: () => unknown) => void }, routes: (app: FastifyInstance, twin: Twin) => unknown, order: 'before' | 'without' = 'before'): Promise<Twin> {
  const twin = await startTwin({ routes, cache: { CACHE_MAX_ENTRY_BYTES: 1024 * 1024 } }, order)
  t.teardown(() => twin.close())
  return twin
}

/** The whole answer, or how it broke. */
async function outcome (twin: Twin, path: string): Promise<string> {
  try {
    const reply = await request(twin.port, { path })
    return `${reply.status} ${reply.text.slice(0, 40)} ${reply.text.length}`
  } catch (error) {
    return `broken: ${(error as { code?: string }).code ?? String(error)}`
  }
}

const broken: Record<string, (reply: any) => unknown> = {
  'a declared length too short': (reply) => reply.header('content-length', '20').send(Readable.from(['only ', 'this'])),
  'a declared length too long': (reply) => reply.header('content-length', '4').send(Readable.from(['more than that'])),
  'a stream that fails at once': (reply) => reply.send(new Readable({ read () { this.destroy(new Error('no')) } })),
  'a stream that fails half way': (reply) => {
    let pushed = false
    return reply.send(new Readable({
      read () {
        if (pushed) setTimeout(() => this.destroy(new Error('half way')), 10)
        else this.push('half ')
        pushed = true
      }
    }))
  },
  'a stream that is closed without an end': (reply) => {
    const stream = new PassThrough()
    stream.write('half ')
    setTimeout(() => stream.destroy(), 20)
    return reply.send(stream)
  },
  'a generator that throws': (reply) => reply.send(Readable.from((async function * () {
    yield 'half '
    await sleep(10)
    throw new Error('half way')
  })())),
  'a Web stream that fails': (reply) => reply.send(new ReadableStream({
    async pull (controller) {
      controller.enqueue(new TextEncoder().encode('half '))
      await sleep(10)
      controller.error(new Error('half way'))
    }
  })),
  'a Response whose stream fails': (reply) => reply.send(new Response(new ReadableStream({
    async pull (controller) {
      controller.enqueue(new TextEncoder().encode('half '))
      await sleep(10)
      controller.error(new Error('half way'))
    }
  })))
}

for (const [name, send] of Object.entries(broken)) {
  t.test(`${name}: as without the cache, and not stored`, async (t) => {
    const routes = (app: FastifyInstance, twin: Twin): void => { app.get('/r', opted(), (request, reply) => { twin.ran(); send(reply) }) }
    const [plain, twin] = [await serve(t, routes, 'without'), await serve(t, routes)]
    const wanted = await outcome(plain, '/r')
    for (let i = 1; i <= 3; i++) {
      t.equal(await outcome(twin, '/r'), wanted)
      t.ok(await eventually(() => twin.runs() === i), 'a run of its own')
    }
    const together = await Promise.all([1, 2, 3].map(() => outcome(twin, '/r')))
    t.same(together, [wanted, wanted, wanted])
  })
}

t.test('a stream of objects ends its own reply and nothing else', async (t) => {
  const twin = await serve(t, (app) => {
    app.get('/r', opted(), (request, reply) => { reply.type('text/plain').send(Readable.from([{ a: 1 }])) })
    app.get('/other', async () => 'other')
  })
  for (let i = 0; i < 2; i++) t.match(await outcome(twin, '/r'), /^broken|^500/)
  t.equal(await outcome(twin, '/other'), '200 other 5')
})

t.test('a body past the bound is served whole and not stored', async (t) => {
  const twin = await serve(t, (app, self) => {
    app.get('/stream', opted({ maxEntryBytes: 1000 }), (request, reply) => { self.ran(); reply.type('text/plain').send(Readable.from(long.match(/.{1,300}/gs) ?? [])) })
    app.get('/text', opted({ maxEntryBytes: 1000 }), async () => { self.ran(); return long })
    app.get('/fits', opted({ maxEntryBytes: 1000 }), async () => { self.ran('fits'); return 'x'.repeat(1000) })
    app.get('/stream/fits', opted({ maxEntryBytes: 1000 }), (request, reply) => { self.ran('fits'); reply.send(Readable.from(['x'.repeat(999), 'y'])) })
  })
  for (const path of ['/stream', '/text', '/stream', '/text']) t.equal((await request(twin.port, { path })).text, long)
  t.equal(twin.runs(''), 4)
  const texts = await Promise.all(Array.from({ length: 5 }, () => request(twin.port, { path: '/stream' })))
  for (const reply of texts) t.equal(reply.text, long, 'who comes at once has it too')
  for (const path of ['/fits', '/stream/fits']) for (let i = 0; i < 2; i++) t.equal((await request(twin.port, { path })).text.length, 1000)
  t.equal(twin.runs('fits'), 2)
})

t.test('a client that does not read holds back a body of 63 MB', async (t) => {
  const chunk = Buffer.alloc(64 * 1024, 'x')
  const chunks = 1008
  let given = 0
  const twin = await serve(t, (app) => {
    app.get('/big', opted(), (request, reply) => {
      given = 0
      reply.type('application/octet-stream').send(new Readable({
        read () {
          if (given === chunks) this.push(null)
          else {
            given++
            this.push(Buffer.from(chunk))
          }
        }
      }))
    })
  })
  const socket = net.connect(twin.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  socket.pause()
  socket.write('GET /big HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n')
  // Until nothing moves any more
  let before = -1
  let still = 0
  await eventually(async () => {
    still = given === before && given > 0 ? still + 1 : 0
    before = given
    await sleep(10)
    return still === 10
  })
  t.ok(given * chunk.length > 1024 * 1024, 'it reads ahead up to the bound')
  // The kernel's buffers of the loopback take some megabytes by themselves
  t.ok(given * chunk.length < 24 * 1024 * 1024, `then waits: ${Math.round(given * chunk.length / 1e6)} MB of 63`)
  let received = 0
  socket.on('data', (data) => { received += data.length })
  socket.resume()
  await once(socket, 'close')
  t.ok(received > chunks * chunk.length, 'it gets the whole body in the end')
  t.equal(given, chunks)
})

t.test('a client that leaves an over-long body lets its source go', async (t) => {
  let destroyed = false
  const twin = await serve(t, (app) => {
    app.get('/big', opted({ maxEntryBytes: 1000 }), (request, reply) => {
      reply.type('text/plain').send(new Readable({
        read () { this.push('x'.repeat(60_000)) },
        destroy (error, done) {
          destroyed = true
          done(error)
        }
      }))
    })
  })
  const socket = net.connect(twin.port, '127.0.0.1', () => socket.write('GET /big HTTP/1.1\r\nHost: a.test\r\n\r\n'))
  socket.on('error', () => {})
  await once(socket, 'data')
  socket.destroy()
  t.ok(await eventually(() => destroyed))
})

t.test('a slow client does not make the others wait for the store', async (t) => {
  const twin = await serve(t, (app, self) => {
    app.get('/r', opted(), (request, reply) => { self.ran(); reply.type('text/plain').send(Readable.from([long, long, long])) })
  })
  const socket = net.connect(twin.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  socket.pause()
  socket.write('GET /r HTTP/1.1\r\nHost: 127.0.0.1:' + twin.port + '\r\n\r\n')
  await eventually(() => twin.runs() === 1)
  const reply = await request(twin.port, { path: '/r' })
  t.equal(reply.text, long + long + long)
  t.equal(twin.runs(), 1)
})

t.test('what a handler does with its bytes afterwards changes nothing', async (t) => {
  const shared = Buffer.from('original')
  const twin = await serve(t, (app, self) => { app.get('/r', opted(), async () => { self.ran(); return shared }) })
  t.equal((await request(twin.port, { path: '/r' })).text, 'original')
  shared.fill('x')
  t.equal((await request(twin.port, { path: '/r' })).text, 'original')
})
