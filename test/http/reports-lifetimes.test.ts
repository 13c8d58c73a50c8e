import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t from 'tap'
import { clock } from '../helpers/clock.ts'
import { gate } from '../helpers/functions.ts'
import { eventually, startOrigin } from '../helpers/origin.ts'
import type { Origin, OriginOptions } from '../helpers/origin.ts'

// Lifetimes, staleness, invalidation and shutdown: what went wrong for users of other caches, tried here.

const route = (cache: Record<string, unknown> = {}): object => ({ config: { cache: { timeout: 60, ...cache } } })

interface CacheHandle {
  deleteCached (path: string, options?: object): Promise<boolean>
  stats (): { entries?: number, bytes?: number }
}
const cacheOf = (app: FastifyInstance): CacheHandle => (app as unknown as { cache: CacheHandle }).cache

async function serve (t: { teardown: (f: () => unknown) => void }, build: (app: FastifyInstance, origin: Origin) => unknown, options: OriginOptions = {}): Promise<Origin> {
  const origin = await startOrigin(build, options)
  t.teardown(() => origin.close())
  return origin
}

/** Whatever the process complains about while `work` runs. */
async function complaints (work: () => Promise<void>): Promise<string[]> {
  const heard: string[] = []
  const warned = (warning: Error): void => { heard.push(`warning: ${warning.message}`) }
  const rejected = (reason: unknown): void => { heard.push(`unhandled: ${String(reason)}`) }
  process.on('warning', warned)
  process.on('unhandledRejection', rejected)
  await work()
  await sleep(20)
  process.off('warning', warned)
  process.off('unhandledRejection', rejected)
  return heard
}

// Julien-R44/bentocache#61, isaacs/ttlcache#41
t.test('lifetimes over 24.8 days live, without a warning', async (t) => {
  const heard = await complaints(async () => {
    for (const timeout of [2_592_000, 1e10, 0, 2 ** 32]) {
      const origin = await serve(t, (app, self) => { app.get('/r', route({ timeout }), async () => `run ${self.ran()}`) })
      await origin.get('/r')
      await sleep(20)
      t.equal((await origin.get('/r')).text, 'run 1', `timeout: ${timeout}`)
    }
  })
  t.strictSame(heard.filter((line) => /timeout|overflow/i.test(line)), [])
})

// jonbaldie/varnish#55
t.test('an Expires that is no date is past', async (t) => {
  for (const expires of ['0', '-1', '', 'soon']) {
    const origin = await serve(t, (app, self) => {
      app.get('/alone', route({ timeout: 'headers' }), async (request, reply) => reply.header('expires', expires).send(`run ${self.ran('alone')}`))
      app.get('/beside', route({ timeout: 'headers' }), async (request, reply) => reply.header('expires', expires).header('cache-control', 'max-age=60').send(`run ${self.ran('beside')}`))
    })
    for (const run of [1, 2]) t.equal((await origin.get('/alone')).text, `run ${run}`, JSON.stringify(expires))
    for (const run of [1, 1]) t.equal((await origin.get('/beside')).text, `run ${run}`, `${JSON.stringify(expires)} beside max-age`)
  }
})

// guzzle/cache-subscriber#49, meziantou/Meziantou.Framework#2824
t.test('a page that was deleted or forbidden is not served stale', async (t) => {
  for (const status of [401, 403, 404, 410]) {
    clock.stop()
    const origin = await serve(t, (app, self) => {
      app.get('/r', route({ timeout: 10, staleIfError: 3600 }), async (request, reply) => self.ran() === 1 ? 'page' : reply.code(status).send('no more'))
    })
    t.equal((await origin.get('/r')).text, 'page')
    clock.advance(20)
    t.equal((await origin.get('/r')).status, status)
    t.equal((await origin.get('/r')).status, status, 'and the page does not come back')
    clock.start()
  }
})

// guzzle/cache-subscriber#49
t.test('a page that only failed is served stale', async (t) => {
  clock.stop()
  const origin = await serve(t, (app, self) => {
    app.get('/r', route({ timeout: 10, staleIfError: 3600 }), async (request, reply) => {
      const run = self.ran()
      if (run === 1) return 'page'
      if (run === 2) throw new Error('scripted')
      return reply.code(502).send('bad gateway')
    })
  })
  await origin.get('/r')
  clock.advance(20)
  for (let i = 0; i < 4; i++) {
    const reply = await origin.get('/r')
    t.equal(`${reply.status} ${reply.text}`, '200 page')
    clock.advance(60)
  }
  clock.start()
})

// nodejs/undici#4334
t.test('a lifetime of the route does not keep redirects, failures and parts', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.get('/:status/:mode', route(), async (request, reply) => {
      const { status, mode } = request.params as { status: string, mode: string }
      if (mode === 'declared') reply.header('cache-control', 's-maxage=60')
      return reply.code(Number(status)).send(`run ${self.ran(`${status} ${mode}`)}`)
    })
  })
  for (const status of [302, 307, 404, 500, 206]) {
    for (const mode of ['plain', 'declared']) {
      for (const run of [1, 2]) t.equal((await origin.get(`/${status}/${mode}`)).text, `run ${run}`, `${status} ${mode}`)
    }
  }
})

// vivid-planet/dextinity#2132, jaredwray/cacheable#138
t.test('a refresh that fails does not hurt the process, and backs off', async (t) => {
  const failures: Record<string, () => unknown> = {
    throws: () => { throw new Error('scripted') },
    rejects: () => Promise.reject(new Error('scripted')),
    'answers 500': () => ({ status: 500 })
  }
  const heard = await complaints(async () => {
    for (const [name, fail] of Object.entries(failures)) {
      for (const cache of [{ staleWhileRevalidate: 3600 }, { staleWhileRevalidate: 3600, eagerRefresh: 0.1 }]) {
        const origin = await startOrigin((app, self) => {
          app.get('/r', route({ timeout: 0.03, ...cache }), (request, reply) => {
            if (self.ran() === 1) return reply.send('page')
            if (name === 'answers 500') return reply.code(500).send('sick')
            if (name === 'rejects') return fail() as never
            return fail() as never
          })
        })
        await origin.get('/r')
        await sleep(40)
        for (let i = 0; i < 20; i++) {
          t.equal((await origin.get('/r')).text, 'page', `${name}: the page stays`)
          await sleep(5)
        }
        t.ok(origin.runs() >= 2, `${name}: it was tried`)
        t.ok(origin.runs() <= 4, `${name}: and not at every request: ${origin.runs()} runs`)
        await origin.close()
      }
    }
  })
  t.strictSame(heard, [])
})

// vivid-planet/dextinity#2132
t.test('a refresh that never ends: others are served, and the server closes', async (t) => {
  const door = gate<void>()
  const origin = await startOrigin((app, self) => {
    app.get('/r', route({ timeout: 0.02, staleWhileRevalidate: 3600 }), async () => {
      if (self.ran() > 1) await door.promise
      return `run ${self.ran('done')}`
    })
  })
  await origin.get('/r')
  await sleep(30)
  for (let i = 0; i < 5; i++) t.equal((await origin.get('/r')).text, 'run 1')
  t.ok(await eventually(() => origin.runs() === 2), 'one refresh')
  const closing = origin.close()
  await sleep(20)
  door.open()
  await closing
  t.equal(origin.runs(), 2, 'no second one')
  t.equal(origin.runs('done'), 2, 'closing waited for it')
})

// laravel/framework#52847
t.test('what was deleted leaves no companion behind', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.get('/r', route({ host: false, staleWhileRevalidate: 3600, staleIfError: 3600, tags: ['t'] }), async (request, reply) => {
      reply.header('vary', 'accept-language')
      return `run ${self.ran()}`
    })
  })
  const ask = async (lang: string): Promise<string> => (await origin.get('/r', { 'accept-language': lang })).text
  t.equal(await ask('en'), 'run 1')
  t.equal(await ask('de'), 'run 2')
  t.equal(await cacheOf(origin.app).deleteCached('/r'), true, 'there was something')
  t.equal(await cacheOf(origin.app).deleteCached('/r'), false, 'and only once')
  t.equal(await ask('en'), 'run 3')
  t.equal(await ask('de'), 'run 4')
})

// nodejs/undici#5509
t.test('what Location and Content-Location name is removed, of this host only', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.get('/item', route(), async () => `run ${self.ran()}`)
    app.post('/items', async (request, reply) => {
      const { status, ...headers } = request.headers as Record<string, string>
      for (const name of ['location', 'content-location']) if (headers[`x-${name}`] !== undefined) reply.header(name, headers[`x-${name}`])
      return reply.code(Number(status ?? 201)).send('created')
    })
  })
  const post = (headers: Record<string, string>): Promise<unknown> => origin.request({ method: 'POST', path: '/items', headers: { host: 'a.test', ...headers } })
  const runs = async (): Promise<number> => { await origin.get('/item', { host: 'a.test' }); return origin.runs() }
  let expected = await runs()
  t.equal(await runs(), expected)
  for (const name of ['x-location', 'x-content-location']) {
    for (const [value, removes] of [
      ['/item', true], ['item', true], ['./item', true], ['http://a.test/item', true], ['http://a.test:80/item', true], ['HTTP://A.TEST/item', true], ['//a.test/item', true], ['/x/../item', true],
      ['http://b.test/item', false], ['//b.test/item', false], ['http://a.test:81/item', false], ['http://[', false], ['%', false], ['', false]
    ] as const) {
      await post({ [name]: value })
      if (removes) expected += 1
      t.equal(await runs(), expected, `${name} ${JSON.stringify(value)} ${removes ? 'removes' : 'does not'}`)
      expected = origin.runs()
    }
    await post({ [name]: '/item', status: '404' })
    t.equal(await runs(), expected, `${name} of a 404 does not`)
  }
})

// directus/directus#15599, craftcms/cms#6410
t.test('GraphQL by POST: each query its own, a mutation always runs', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.post('/graphql', route({
      methods: ['POST'],
      makeCacheKey: (request: FastifyRequest) => JSON.stringify(request.body),
      unless: (request: FastifyRequest) => String((request.body as { query?: string }).query).startsWith('mutation')
    }), async (request) => ({ run: self.ran(), query: (request.body as { query: string }).query }))
  })
  const ask = async (query: string): Promise<string> => (await origin.request({ method: 'POST', path: '/graphql', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ query }) })).text
  t.equal(await ask('{a}'), '{"run":1,"query":"{a}"}')
  t.equal(await ask('{b}'), '{"run":2,"query":"{b}"}')
  t.equal(await ask('{a}'), '{"run":1,"query":"{a}"}')
  t.equal(await ask('mutation {c}'), '{"run":3,"query":"mutation {c}"}')
  t.equal(await ask('mutation {c}'), '{"run":4,"query":"mutation {c}"}')
  t.equal(await ask('{a}'), '{"run":1,"query":"{a}"}', 'a cached method purges nothing')
})

// statamic/cms#10863, boldenamsterdam/htmlcache#22
t.test('random URLs that do not exist do not push out the hot page', async (t) => {
  clock.stop()
  const origin = await serve(t, (app, self) => {
    app.get('/*', route({ statuses: { 404: 10 }, minUses: 2 }), async (request, reply) => request.url === '/hot' ? `run ${self.ran()}` : reply.code(404).send(`none ${self.ran('404')}`))
  }, { cache: { CACHE_THRESHOLD: 100 } as object })
  const ask = async (url: string): Promise<string> => (await origin.app.inject({ url })).body
  await ask('/hot')
  await ask('/hot')
  for (let i = 0; i < 3000; i++) await ask(`/random-${i}`)
  t.equal(await ask('/hot'), 'run 2', 'still there')
  t.ok((cacheOf(origin.app).stats().entries ?? Infinity) <= 100)
  await ask('/none')
  const second = await ask('/none')
  t.equal(await ask('/none'), second, 'a 404 that is asked for again is kept')
  clock.advance(11)
  t.not(await ask('/none'), second, 'for ten seconds')
  clock.start()
})

// statamic/cms#10863
t.test('the store holds no more than its bound', async (t) => {
  const origin = await serve(t, (app) => { app.get('/*', route(), async (request) => request.url) }, { cache: { CACHE_THRESHOLD: 50 } as object })
  for (let i = 0; i < 300; i++) await origin.app.inject({ url: `/p${i}` })
  const { entries } = cacheOf(origin.app).stats()
  t.ok(entries !== undefined && entries <= 50, `${entries} entries`)
})

// jaredwray/cacheable#1130, planttheidea/moize#119
t.test('closing during a fill and during a refresh ends', async (t) => {
  for (const cache of [{}, { timeout: 0.01, staleWhileRevalidate: 3600 }]) {
    const origin = await startOrigin((app, self) => {
      app.get('/r', route(cache), async () => { await sleep(self.ran() === 1 && 'timeout' in cache ? 0 : 100); return 'page' })
    }, { fastify: { forceCloseConnections: false } as object })
    if ('timeout' in cache) {
      await origin.get('/r')
      await sleep(15)
    }
    const asked = origin.get('/r').catch(() => undefined)
    await eventually(() => origin.runs() === ('timeout' in cache ? 2 : 1))
    await origin.close()
    await asked
    t.pass('closed')
  }
})
