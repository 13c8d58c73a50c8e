import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { CacheOptions, RouteCacheConfig } from '../../index.ts'
import { eventually, startOrigin, type Origin } from '../helpers/origin.ts'

// A hook in front of the look-up may put a header on the reply that Node refuses when it is written, as one that repeats
// what a client sent. Whichever way the reply was about to come, that request fails with a 500, and nothing else does: the
// process lives (an unhandled rejection fails these tests), and the next client gets its page.

const BAD = { 'x-repeat': '1' }

async function origin (t: Test, cache: CacheOptions, build: (origin: Origin) => void, hooked: boolean): Promise<Origin> {
  const started = await startOrigin((app, origin) => {
    build(origin)
    if (hooked) app.addHook('onSend', async (_request, _reply, payload) => payload)
  }, {
    cache,
    before: (app) => {
      app.addHook('onRequest', async (request, reply) => {
        if (request.headers['x-repeat'] !== undefined) reply.header('x-repeated', 'Łukasz')
      })
    }
  })
  t.teardown(() => started.close())
  return started
}

const later = async <T>(value: T): Promise<T> => {
  await turn()
  return value
}

const ways: Array<{ name: string, config: RouteCacheConfig, headers?: Record<string, string>, method?: string }> = [
  { name: 'a hit', config: { timeout: 60 } },
  { name: 'a hit behind every hook', config: { timeout: 60, hook: 'preHandler' } },
  { name: 'a hit whose key comes late', config: { timeout: 60, makeCacheKey: () => later('k') as never } },
  { name: 'a hit after a predicate that answers late', config: { timeout: 60, unless: () => later(false) } },
  { name: 'a hit that was asked whether it is stale', config: { timeout: 60, isStale: () => later(false) } },
  { name: 'a hit in an encoding', config: { timeout: 60, compress: true }, headers: { 'accept-encoding': 'gzip' } },
  { name: 'a 304', config: { timeout: 60 }, headers: { 'if-none-match': '*' } },
  { name: 'HEAD', config: { timeout: 60 }, method: 'HEAD' },
  { name: 'only-if-cached', config: { timeout: 60 }, headers: { 'cache-control': 'only-if-cached' } }
]

const dir = mkdtempSync(join(tmpdir(), 'fastify-cached-refused-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const backends: Array<[name: string, options: CacheOptions]> = [
  ['at once', { CACHE_TYPE: 'SimpleCache' }],
  ['behind a wait', { CACHE_TYPE: 'FileSystemCache', CACHE_DIR: dir }]
]

for (const [speed, cache] of backends) {
  for (const hooked of [false, true]) {
    t.test(`a store that answers ${speed}${hooked ? ', onSend hooks behind' : ''}`, async (t) => {
      const { app, request, get } = await origin(t, { ...cache, CACHE_KEY_PREFIX: `${hooked}` }, ({ app }) => {
        ways.forEach(({ config }, n) => app.get(`/${n}`, { config: { cache: config } }, async (_request, reply) => {
          reply.type('text/plain')
          return 'page '.repeat(500)
        }))
      }, hooked)
      t.ok(app)
      for (const [n, { name, headers = {}, method = 'GET' }] of ways.entries()) {
        await get(`/${n}`)
        t.equal((await request({ method, path: `/${n}`, headers: { ...headers, ...BAD } })).status, 500, name)
        const after = await get(`/${n}`)
        t.equal(after.status, 200)
        t.match(after.headers['cache-status'], /hit/, `${name}: the entry stands`)
        t.equal(after.text, 'page '.repeat(500))
      }
    })

    t.test(`who waits for a run, and who gets a stale reply, from a store that answers ${speed}${hooked ? ', onSend hooks behind' : ''}`, async (t) => {
      let run: () => unknown = () => 'page'
      const { get, runs } = await origin(t, { ...cache, CACHE_KEY_PREFIX: `s${hooked}` }, (origin) => {
        const { app } = origin
        const handler = async (): Promise<unknown> => {
          origin.ran()
          return await run()
        }
        app.get('/follow', { config: { cache: { timeout: 60 } } }, handler)
        app.get('/swr', { config: { cache: { timeout: 0.001, staleWhileRevalidate: 60 } } }, handler)
        app.get('/error', { config: { cache: { timeout: 0.001, staleIfError: 60 } } }, handler)
        app.get('/soft', { config: { cache: { timeout: 0.001, staleIfError: 60, softTimeout: 0.01 } } }, handler)
      }, hooked)

      let go: (value: unknown) => void = () => {}
      run = () => new Promise((resolve) => { go = resolve })
      const leader = get('/follow')
      await eventually(() => runs() === 1)
      const follower = get('/follow', BAD)
      await turn()
      go('page')
      t.equal((await leader).status, 200)
      t.equal((await follower).status, 500, 'a follower')

      run = () => 'page'
      for (const path of ['/swr', '/error', '/soft']) t.equal((await get(path)).text, 'page')
      t.ok(await eventually(async () => /stale|hit/.test(String((await get('/swr')).headers['cache-status']))))
      t.equal((await get('/swr', BAD)).status, 500, 'stale-while-revalidate')
      run = () => { throw new Error('the database is down') }
      t.equal((await get('/error')).text, 'page')
      t.equal((await get('/error', BAD)).status, 500, 'stale-if-error')
      run = () => new Promise(() => {})
      t.equal((await get('/soft', BAD)).status, 500, 'softTimeout')
      t.equal((await get('/soft')).text, 'page')
    })
  }
}
