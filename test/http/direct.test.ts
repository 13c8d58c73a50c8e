import t, { type Test } from 'tap'
import type { FastifyInstance } from 'fastify'
import type { ClientReply } from '../helpers/client.ts'
import { startOrigin, type Origin } from '../helpers/origin.ts'

// A hit goes to the connection by the shortest way that is left. Whoever stands by that way sees what a reply of the
// handler shows.

const without = (reply: ClientReply, ...names: string[]): Record<string, unknown> =>
  Object.fromEntries(Object.entries(reply.headers).filter(([name]) => !['age', 'date', 'cache-status', ...names].includes(name)).sort())

const page = (app: FastifyInstance, origin: Origin): void => {
  app.get('/page', { config: { cache: { timeout: 60 } } }, (_request, reply) => {
    origin.ran()
    reply.header('link', '</style.css>; rel=preload').header('vary', 'accept-language').header('x-own', 'handler')
    return reply.type('text/plain').send('a page')
  })
}

async function twice (t: Test, prepare: (app: FastifyInstance, origin: Origin) => void, check: (miss: ClientReply, hit: ClientReply, origin: Origin) => unknown, ...merged: string[]): Promise<void> {
  const origin = await startOrigin((app, origin) => {
    prepare(app, origin)
    page(app, origin)
  })
  t.teardown(() => origin.close())
  const miss = await origin.get('/page')
  const hit = await origin.get('/page')
  t.match(hit.headers['cache-status'], /hit/)
  t.equal(origin.runs(), 1)
  t.equal(hit.status, miss.status)
  t.equal(hit.text, miss.text)
  t.same(without(hit, ...merged), without(miss, ...merged))
  await check(miss, hit, origin)
}

t.test('onResponse hooks find status and headers', async (t) => {
  const seen: Array<Record<string, unknown>> = []
  await twice(t, (app) => {
    app.addHook('onResponse', async (_request, reply) => {
      seen.push({ status: reply.statusCode, sent: reply.sent, type: reply.getHeader('content-type'), length: reply.getHeader('content-length'), names: Object.keys(reply.getHeaders()).sort() })
    })
  }, () => {
    t.equal(seen.length, 2)
    t.same({ ...seen[1], names: [] }, { ...seen[0], names: [] })
    t.match(seen[1]!.names, ['age', 'cache-status', 'content-length', 'content-type'])
  })
})

t.test('what earlier hooks put on the reply', async (t) => {
  await t.test('by reply.header: list fields of both, of the others the stored one', async (t) => {
    await twice(t, (app) => {
      app.addHook('onRequest', async (_request, reply) => {
        reply.header('vary', 'Origin').header('x-early', '1').header('x-own', 'hook').header('link', '<https://cdn.example>; rel=preconnect')
      })
    }, (_, hit) => {
      t.match(hit.headers, { 'x-early': '1', 'x-own': 'handler' })
      t.match(String(hit.headers.link), /preconnect.*preload/)
      t.match(String(hit.headers.vary), /origin/i)
      t.match(String(hit.headers.vary), /accept-language/i)
    }, 'vary', 'link')
  })

  await t.test('by reply.raw.setHeader', async (t) => {
    await twice(t, (app) => {
      app.addHook('onRequest', async (_request, reply) => { reply.raw.setHeader('x-raw', 'yes') })
    }, (_, hit) => { t.equal(hit.headers['x-raw'], 'yes') })
  })

  await t.test('the Cache-Status of a cache nearer to the origin', async (t) => {
    await twice(t, (app) => {
      app.addHook('onRequest', async (_request, reply) => { reply.header('cache-status', 'near; hit') })
    }, (_, hit) => { t.match(hit.headers['cache-status'], /^near; hit, .+; hit; ttl=/) })
  })
})

t.test('a send that somebody has put on the reply is used', async (t) => {
  let sends = 0
  await twice(t, (app) => {
    app.addHook('onRequest', async (_request, reply) => {
      const { send } = reply
      reply.send = function (payload) {
        sends++
        return send.call(this, payload)
      }
    })
  }, () => { t.equal(sends, 2) })
})

t.test('a writeHead that somebody has wrapped is used', async (t) => {
  let heads = 0
  await twice(t, (app) => {
    app.addHook('onRequest', async (_request, reply) => {
      const { writeHead } = reply.raw
      const { raw } = reply
      raw.writeHead = ((...args: unknown[]) => {
        heads++
        raw.setHeader('x-late', 'yes')
        return (writeHead as (...args: unknown[]) => unknown).apply(raw, args)
      }) as typeof writeHead
    })
  }, (_, hit) => {
    t.equal(heads, 2)
    t.equal(hit.headers['x-late'], 'yes')
  })
})

t.test('trailers that an earlier hook announced for a hit', async (t) => {
  let trails = false
  const origin = await startOrigin((app, origin) => {
    app.addHook('onRequest', async (_request, reply) => { if (trails) reply.trailer('x-end', async () => 'over') })
    page(app, origin)
  })
  t.teardown(() => origin.close())
  await origin.get('/page')
  trails = true
  const hit = await origin.get('/page')
  t.equal(origin.runs(), 1)
  t.equal(hit.headers.trailer, 'x-end')
  t.equal(hit.text, 'a page')
})

t.test('a header that cannot be written is an error of the server, on a hit too', async (t) => {
  let broken = false
  const origin = await startOrigin((app, origin) => {
    app.addHook('onRequest', async (_request, reply) => { if (broken) reply.header('x-broken', 'a\nb') })
    page(app, origin)
  })
  t.teardown(() => origin.close())
  await origin.get('/page')
  broken = true
  const bad = await origin.get('/page').then((reply) => reply.status, () => 'cut')
  t.not(bad, 200)
  broken = false
  t.equal((await origin.get('/page')).text, 'a page')
})

t.test('other methods, statuses and bodies', async (t) => {
  const origin = await startOrigin((app, origin) => {
    const cache = { timeout: 60 }
    app.get('/empty', { config: { cache: { ...cache, statuses: { 204: true } } } }, (_, reply) => { origin.ran('empty'); reply.code(204).send() })
    app.get('/bytes', { config: { cache } }, (_, reply) => { origin.ran('bytes'); reply.send(Buffer.from([0, 255, 10])) })
    app.get('/none', { config: { cache } }, (_, reply) => { origin.ran('none'); reply.send('') })
    app.get('/missing', { config: { cache: { ...cache, statuses: { 404: true } } } }, (_, reply) => { origin.ran('missing'); reply.code(404).send({ missing: true }) })
    page(app, origin)
  })
  t.teardown(() => origin.close())
  for (const path of ['/empty', '/bytes', '/none', '/missing']) {
    const [miss, hit] = [await origin.get(path), await origin.get(path)]
    if (origin.runs(path.slice(1)) === 1) t.match(hit.headers['cache-status'], /hit/, path)
    t.equal(hit.status, miss.status, path)
    t.same(hit.body, miss.body, path)
    t.same(without(hit), without(miss), path)
  }
  await origin.get('/page')
  const whole = await origin.get('/page')
  const head = await origin.request({ method: 'HEAD', path: '/page' })
  t.equal(head.text, '')
  t.same(without(head), without(whole))
  const both = await origin.raw('GET /page HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\nGET /page HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n')
  t.equal(both.text.split('a page').length >= 2, true, 'two in one packet')
})
