import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../../index.ts'
import type { CacheOptions, Store } from '../../index.ts'
import { PASSWORD, USER, startMemcached } from '../helpers/memcached.ts'
import { removeAtExit } from '../helpers/process.ts'
import { startCluster, startRedis } from '../helpers/redis.ts'

/** A backend to run on, and what tests must know of it. */
export interface Bench {
  readonly name: string
  readonly options: CacheOptions
  /** memcached cannot list its keys. */
  readonly lists: boolean
  /** Entries live in this process: a second instance has others. */
  readonly local: boolean
  /** How exactly it expires, ms. */
  readonly step: number
  stop (): Promise<void>
  /** Ends the server without a word; absent where there is none. */
  kill? (): Promise<void>
  restart? (): Promise<void>
}

type Maker = () => Promise<Bench>
const nothing = async (): Promise<void> => {}

function folder (): string {
  const path = mkdtempSync(join(tmpdir(), 'fastify-cached-test-'))
  removeAtExit(path)
  return path
}

export async function redisBench (conf: string[] = []): Promise<Required<Bench> & { cli (...args: string[]): Promise<string>, freeze (): void, thaw (): void }> {
  const server = await startRedis({ conf })
  return {
    name: 'RedisCache',
    options: { CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: server.host, CACHE_REDIS_PORT: server.port },
    lists: true,
    local: false,
    step: 1,
    cli: server.cli,
    freeze: server.freeze,
    thaw: server.thaw,
    stop: server.stop,
    kill: server.kill,
    restart: server.restart
  }
}

async function memcachedBench (type: 'MemcachedCache' | 'SASLMemcachedCache' | 'SpreadSASLMemcachedCache'): Promise<Bench> {
  const sasl = type !== 'MemcachedCache'
  const server = await startMemcached({ sasl })
  return {
    name: type,
    options: { CACHE_TYPE: type, CACHE_MEMCACHED_SERVERS: [server.server], ...(sasl ? { CACHE_MEMCACHED_USERNAME: USER, CACHE_MEMCACHED_PASSWORD: PASSWORD } : {}) },
    lists: false,
    local: false,
    step: 1000,
    stop: server.stop,
    kill: server.kill,
    restart: server.restart
  }
}

/** An application's own store: the six methods that are needed and no more. */
export function mapStore (): Store {
  const held = new Map<string, { value: Buffer, until: number }>()
  const get = (key: string): Buffer | undefined => {
    const entry = held.get(key)
    return entry !== undefined && entry.until > Date.now() ? entry.value : undefined
  }
  const set = (key: string, value: Buffer, ttl = Infinity): boolean => {
    held.set(key, { value, until: Date.now() + ttl })
    return true
  }
  return {
    get,
    set,
    add: (key, value, ttl) => get(key) === undefined && set(key, value, ttl),
    delete: (key) => get(key) !== undefined && held.delete(key),
    increment (key, delta, ttl = Infinity) {
      const there = get(key)
      if (there !== undefined && !/^-?\d+$/.test(there.toString('latin1'))) throw new TypeError('not a whole number')
      const sum = Number(there?.toString() ?? 0) + delta
      held.set(key, { value: Buffer.from(String(sum)), until: there === undefined ? Date.now() + ttl : held.get(key)!.until })
      return sum
    },
    clear (prefix) {
      for (const key of held.keys()) if (key.startsWith(prefix)) held.delete(key)
      return true
    }
  }
}

export const makers: Record<string, Maker> = {
  SimpleCache: async () => ({ name: 'SimpleCache', options: { CACHE_TYPE: 'SimpleCache' }, lists: true, local: true, step: 1, stop: nothing }),
  FileSystemCache: async () => ({ name: 'FileSystemCache', options: { CACHE_TYPE: 'FileSystemCache', CACHE_DIR: folder() }, lists: true, local: false, step: 1, stop: nothing }),
  RedisCache: redisBench,
  RedisClusterCache: async () => {
    const cluster = await startCluster(3)
    return { name: 'RedisClusterCache', options: { CACHE_TYPE: 'RedisClusterCache', CACHE_REDIS_CLUSTER: cluster.addresses }, lists: true, local: false, step: 1, stop: cluster.stop }
  },
  MemcachedCache: async () => await memcachedBench('MemcachedCache'),
  SASLMemcachedCache: async () => await memcachedBench('SASLMemcachedCache'),
  SpreadSASLMemcachedCache: async () => await memcachedBench('SpreadSASLMemcachedCache'),
  'a custom Store': async () => ({ name: 'a custom Store', options: { CACHE_TYPE: mapStore() }, lists: false, local: false, step: 1, stop: nothing })
}

let spaces = 0

/** An application with the cache, ready, and closed when the test ends. Each has a key space of its own unless `CACHE_KEY_PREFIX` is given. */
export async function open (t: Pick<Test, 'teardown'>, bench: Pick<Bench, 'options'>, options: CacheOptions = {}, routes?: (app: FastifyInstance) => void): Promise<FastifyInstance> {
  const app = Fastify()
  t.teardown(() => app.close())
  await app.register(cached, { CACHE_OPERATION_TIMEOUT: 10, CACHE_KEY_PREFIX: `space${++spaces}:`, ...bench.options, ...options })
  routes?.(app)
  await app.ready()
  return app
}

/** Runs `check` on every backend, or on those that `TEST_BACKENDS` lists. */
export async function everyBackend (t: Test, check: (t: Test, bench: Bench) => Promise<void>): Promise<void> {
  const names = process.env.TEST_BACKENDS?.split(',') ?? Object.keys(makers)
  await Promise.all(names.map(async (name) => {
    const bench = await makers[name]!()
    t.teardown(() => bench.stop())
    await t.test(name, async (t) => { await check(t, bench) })
  }))
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
