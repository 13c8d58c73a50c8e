import net from 'node:net'
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import t from 'tap'
import { request as clientRequest } from '../helpers/client.ts'
import { eventually } from '../helpers/origin.ts'
import { get, opted, runTwins, startTwin } from '../helpers/twin.ts'
import type { Subject, Twin, TwinStep } from '../helpers/twin.ts'

// What goes wrong reaches the client as it does without the cache, and is never stored.

const status = (wanted: number): NonNullable<TwinStep['expect']> => (reply) => reply.status === wanted ? undefined : `status ${reply.status}, not ${wanted}`
const always = (path: string, wanted: number): TwinStep[] => [
  { send: get(path), runs: true, expect: status(wanted) },
  { send: get(path), runs: true, expect: status(wanted) },
  { send: get(path), times: 4, runs: true, expect: status(wanted) },
  { send: { path, method: 'HEAD' }, runs: true, expect: status(wanted) }
]
const once = (path: string, wanted = 200): TwinStep[] => [
  { send: get(path), runs: true, expect: status(wanted) },
  { send: get(path), runs: false, expect: status(wanted) }
]

class Teapot extends Error { statusCode = 418 }

const subjects: Subject[] = [
  {
    name: 'a handler that fails',
    routes (app, twin) {
      app.get('/async', opted(), async () => { twin.ran(); throw new Error('no') })
      app.get('/sync', opted(), () => { twin.ran(); throw new Error('no') })
      app.get('/late', opted(), async () => { twin.ran(); await new Promise((resolve) => setTimeout(resolve, 5)); throw new Teapot('short and stout') })
      app.get('/sent', opted(), (request, reply) => { twin.ran(); reply.send(new Teapot('sent')) })
      app.get('/object', opted(), async () => { twin.ran(); throw { statusCode: 409, message: 'no error object' } }) // eslint-disable-line no-throw-literal
      app.get('/headers', opted(), async (request, reply) => { twin.ran(); reply.header('x-half', 'made').header('etag', '"never"'); throw new Error('half') })
      app.get('/nothing', opted(), async () => { twin.ran() })
      app.get('/schema', { ...opted(), schema: { response: { 200: { type: 'object', properties: { a: { type: 'integer' } }, required: ['a'] } } } }, async () => { twin.ran(); return { b: 1 } })
      app.get('/unserializable', opted(), async () => { twin.ran(); const a: Record<string, unknown> = {}; a.a = a; return a })
      app.get('/wrong', opted(), async (request, reply) => { twin.ran(); reply.send(Symbol('x')); return reply })
      app.get('/validated', { ...opted(), schema: { querystring: { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] } } }, async () => { twin.ran(); return 'valid' })
    },
    script: [
      ...always('/async', 500), ...always('/sync', 500), ...always('/late', 418), ...always('/sent', 418), ...always('/object', 409),
      ...always('/headers', 500), ...always('/schema', 500), ...always('/unserializable', 500),
      { send: get('/wrong'), runs: true },
      { send: get('/nothing'), runs: true },
      { send: get('/nothing') },
      { send: get('/validated'), runs: false, expect: status(400) },
      { send: get('/validated?n=x'), runs: false, expect: status(400) },
      ...once('/validated?n=1')
    ]
  },
  {
    name: 'a handler that fails now and then',
    routes (app, twin) {
      const every = async (): Promise<string> => { if (twin.ran() % 2 === 1) throw new Error('odd'); return 'even' }
      app.get('/', opted(), every)
    },
    script: [
      { send: get('/'), runs: true, expect: status(500) },
      { send: get('/'), runs: true, expect: status(200) }
    ]
  },
  {
    name: 'an error handler',
    routes (app, twin) {
      app.setErrorHandler(async (error: Error, request, reply) => {
        reply.code(Number((request.query as { as?: string }).as ?? 500)).header('x-sorry', 'yes')
        return { sorry: error.message }
      })
      app.get('/', opted(), async () => { twin.ran(); throw new Error('no') })
      app.register(async (child) => {
        child.setErrorHandler((error: Error, request, reply) => { reply.code(200).send('fine: ' + error.message) })
        child.get('/child', opted({ statuses: { 500: 10 } }), async () => { twin.ran(); throw new Error('no') })
        child.get('/throwing', { ...opted(), errorHandler: () => { throw new Error('twice') } }, async () => { twin.ran(); throw new Error('once') })
      })
    },
    script: [...always('/', 500), ...always('/?as=200', 200), ...always('/?as=404', 404), ...always('/child', 200), ...always('/throwing', 200)]
  },
  {
    name: 'what is not found',
    routes (app, twin) {
      app.setNotFoundHandler((request, reply) => { twin.ran('404'); reply.code(404).header('x-nowhere', '1').send({ nowhere: request.url }) })
      app.get('/called', opted({ statuses: { 404: 10 } }), (request, reply) => { twin.ran(); reply.callNotFound() })
      app.get('/said', opted({ statuses: { 404: 10 } }), async (request, reply) => { twin.ran(); return reply.code(404).send('no such thing') })
      app.get('/plain', opted(), async (request, reply) => { twin.ran(); return reply.code(404).send('no such thing') })
      app.register(async (child) => {
        child.setNotFoundHandler({ preHandler: (request, reply, done) => { reply.header('x-child', '1'); done() } }, (request, reply) => { twin.ran('404'); reply.code(200).send('found after all') })
        child.get('/called', opted(), async (request, reply) => { twin.ran(); reply.callNotFound(); return reply })
      }, { prefix: '/child' })
    },
    script: [...always('/none', 404), ...always('/called', 404), ...once('/said', 404), ...always('/plain', 404), ...always('/child/called', 200), ...always('/child/none', 200)]
  },
  {
    name: 'a not-found handler that is cached',
    routes (app, twin) {
      app.setNotFoundHandler((request, reply) => { twin.ran('404'); reply.code(200).send('somewhere') })
      app.get('/here', opted(), async () => { twin.ran(); return 'here' })
    },
    script: [...always('/none', 200), ...once('/here')]
  },
  {
    name: 'later hooks that fail',
    routes (app, twin) {
      app.addHook('onSend', async (request, reply, payload) => {
        if (request.url.startsWith('/throws')) throw new Teapot('in onSend')
        if (request.url.startsWith('/turns')) reply.code(503)
        if (request.url.startsWith('/empties')) return null
        return payload
      })
      app.addHook('onResponse', async (request) => { if (request.url === '/after') throw new Error('after') })
      app.get('/throws', opted(), async () => { twin.ran(); return 'never seen' })
      app.get('/turns', opted(), async () => { twin.ran(); return 'turned' })
      app.get('/empties', opted(), async () => { twin.ran(); return 'emptied' })
      app.get('/after', opted(), async () => { twin.ran(); return 'after' })
      app.get('/serialization', { ...opted(), preSerialization: async () => { throw new Teapot('in preSerialization') } }, async () => { twin.ran(); return { a: 1 } })
    },
    script: [...always('/throws', 418), ...always('/turns', 503), ...once('/empties'), ...once('/after'), ...always('/serialization', 418)]
  },
  {
    name: 'replies that go round Fastify',
    routes (app, twin) {
      app.get('/hijack', opted(), (request, reply) => { twin.ran(); reply.hijack(); reply.raw.writeHead(200, { 'x-raw': '1' }).end('hijacked') })
      app.get('/hijack-async', opted(), async (request, reply) => {
        twin.ran()
        reply.hijack()
        await new Promise((resolve) => setTimeout(resolve, 5))
        reply.raw.end('later')
      })
      app.get('/raw', opted(), (request, reply) => { twin.ran(); reply.raw.end('raw') })
      app.get('/pieces', opted(), (request, reply) => {
        twin.ran()
        reply.raw.write('one ')
        setTimeout(() => reply.raw.end('two'), 5)
      })
      app.get('/header', opted(), async (request, reply) => { twin.ran(); reply.raw.setHeader('x-raw', 'kept'); return 'header' })
      app.get('/cookie', opted(), async (request, reply) => { twin.ran(); reply.raw.setHeader('set-cookie', 'a=1'); return 'cookie' })
    },
    script: [
      ...always('/hijack', 200), ...always('/hijack-async', 200), ...always('/raw', 200), ...always('/pieces', 200), ...always('/cookie', 200),
      { send: get('/header'), runs: true, expect: (reply) => reply.headers['x-raw'] === 'kept' ? undefined : 'lost a header' },
      { send: get('/header'), runs: false, expect: (reply) => reply.headers['x-raw'] === 'kept' ? undefined : 'lost a header' }
    ]
  },
  {
    name: 'hooks that answer or fail before the handler',
    routes (app, twin) {
      for (const hook of ['onRequest', 'preValidation', 'preHandler']) {
        app.get(`/answers/${hook}`, { ...opted(), [hook]: async (request: FastifyRequest, reply: FastifyReply) => { twin.ran(); return reply.send('from ' + hook) } } as object, async () => 'never')
        app.get(`/throws/${hook}`, { ...opted(), [hook]: async () => { twin.ran(); throw new Teapot(hook) } } as object, async () => 'never')
      }
    },
    script: ['onRequest', 'preValidation', 'preHandler'].flatMap((hook) => [...always(`/answers/${hook}`, 200), ...always(`/throws/${hook}`, 418)])
  },
  {
    name: 'a handler that takes too long',
    fastify: { handlerTimeout: 60 } as object,
    routes (app, twin) { app.get('/', opted(), async () => { twin.ran(); await new Promise((resolve) => setTimeout(resolve, 150)); return 'late' }) },
    script: [
      { send: get('/'), runs: true, expect: status(503) },
      { send: get('/'), runs: true, expect: status(503) }
    ]
  }
]

for (const subject of subjects) await runTwins(subject)

/** Opens a request and cuts it as soon as the server has reached a stage. */
function abortAt (twin: Twin, path: string, reached: Promise<unknown>): Promise<void> {
  return new Promise((resolve) => {
    const socket = net.connect(twin.port, '127.0.0.1', () => socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${twin.port}\r\n\r\n`))
    socket.on('error', () => {})
    socket.on('close', () => resolve())
    reached.then(() => socket.destroy())
  })
}

/** A stage that a test waits for, and holds until it lets go. */
function stage (): { reached: Promise<void>, arrive: () => Promise<void>, release: () => void } {
  let arrived!: () => void
  let release!: () => void
  const reached = new Promise<void>((resolve) => { arrived = resolve })
  const released = new Promise<void>((resolve) => { release = resolve })
  return { reached, release, arrive: () => { arrived(); return released } }
}

for (const where of ['onRequest', 'preHandler', 'handler', 'onSend', 'first bytes', 'middle of a stream']) {
  t.test(`a client that leaves in ${where}`, async (t) => {
    const held = stage()
    let left = false
    const twin = await startTwin({
      routes (app, self) {
        const stop = async (at: string): Promise<void> => { if (at === where && !left) await held.arrive() }
        app.get('/r', {
          ...opted(),
          onRequest: async () => { await stop('onRequest') },
          preHandler: async () => { await stop('preHandler') },
          onSend: async () => { await stop('onSend') }
        } as object, async (request, reply) => {
          const run = self.ran()
          await stop('handler')
          if (where !== 'first bytes' && where !== 'middle of a stream') return 'whole'
          async function * body (): AsyncGenerator<string> {
            await stop('first bytes')
            yield 'wh'
            await stop('middle of a stream')
            yield 'ole'
          }
          return reply.type('text/plain').header('x-run', run).send(Readable.from(body()))
        })
      }
    }, 'before')
    t.teardown(() => twin.close())
    const cut = abortAt(twin, '/r', held.reached)
    await held.reached
    await cut
    left = true
    const waiting = clientRequest(twin.port, get('/r'))
    held.release()
    const reply = await waiting
    t.equal(reply.status, 200, 'who comes meanwhile is answered')
    t.equal(reply.text, 'whole')
    for (let i = 0; i < 2; i++) t.equal((await clientRequest(twin.port, get('/r'))).text, 'whole', 'and so is everybody later')
    t.ok(await eventually(async () => String((await clientRequest(twin.port, get('/r'))).headers['cache-status']).includes('hit')), 'from the store in the end')
  })
}

t.test('a client that leaves a handler which stops for it leaves nothing behind', async (t) => {
  let began!: () => void
  const handling = new Promise<void>((resolve) => { began = resolve })
  const twin = await startTwin({
    routes (app, self) {
      app.get('/r', opted(), async (request, reply) => {
        const run = self.ran()
        if (run > 1) return `run ${run}`
        const body = new Readable({ read () {} })
        body.push('half ')
        request.raw.socket.once('close', () => body.destroy(new Error('the client left')))
        began()
        return reply.type('text/plain').send(body)
      })
    }
  }, 'before')
  t.teardown(() => twin.close())
  await abortAt(twin, '/r', handling.then(() => new Promise((resolve) => setTimeout(resolve, 20))))
  t.equal((await clientRequest(twin.port, get('/r'))).text, 'run 2')
  t.equal((await clientRequest(twin.port, get('/r'))).text, 'run 2')
})

t.test('a handler that never answers holds up nobody but its own client', async (t) => {
  const twin = await startTwin({
    routes (app, self) {
      app.get('/r', opted({ coalesce: { timeout: 0.05 } }), (request, reply) => {
        const run = self.ran()
        if (run > 1) reply.send(`run ${run}`)
      })
    }
  }, 'before')
  t.teardown(() => twin.close())
  const stuck = net.connect(twin.port, '127.0.0.1', () => stuck.write(`GET /r HTTP/1.1\r\nHost: 127.0.0.1:${twin.port}\r\n\r\n`))
  stuck.on('error', () => {})
  t.teardown(() => stuck.destroy())
  await eventually(() => twin.runs() === 1)
  t.match((await clientRequest(twin.port, get('/r'))).text, /run \d/)
  t.match((await clientRequest(twin.port, get('/r'))).text, /run \d/)
})
