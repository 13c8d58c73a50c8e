import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Test } from 'tap'
import { build } from '../backends/rig.ts'
import type { Options, Server } from '../backends/rig.ts'
import { startMemcached } from '../helpers/memcached.ts'
import { until } from '../helpers/process.ts'
import { startRedis } from '../helpers/redis.ts'
import type { RedisOptions } from '../helpers/redis.ts'

interface Backend { away (): unknown, back (): unknown, stop (): Promise<void> }

/** What a change that failed must never bring back, in this process: change, and what is read afterwards. */
interface Case {
  readonly name: string
  readonly before: (server: Server) => Promise<unknown>
  readonly change: (server: Server) => Promise<unknown>
  /** `undefined`, or what a fresh run gives. */
  readonly read: (server: Server) => Promise<unknown>
  readonly old: unknown
}

const cache = ({ app }: Server) => app.cache
const warm = async (server: Server, url: string) => {
  await server.get(url)
  await until(`${url} hits`, async () => /; hit/.test((await server.get(url)).cache))
}
const quiet = async (work: Promise<unknown>) => { await work.catch(() => {}) }

const CASES: Case[] = [
  { name: 'set', before: (s) => cache(s).set('set', 'old', 0), change: (s) => cache(s).set('set', 'new', 0), read: (s) => cache(s).get('set'), old: 'old' },
  { name: 'set with tags', before: (s) => cache(s).set('tagged', 'old', { timeout: 0, tags: ['a'] }), change: (s) => cache(s).set('tagged', 'new', { timeout: 0, tags: ['a', 'b'] }), read: (s) => cache(s).get('tagged'), old: 'old' },
  { name: 'delete', before: (s) => cache(s).set('delete', 'old', 0), change: (s) => cache(s).delete('delete'), read: (s) => cache(s).get('delete'), old: 'old' },
  { name: 'deleteMany', before: (s) => cache(s).setMany({ many1: 'old', many2: 'old' }, 0), change: (s) => cache(s).deleteMany(['many1', 'many2']), read: async (s) => (await cache(s).getMany(['many1', 'many2'])).find((one) => one !== undefined), old: 'old' },
  { name: 'invalidateTags', before: (s) => cache(s).set('of a tag', 'old', { timeout: 0, tags: ['t'] }), change: (s) => cache(s).invalidateTags('t'), read: (s) => cache(s).get('of a tag'), old: 'old' },
  { name: 'expireTags', before: (s) => cache(s).set('softened', 'old', { timeout: 0, tags: ['s'] }), change: (s) => cache(s).expireTags('s'), read: (s) => cache(s).get('softened'), old: 'old' },
  { name: 'an automatic purge', before: (s) => warm(s, '/item/purged'), change: (s) => s.app.inject({ method: 'POST', url: '/item/purged', headers: { host: 'a.test' } }), read: async (s) => (await s.get('/item/purged')).body, old: '/item/purged 1' },
  { name: 'deleteCached', before: (s) => warm(s, '/item/deleted'), change: (s) => cache(s).deleteCached('/item/deleted', { host: 'a.test' }), read: async (s) => (await s.get('/item/deleted')).body, old: '/item/deleted 1' },
  { name: 'getOrSet over an old value', before: (s) => cache(s).set('filled', 'old', 0), change: (s) => cache(s).getOrSet('filled', () => 'new', { timeout: 0, forcedUpdate: () => true }), read: (s) => cache(s).get('filled'), old: 'old' },
  { name: 'a forced update', before: (s) => warm(s, '/forced'), change: (s) => s.get('/forced?update'), read: async (s) => (await s.get('/forced')).body, old: 'forced 1' }
]

const CLEAR: Case = { name: 'clear', before: async (s) => { await warm(s, '/item/cleared'); await cache(s).set('cleared', 'old', 0) }, change: (s) => cache(s).clear(), read: async (s) => (await cache(s).get('cleared')) ?? (await s.get('/item/cleared')).body, old: /^old$|^\/item\/cleared 1$/ }

async function open (t: Test, options: Options): Promise<Server> {
  let forced = 0
  const server = build({ CACHE_OPERATION_TIMEOUT: 1, ...options }, (app) => {
    app.get('/forced', { config: { cache: { timeout: 0, queryString: false, isolate: false, forcedUpdate: (request) => request.url.endsWith('?update') } } }, async () => `forced ${++forced}`)
  })
  t.teardown(() => server.app.close())
  await server.app.ready()
  return server
}

function matches (value: unknown, old: unknown): boolean {
  return old instanceof RegExp ? typeof value === 'string' && old.test(value) : value === old
}

async function never (t: Test, options: Options, cases: readonly Case[], { away, back }: Backend): Promise<void> {
  const server = await open(t, options)
  for (const one of cases) {
    await until(`${one.name}: it is there`, async () => {
      await one.before(server)
      return matches(await one.read(server), one.old)
    })
  }
  await away()
  for (const one of cases) await quiet(one.change(server))
  await back()
  const seen = new Map<string, unknown>()
  await until('it caches again', async () => {
    for (const one of cases) {
      const now = await one.read(server)
      if (matches(now, one.old)) seen.set(one.name, now)
    }
    await server.get('/item/back')
    return /; hit/.test((await server.get('/item/back')).cache) && await cache(server).set('back', 1)
  })
  for (let round = 0; round < 30; round++) {
    for (const one of cases) {
      const now = await one.read(server)
      if (matches(now, one.old)) seen.set(one.name, now)
    }
    await sleep(20)
  }
  for (const one of cases) t.notOk(seen.has(one.name), `${one.name}: the old value is not served`)
  // and it was removed from the backend: another process does not see it either
  const other = await open(t, options)
  await until('the removals have come through', async () => {
    for (const one of cases) {
      if (one.name === 'a forced update') continue // its handler counts for each process
      const now = await one.read(other)
      if (now === 'old') return false
    }
    return true
  })
}

async function redis (t: Test, options: RedisOptions) {
  const server = await startRedis(options)
  t.teardown(() => server.stop())
  const CACHE = { CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: '127.0.0.1', CACHE_REDIS_PORT: server.port }
  return { server, CACHE }
}

for (const cases of [CASES, [CLEAR]]) {
  const which = cases === CASES ? '' : ' (clear)'

  t.test('Redis that was frozen' + which, async (t) => {
    const { server, CACHE } = await redis(t, {})
    await never(t, CACHE, cases, { away: () => server.freeze(), back: () => server.thaw(), stop: () => server.stop() })
  })

  for (const [name, conf, save] of [['an RDB file', ['save 3600 1'], ['save']], ['an AOF', ['appendonly yes', 'appendfsync always'], undefined]] as const) {
    t.test(`Redis that comes back from ${name}${which}`, async (t) => {
      const { server, CACHE } = await redis(t, { conf })
      const away = async () => {
        if (save !== undefined) await server.cli(...save)
        await server.kill()
      }
      await never(t, CACHE, cases, { away, back: () => server.restart(), stop: () => server.stop() })
    })
  }

  t.test('memcached that was frozen' + which, async (t) => {
    const server = await startMemcached()
    t.teardown(() => server.stop())
    const options = { CACHE_TYPE: 'MemcachedCache', CACHE_MEMCACHED_SERVERS: [server.server] }
    await never(t, options, cases, { away: () => server.freeze(), back: () => server.thaw(), stop: () => server.stop() })
  })
}
