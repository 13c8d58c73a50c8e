import t from 'tap'
import type { FastifyInstance } from 'fastify'
import { until } from '../helpers/process.ts'
import { everyBackend, open } from './support.ts'

const refused = (message: RegExp) => ({ code: 'FST_CACHE_ERR_DELETE_CACHED', message })

t.test('deleteCached', async (t) => {
  await everyBackend(t, async (t, bench) => {
    const runs = new Map<string, number>()
    const routes = (app: FastifyInstance): void => {
      const run = (name: string): string => {
        runs.set(name, (runs.get(name) ?? 0) + 1)
        return `${name} ${runs.get(name)}`
      }
      const cache = { timeout: 60 }
      app.get('/', { config: { cache } }, async () => run('/'))
      app.get('/user/:name', { config: { cache } }, async (request) => run(request.url))
      app.get('/post/:id(^\\d+$)/:slug', { config: { cache } }, async (request) => run(request.url))
      app.get('/files/*', { config: { cache } }, async (request) => run(request.url))
      app.get('/free', { config: { cache: { timeout: 60, host: false } } }, async () => run('/free'))
      app.get('/keyed/:x', { config: { cache: { timeout: 60, makeCacheKey: () => 'one' } } }, async () => run('/keyed'))
      app.get('/prefixed', { config: { cache: { timeout: 60, keyPrefix: (request) => String(request.headers['x-tenant']) } } }, async (request) => run(`/prefixed ${request.headers['x-tenant']}`))
      app.get('/vary', { config: { cache: { timeout: 60, vary: ['accept-language'] } } }, async (request) => run(`/vary ${request.headers['accept-language']}`))
      app.get('/late-vary', { config: { cache } }, async (request, reply) => { reply.header('vary', 'accept-language'); return run(`/late-vary ${request.headers['accept-language']}`) })
      app.get('/soft', { config: { cache: { timeout: 60, staleWhileRevalidate: 60 } } }, async () => run('/soft'))
      app.get('/list', { config: { cache: { timeout: 60, queryString: ['a'] } } }, async (request) => run(request.url))
      app.get('/uncached', async () => 'x')
      app.get('/self', { config: { cache: { timeout: 60, queryString: true } } }, async () => run('/self'))
      app.get('/purge-me', async (request) => ({ there: await app.cache.deleteCached('/self', { request }) }))
    }
    const prefix = `delete ${bench.name}`
    const app = await open(t, bench, { CACHE_KEY_PREFIX: prefix }, routes)
    const other = bench.local ? app : await open(t, bench, { CACHE_KEY_PREFIX: prefix }, routes)
    const host = 'localhost'
    const hit = async (url: string, headers: Record<string, string> = {}, method: 'GET' | 'HEAD' = 'GET'): Promise<boolean> => {
      const { stores } = app.cache.stats()
      const response = await app.inject({ method, url, headers: { host, ...headers } })
      if (/stored/.test(String(response.headers['cache-status']))) await until('it is stored', () => app.cache.stats().stores > stores)
      return /hit/.test(String(response.headers['cache-status']))
    }
    const cases: Record<string, { url: string, call: () => Promise<boolean>, headers?: Record<string, string>, kept?: string }> = {
      'a literal path': { url: '/', call: async () => await other.cache.deleteCached('/', { host }) },
      'a literal path with a query in it': { url: '/?b=2&a=1', call: async () => await other.cache.deleteCached('/?a=1&b=2', { host }), kept: '/?a=1' },
      'a query as text': { url: '/?a=1', call: async () => await other.cache.deleteCached('/', { host, query: '?a=1' }), kept: '/' },
      'a query as an object': { url: '/?a=x%20y&b=1&b=2', call: async () => await other.cache.deleteCached('/', { host, query: { b: [1, 2], a: 'x y' } }), kept: '/?a=2' },
      'a pattern': { url: '/user/bob', call: async () => await other.cache.deleteCached('/user/:name', { host, params: { name: 'bob' } }), kept: '/user/alice' },
      'the literal path of a pattern': { url: '/user/bob', call: async () => await other.cache.deleteCached('/user/bob', { host }), kept: '/user/alice' },
      'a parameter that needs encoding': { url: '/user/a%2Fb%20%C3%BC', call: async () => await other.cache.deleteCached('/user/:name', { host, params: { name: 'a/b ü' } }) },
      'a pattern without its regular expressions': { url: '/post/12/x', call: async () => await other.cache.deleteCached('/post/:id/:slug', { host, params: { id: 12, slug: 'x' } }), kept: '/post/13/x' },
      'a pattern with its regular expressions': { url: '/post/12/x', call: async () => await other.cache.deleteCached('/post/:id(^\\d+$)/:slug', { host, params: { id: 12, slug: 'x' } }), kept: '/post/13/x' },
      'a wildcard': { url: '/files/a/b.txt', call: async () => await other.cache.deleteCached('/files/*', { host, params: { '*': 'a/b.txt' } }), kept: '/files/a/c.txt' },
      'without a host, where it is no part of the key': { url: '/free', call: async () => await other.cache.deleteCached('/free') },
      'an entry of makeCacheKey': { url: '/keyed/1', call: async () => await other.cache.deleteCached('/keyed/:x', { params: { x: 1 } }) },
      'every key prefix': { url: '/prefixed', headers: { 'x-tenant': 'a' }, call: async () => await other.cache.deleteCached('/prefixed', { host }) },
      'a declared variant': { url: '/vary', headers: { 'accept-language': 'de' }, call: async () => await other.cache.deleteCached('/vary', { host }) },
      'a variant of the reply': { url: '/late-vary', headers: { 'accept-language': 'de' }, call: async () => await other.cache.deleteCached('/late-vary', { host }) },
      'a route with a list of query names': { url: '/list?a=1&z=2', call: async () => await other.cache.deleteCached('/list', { host, query: { a: 1 } }) },
      'another spelling of the host': { url: '/user/carl', call: async () => await other.cache.deleteCached('/user/carl', { host: 'LOCALHOST:80' }) }
    }
    for (const [name, { url, call, headers, kept }] of Object.entries(cases)) {
      await t.test(name, async (t) => {
        await other.cache.clear()
        await hit(url, headers)
        if (kept !== undefined) await hit(kept, headers)
        t.equal(await hit(url, headers), true, 'stored')
        t.equal(await call(), true, 'something was there')
        t.equal(await hit(url, headers, 'HEAD'), false, 'HEAD misses')
        t.equal(await call(), false, 'nothing is there any more')
        t.equal(await hit(url, headers), false, 'GET misses')
        t.equal(await hit(url, headers), true, 'and fills again')
        if (kept !== undefined) t.equal(await hit(kept, headers), true, `${kept} stays`)
      })
    }

    await t.test('all variants and prefixes at once', async (t) => {
      await app.cache.clear()
      for (const language of ['de', 'en', 'fr']) for (const url of ['/vary', '/late-vary', '/prefixed']) await hit(url, { 'accept-language': language, 'x-tenant': language })
      for (const url of ['/vary', '/late-vary', '/prefixed']) await app.cache.deleteCached(url, { host })
      for (const language of ['de', 'en', 'fr']) {
        for (const url of ['/vary', '/late-vary', '/prefixed']) t.equal(await hit(url, { 'accept-language': language, 'x-tenant': language }), false, `${url} ${language}`)
      }
    })

    await t.test('host and scheme of a request; soft', async (t) => {
      await app.cache.clear()
      await hit('/self')
      await hit('/self', { host: 'b.example' })
      t.same((await app.inject({ url: '/purge-me', headers: { host } })).json(), { there: true })
      t.equal(await hit('/self', { host: 'b.example' }), true, 'the other host keeps its own')
      t.equal(await hit('/self'), false)
      await hit('/soft')
      t.equal(await app.cache.deleteCached('/soft', { host, soft: true }), true)
      if (bench.name !== 'a custom Store') {
        const stale = await app.inject({ url: '/soft', headers: { host } })
        t.match(stale.headers['cache-status'], /hit; ttl=(-\d|0)/)
        t.equal(stale.body, '/soft 1')
      }
    })

    await t.test('errors say what is wrong', async (t) => {
      const { cache } = app
      await t.rejects(cache.deleteCached('/nowhere', { host }), refused(/'\/nowhere'.*no route/))
      await t.rejects(cache.deleteCached('/uncached', { host }), refused(/'\/uncached'.*no route/))
      await t.rejects(cache.deleteCached('/user/:id', { host, params: { id: 1 } }), refused(/\/user\/:id/))
      await t.rejects(cache.deleteCached('/user/:name', { host }), refused(/name/))
      await t.rejects(cache.deleteCached('/files/*', { host, params: {} }), refused(/\*/))
      await t.rejects(cache.deleteCached('/user/:name', { host, params: { __proto__: { name: 'x' } } as never }), refused(/name/))
      await t.rejects(cache.deleteCached('/user/bob'), refused(/host/))
      await t.rejects(cache.deleteCached('/', {}), refused(/host/))
      await t.rejects(cache.deleteCached('/', { host: '' }), refused(/host/))
      await t.rejects(cache.deleteCached('user', { host }), refused(/'\/'/))
      await t.rejects(cache.deleteCached('', { host }), refused(/'\/'/))
      await t.rejects(cache.deleteCached(undefined as never), refused(/'\/'/))
      t.equal(await cache.deleteCached('/user/never-asked-for', { host }), false)
    })
  })
})
