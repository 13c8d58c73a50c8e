import t from 'tap'
import type { Test } from 'tap'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { CacheEvent } from '../index.ts'
import { emit, emitError } from '../lib/events.ts'
import { eventually, startOrigin } from './helpers/origin.ts'
import type { Origin, OriginOptions } from './helpers/origin.ts'

const names = ['hit', 'miss', 'store', 'bypass', 'invalidate', 'error'] as const
type Seen = CacheEvent & { on: typeof names[number] }

/** Everything that the channels say from now on, until the test's end. */
function listen (t: Test, cache: string): Seen[] {
  const seen: Seen[] = []
  for (const on of names) {
    const note = (message: unknown): void => {
      const event = message as CacheEvent
      if (event.cache === cache) seen.push({ on, ...event })
    }
    subscribe(`fastify-cached:${on}`, note)
    t.teardown(() => unsubscribe(`fastify-cached:${on}`, note))
  }
  return seen
}

// Channels are the process's: each origin's cache has a name of its own.
let number = 0
async function origin (t: Test, build: Parameters<typeof startOrigin>[0], options: OriginOptions = {}): Promise<{ o: Origin, cache: string, seen: Seen[] }> {
  const cache = `cache${++number}`
  const o = await startOrigin(build, { ...options, cache: { ...options.cache, CACHE_DECORATOR: cache } })
  t.teardown(() => o.close())
  return { o, cache, seen: listen(t, cache) }
}

type Cached = Record<string, import('../index.ts').Cache>
const cacheOf = (o: Origin, name: string) => (o.app as unknown as Cached)[name]!
const config = (name: string, options: unknown) => ({ config: { [name]: options } }) as object

/** A store that fails on demand. */
function failing () {
  const map = new Map<string, Buffer>()
  const state = { down: false }
  const up = <T>(work: () => T): T => { if (state.down) throw new Error('pulled the plug'); return work() }
  return {
    state,
    store: {
      get: (key: string) => up(() => map.get(key)),
      set: (key: string, value: Buffer) => up(() => { map.set(key, value); return true }),
      add: (key: string, value: Buffer) => up(() => !map.has(key) && map.set(key, value) !== undefined),
      delete: (key: string) => up(() => map.delete(key)),
      increment: (_key: string, delta: number) => up(() => delta),
      clear: () => up(() => { map.clear(); return true })
    }
  }
}

t.test('nothing is built while nobody listens', async (t) => {
  let reads = 0
  const error = Object.create(Error.prototype, { message: { get: () => { reads++; return 'broken' } } }) as Error
  emitError('x', 'value', 'key', error)
  t.equal(reads, 0)
  const seen = listen(t, 'x')
  emitError('x', 'value', 'key', error)
  t.equal(reads, 1)
  emit('hit', 'x', 'route', 'key')
  t.same(seen, [{ on: 'error', cache: 'x', kind: 'value', key: 'key', reason: 'broken' }, { on: 'hit', cache: 'x', kind: 'route', key: 'key' }])
})

t.test('routes', async (t) => {
  let status = 200
  const { o, cache, seen } = await origin(t, (app) => {
    const name = `cache${number}`
    app.get('/user/:name', config(name, { timeout: 60, staleWhileRevalidate: 60, statuses: { 200: 60 } }), async (request, reply) => {
      reply.code(status)
      return { hello: (request.params as { name: string }).name }
    })
    app.get('/sick', config(name, { timeout: 0.01, staleIfError: 60 }), async () => {
      if (status !== 200) throw new Error('sick')
      return 'well'
    })
    app.post('/user/:name', async () => 'changed')
  })
  const taken = (): Array<Omit<Seen, 'key'>> => seen.splice(0).map(({ key: _key, ...rest }) => rest)
  const base = { cache, kind: 'route' as const, route: '/user/:name' }

  await o.get('/user/bob')
  const [first] = seen
  t.match(first?.key, /bob/)
  t.same(taken(), [{ on: 'miss', ...base, reason: 'uri-miss' }, { on: 'store', ...base }])
  await o.get('/user/bob')
  t.equal(seen[0]?.key, first?.key, 'one key for one entry')
  t.same(taken(), [{ on: 'hit', ...base }])

  const bypasses: Array<[Record<string, string>, string]> = [
    [{ authorization: 'Bearer s3cret-token' }, 'authorization'],
    [{ 'x-api-key': 's3cret-token' }, 'authorization'],
    [{ cookie: 'sid=s3cret-token' }, 'cookie'],
    [{ range: 'bytes=0-1' }, 'range'],
    [{ 'x-http-method-override': 'DELETE' }, 'method-override']
  ]
  for (const [headers, reason] of bypasses) {
    await o.get('/user/bob', headers)
    t.equal(seen[0]?.key, '/user/bob')
    t.notMatch(JSON.stringify(seen), /s3cret/)
    t.same(taken(), [{ on: 'bypass', ...base, reason }], reason)
  }

  await o.request({ path: '/user/bob', method: 'POST' })
  t.equal(seen[0]?.key, '/user/bob')
  t.same(taken(), [{ on: 'invalidate', cache, kind: 'route', reason: 'POST' }])
  await o.get('/user/bob')
  taken()
  await cacheOf(o, cache).deleteCached('/user/:name', { params: { name: 'bob' }, host: `127.0.0.1:${o.port}` })
  t.same(taken(), [{ on: 'invalidate', ...base, reason: 'deleteCached' }])

  await o.get('/sick')
  await new Promise((resolve) => { setTimeout(resolve, 20) })
  status = 500
  taken()
  await o.get('/sick')
  t.same(taken(), [{ on: 'miss', cache, kind: 'route', route: '/sick', reason: 'stale' }, { on: 'hit', cache, kind: 'route', route: '/sick', reason: 'stale-if-error' }])
})

t.test('stale hits, tags and clear', async (t) => {
  const { o, cache, seen } = await origin(t, (app) => {
    app.get('/', config(`cache${number}`, { timeout: 60, staleWhileRevalidate: 60, tags: ['front'] }), async () => 'x')
  })
  await o.get('/')
  seen.length = 0
  await cacheOf(o, cache).expireTags('front')
  t.same(seen.splice(0), [{ on: 'invalidate', cache, kind: 'value', key: 'front', reason: 'tag' }])
  await o.get('/')
  t.match(seen[0], { on: 'hit', reason: 'stale', route: '/' })
  t.ok(await eventually(() => seen.some(({ on }) => on === 'store')), 'the refresh is stored')
  t.notOk(seen.some(({ on }) => on === 'miss'), 'a refresh is no miss')
  seen.length = 0
  await cacheOf(o, cache).invalidateTags('front', 'back')
  await cacheOf(o, cache).clear()
  t.same(seen.map(({ on, key, reason }) => [on, key, reason]), [['invalidate', 'front', 'tag'], ['invalidate', 'back', 'tag'], ['invalidate', '', 'clear']])
})

t.test('values and functions', async (t) => {
  const { o, cache, seen } = await origin(t, () => {})
  const c = cacheOf(o, cache)
  const taken = () => seen.splice(0).map(({ on, kind, key, reason }) => [on, kind, key, reason].filter((part) => part !== undefined))
  await c.get('a')
  await c.set('a', 1)
  await c.get('a')
  await c.getMany(['a', 'b'])
  await c.add('b', 1)
  await c.add('b', 2)
  await c.delete('a')
  await c.deleteByPrefix('b')
  t.same(taken(), [
    ['miss', 'value', 'a'], ['store', 'value', 'a'], ['hit', 'value', 'a'], ['hit', 'value', 'a'], ['miss', 'value', 'b'],
    ['store', 'value', 'b'], ['invalidate', 'value', 'a'], ['invalidate', 'value', 'b', 'prefix']
  ])
  const double = c.memoize(async function double (n: number) { return n * 2 }, { unless: (n) => n === 3 })
  await double(1)
  await double(1)
  await double(3)
  const key = double.makeCacheKey(1)
  await double.deleteMemoized(1)
  const events = taken()
  t.same(events.map(([on, kind]) => [on, kind]), [['miss', 'memoize'], ['store', 'memoize'], ['hit', 'memoize'], ['bypass', 'memoize'], ['invalidate', 'memoize']])
  t.same(new Set([events[0]![2], events[1]![2], events[2]![2], events[4]![2]]), new Set([key]))
  t.equal(events[3]![3], 'unless')
  await c.getOrSet('made', () => 5)
  await c.getOrSet('made', () => 6)
  t.same(taken().map(([on, kind]) => [on, kind]), [['miss', 'value'], ['store', 'value'], ['hit', 'value']])
})

t.test('failures of the backend', async (t) => {
  const { state, store } = failing()
  const { o, cache, seen } = await origin(t, (app) => {
    app.get('/', config(`cache${number}`, true), async () => 'x')
    app.post('/', async () => 'x')
  }, { cache: { CACHE_TYPE: store } })
  const c = cacheOf(o, cache)
  const load = c.memoize(async function load () { return 1 })
  state.down = true
  const errors = () => seen.splice(0).filter(({ on }) => on === 'error')
  const cases: Array<[string, () => Promise<unknown>, string]> = [
    ['a route', () => o.get('/'), 'route'],
    ['a purge behind a write', () => o.request({ path: '/', method: 'POST' }), 'route'],
    ['get', () => c.get('k'), 'value'],
    ['set', () => c.set('k', 1), 'value'],
    ['a function', () => load(), 'memoize'],
    ['delete', () => c.delete('k').catch(() => {}), 'value'],
    ['add', () => c.add('k', 1).catch(() => {}), 'value'],
    ['inc', () => c.inc('k').catch(() => {}), 'value'],
    ['invalidateTags', () => c.invalidateTags('x').catch(() => {}), 'value'],
    ['deleteCached', () => c.deleteCached('/', { host: 'x' }).catch(() => {}), 'route'],
    ['deleteMemoized', () => load.deleteMemoized().catch(() => {}), 'memoize']
  ]
  for (const [what, work, kind] of cases) {
    const before = c.stats().errors
    await work()
    const seen = errors()
    t.ok(seen.length >= 1, `${what} tells of it`)
    t.equal(c.stats().errors - before, seen.length, `${what} counts what it tells`)
    t.same(new Set(seen.map((one) => one.kind)), new Set([kind]))
    t.match(seen[0]?.reason, /pulled the plug/)
  }
  t.notOk(seen.some(({ on }) => on === 'invalidate'), 'what did not hold is not called done')
  await t.rejects(c.inc('', 1))
  t.same(errors(), [], 'a fault of the caller is none of the backend')
})

t.test('keys show no secret', async (t) => {
  const secret = 'tr0ub4dor'
  const { o, seen } = await origin(t, (app) => {
    const name = `cache${number}`
    const route = (url: string, options: object) => app.get(url, config(name, { timeout: 60, ...options }), async (_request, reply) => { reply.header('vary', 'x-session'); return 'x' })
    route('/authorization', { authorization: 'vary' })
    route('/cookies', { cookies: 'vary' })
    route('/named', { cookies: ['sid'] })
    route('/vary', { vary: ['authorization', 'x-api-key'], authorization: 'ignore' })
    route('/vary-cookie', { vary: ['cookie'], cookies: 'ignore' })
  })
  const token = { authorization: `Bearer ${secret}`, 'x-api-key': secret }
  const cookie = { cookie: `sid=${secret}` }
  const asked = { '/authorization': token, '/cookies': cookie, '/named': cookie, '/vary': token, '/vary-cookie': cookie }
  for (const [path, headers] of Object.entries(asked)) {
    for (let i = 0; i < 2; i++) await o.get(path, { ...headers, 'x-session': secret })
  }
  t.ok(seen.length > 8)
  t.notMatch(JSON.stringify(seen), new RegExp(secret))
  t.same(seen.filter(({ on }) => on === 'hit').map(({ route }) => route), Object.keys(asked))
})
