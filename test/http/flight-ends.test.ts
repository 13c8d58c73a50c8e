import http from 'node:http'
import net from 'node:net'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { openFlights, testRuns, waiting } from '../helpers/flights.ts'
import { gate } from '../helpers/functions.ts'
import { eventually } from '../helpers/origin.ts'
import { ends } from '../helpers/patience.ts'

// Every way in which a request can end: its run is over, no follower hangs, nothing is rejected without a handler.

type Handler = (request: FastifyRequest, reply: FastifyReply, first: boolean) => unknown

const parts = (...chunks: Array<string | Error>): Readable => Readable.from((async function * () {
  for (const chunk of chunks) {
    await sleep(5)
    if (chunk instanceof Error) throw chunk
    yield chunk
  }
})())

/** How the leader's request ends; whoever comes after it gets a plain reply. */
const ways: Record<string, Handler> = {
  'a value': () => 'fine',
  'reply.send': (_request, reply) => reply.send('fine'),
  'reply.send later': (_request, reply) => { setTimeout(() => reply.send('fine'), 10); return reply },
  'no body': (_request, reply) => reply.code(204).send(),
  redirect: (_request, reply) => reply.redirect('/elsewhere'),
  'a Web Response': () => new Response('fine', { headers: { 'content-type': 'text/plain' } }),
  'a throw': () => { throw new Error('boom') },
  'a throw of a client error': () => { throw Object.assign(new Error('no'), { statusCode: 403 }) },
  'a throw of nothing': () => { throw undefined }, // eslint-disable-line no-throw-literal
  'an error handler that says 200': () => { throw new Error('covered') },
  'a 5xx': (_request, reply) => reply.code(502).send('bad'),
  callNotFound: (_request, reply) => { reply.callNotFound() },
  hijack: (_request, reply) => { reply.hijack(); reply.raw.end('by hand') },
  'hijack, ended later': (_request, reply) => { reply.hijack(); setTimeout(() => reply.raw.end('by hand'), 20) },
  'raw.end': (_request, reply) => { reply.raw.end('by hand') },
  'raw.write and raw.end': (_request, reply) => { reply.raw.write('by '); reply.raw.end('hand') },
  'raw.destroy': (_request, reply) => { reply.raw.destroy() },
  'raw.destroy with an error': (_request, reply) => { reply.raw.destroy(new Error('away')) },
  'the socket destroyed': (_request, reply) => { reply.raw.socket?.destroy() },
  'raw.destroy, never a reply': (_request, reply) => { reply.raw.destroy(); return new Promise(() => {}) },
  'a stream': (_request, reply) => reply.type('text/plain').send(parts('one, ', 'two')),
  'a stream that fails at once': (_request, reply) => reply.send(parts(new Error('boom'))),
  'a stream that fails before it begins': (_request, reply) => {
    const stream = new Readable({ read () {} })
    stream.destroy(new Error('boom'))
    return reply.send(stream)
  },
  'a stream that fails half way': (_request, reply) => reply.send(parts('one', new Error('boom'))),
  'a stream that is destroyed': (_request, reply) => {
    const stream = new Readable({ read () {} })
    stream.push('one')
    setTimeout(() => stream.destroy(), 10)
    return reply.send(stream)
  },
  'a stream of objects': (_request, reply) => reply.send(Readable.from([{ not: 'bytes' }])),
  'a stream shorter than its length': (_request, reply) => reply.header('content-length', 10).send(parts('one')),
  'a body too long': (_request, reply) => reply.send('x'.repeat(5_000)),
  'a later onSend throws': (_request, reply) => reply.header('x-throw', 'once').send('fine'),
  'a later onSend always throws': (_request, reply) => reply.header('x-throw', 'always').send('fine'),
  'a later onSend replies otherwise': (_request, reply) => reply.header('x-throw', '404').send('fine'),
  'a header that cannot be sent': (_request, reply) => reply.header('x-bad', 'line\nbreak').send('fine'),
  'a body that cannot be serialized': () => ({ a: 1n }),
  'a reply of no valid kind': (_request, reply) => { reply.serializer(() => 42 as never); return { a: 1 } },
  'an async handler that forgets to reply': (_request, reply) => { setTimeout(() => reply.raw.destroy(), 20); return Promise.resolve() },
  handlerTimeout: () => new Promise(() => {})
}

for (const [name, first] of Object.entries(ways)) {
  testRuns(name, async (t, serve) => {
    const origin = await serve((app, self) => {
      app.setErrorHandler((error: Error, _request, reply) => {
        if (error?.message === 'covered') return reply.code(200).send('covered')
        return reply.code((error as { statusCode?: number })?.statusCode ?? 500).send('failed')
      })
      app.addHook('onSend', async (_request, reply) => {
        const what = reply.getHeader('x-throw')
        if (what === '404') reply.code(404)
        else if (what !== undefined) {
          if (what === 'once') reply.removeHeader('x-throw')
          throw new Error('late')
        }
      })
      const options = { handlerTimeout: name === 'handlerTimeout' ? 50 : 0, config: { cache: { timeout: 60, maxEntryBytes: 1_000 } } }
      if (options.handlerTimeout === 0) Reflect.deleteProperty(options, 'handlerTimeout')
      const declared: Array<[string, (handler: Handler) => unknown]> = [
        ['/sync', (handler) => (request: FastifyRequest, reply: FastifyReply) => {
          if (self.ran('/sync') > 1) return reply.send('plain')
          setTimeout(() => {
            try {
              const result = handler(request, reply, true)
              Promise.resolve(result).then((value) => { if (value !== undefined && value !== reply) reply.send(value) }, (error) => { reply.send(error) })
            } catch (error) {
              reply.send(error)
            }
          }, 20)
        }],
        ['/async', (handler) => async (request: FastifyRequest, reply: FastifyReply) => {
          if (self.ran('/async') > 1) return 'plain'
          await sleep(20)
          const result = await handler(request, reply, true)
          return result
        }]
      ]
      for (const [path, make] of declared) app.get(path, options, make(first) as never)
    })
    for (const path of name === 'the socket destroyed' ? ['/async'] : ['/sync', '/async']) {
      const leader = origin.get(path).then((reply) => reply.status, () => 'cut')
      t.ok(await eventually(() => origin.runs(path) === 1), `${path}: the leader runs`)
      const follower = origin.get(path).then((reply) => reply.status, () => 'cut')
      t.ok(await eventually(() => waiting() === 1 || openFlights() === 0), `${path}: another one waits`)
      t.ok(await eventually(() => openFlights() === 0), `${path}: the run is over`)
      await ends(`${path}: both have an answer`, Promise.all([leader, follower]))
    }
  })
}

testRuns('replies before the handler, and refusals', async (t, serve) => {
  const origin = await serve((app, self) => {
    app.addHook('preHandler', async (request, reply) => {
      await sleep(10)
      if (request.headers['x-refuse'] !== undefined) return reply.code(403).send('no')
      if (request.headers['x-throw'] !== undefined) throw new Error('hook')
    })
    app.get('/hooked', { config: { cache: { timeout: 60 } } }, async () => { self.ran(); return 'fine' })
    app.get('/checked/:n', { config: { cache: { timeout: 60 } }, schema: { params: { type: 'object', properties: { n: { type: 'integer' } } } } }, async () => 'fine')
    app.register(async (child) => {
      child.get('/early', {
        config: { cache: { timeout: 60 } },
        preHandler: async (request, reply) => { if (request.headers['x-early'] !== undefined) return reply.send('early') }
      }, async () => 'fine')
    })
  })
  t.strictSame((await Promise.all([origin.get('/hooked', { 'x-refuse': '1' }), origin.get('/hooked', { 'x-throw': '1' }), origin.get('/hooked')])).map((reply) => reply.status), [403, 500, 200])
  t.strictSame((await Promise.all([origin.get('/checked/x'), origin.get('/checked/x')])).map((reply) => reply.status), [400, 400])
  t.strictSame((await Promise.all([origin.get('/early', { 'x-early': '1' }), origin.get('/early')])).map((reply) => reply.text), ['early', 'fine'])
  t.equal((await origin.get('/early')).text, 'fine')
})

const abort = (port: number, path: string): (() => void) => {
  const sent = http.get({ port, host: '127.0.0.1', path, agent: false }).on('error', () => {})
  return () => sent.destroy()
}

for (const streamed of [false, true]) {
  testRuns(`the leader's client leaves before the reply${streamed ? ', a stream' : ''}: it fills all the same`, async (t, serve) => {
    const door = gate<void>()
    const origin = await serve((app, self) => {
      app.get('/r', { config: { cache: { timeout: 60 } } }, async (_request, reply) => {
        const n = self.ran()
        await door.promise
        return streamed ? reply.type('text/plain').send(parts('run ', String(n))) : `run ${n}`
      })
    })
    const leave = abort(origin.port, '/r')
    t.ok(await eventually(() => origin.runs() === 1))
    const follower = origin.get('/r')
    t.ok(await eventually(() => waiting() === 1))
    leave()
    await sleep(20)
    door.open()
    t.equal((await follower).text, 'run 1')
    t.match((await origin.get('/r')).headers['cache-status'], /hit/)
  })
}

testRuns('the leader\'s client leaves in the middle of a stream: it fills all the same', async (t, serve) => {
  const origin = await serve((app, self) => {
    app.get('/r', { config: { cache: { timeout: 60 } } }, async (_request, reply) => {
      self.ran()
      return reply.type('text/plain').send(Readable.from((async function * () {
        for (let i = 0; i < 20; i++) {
          await sleep(5)
          yield `part ${i}; `
        }
      })()))
    })
  })
  const socket = net.connect(origin.port, '127.0.0.1', () => socket.write('GET /r HTTP/1.1\r\nhost: 127.0.0.1:' + origin.port + '\r\n\r\n'))
  await new Promise((resolve) => socket.once('data', resolve))
  socket.destroy()
  t.match((await origin.get('/r')).text, /part 0; .*part 19; /)
  t.equal(origin.runs(), 1)
})

testRuns('the client leaves and the handler stops without a reply', async (t, serve) => {
  const origin = await serve((app, self) => {
    app.get('/r', { config: { cache: { timeout: 60 } } }, async (request, reply) => {
      if (self.ran() > 1) return 'fine'
      await new Promise((resolve) => request.raw.once('close', resolve))
      if (request.raw.aborted || reply.raw.destroyed) return undefined
      return 'unreached'
    })
  })
  const leave = abort(origin.port, '/r')
  t.ok(await eventually(() => origin.runs() === 1))
  const follower = origin.get('/r')
  t.ok(await eventually(() => waiting() === 1))
  leave()
  t.equal((await follower).text, 'fine')
})

testRuns('an endless stream whose client left does not go on for ever', async (t, serve) => {
  // The bound of a run without a client is a minute; the test has none.
  const { setTimeout: real } = globalThis
  globalThis.setTimeout = ((job: () => void, ms: number, ...more: []) => real(job, ms === 60_000 ? 50 : ms, ...more)) as typeof setTimeout
  t.teardown(() => { globalThis.setTimeout = real })
  let destroyed = false
  const origin = await serve((app, self) => {
    app.get('/r', { config: { cache: { timeout: 60 } } }, async (_request, reply) => {
      self.ran()
      const stream = new Readable({ read () {}, destroy (error, callback) { destroyed = true; callback(error) } })
      stream.push('tick')
      return reply.type('text/plain').send(stream)
    })
  })
  const leave = abort(origin.port, '/r')
  t.ok(await eventually(() => origin.runs() === 1))
  await sleep(20)
  leave()
  t.ok(await eventually(() => destroyed))
})

testRuns('the server closes', async (t, serve) => {
  const door = gate<void>()
  const origin = await serve((app, self) => {
    app.get('/r', { config: { cache: { timeout: 60 } } }, async () => {
      self.ran()
      await door.promise
      return 'fine'
    })
    app.get('/never', { config: { cache: { timeout: 60 } } }, () => new Promise(() => {}))
  }, { fastify: { forceCloseConnections: false } })
  const replies = Promise.all([origin.get('/r'), origin.get('/r'), origin.get('/r')])
  t.ok(await eventually(() => waiting() === 2))
  const leave = abort(origin.port, '/never')
  t.ok(await eventually(() => openFlights() === 2))
  const closed = origin.app.close()
  leave()
  await sleep(20)
  door.open()
  for (const reply of await replies) t.ok(reply.status === 200 || reply.status === 503)
  await closed
  t.equal(openFlights(), 0)
})
