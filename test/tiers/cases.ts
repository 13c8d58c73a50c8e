import type { Test } from 'tap'
import type { Cache, CacheOptions } from '../../index.ts'
import { until } from '../helpers/process.ts'
import type { RedisServer } from '../helpers/redis.ts'
import type { Reading } from './subject.ts'
import { LONGEST, staleFor, startPeer, thisPeer, truthFile } from './processes.ts'
import type { Peer } from './processes.ts'

export const cache = (peer: Peer, method: keyof Cache, ...args: unknown[]) => peer.run({ do: 'cache', method, args })
export const value = (key: string): Reading => ({ by: 'value', key })

/** Look-ups that the servers have answered. */
export async function reads (servers: readonly RedisServer[]): Promise<number> {
  const stats = await Promise.all(servers.map((server) => server.cli('info', 'commandstats')))
  return stats.reduce((sum, text) => sum + Number(/cmdstat_mget:calls=(\d+)/.exec(text)?.[1] ?? 0), 0)
}

/** Returns when the peers answer from their own memory. */
export async function untilLocal (peers: readonly Peer[], read: Reading, servers: readonly RedisServer[]): Promise<void> {
  const warm = (times: number) => Promise.all(peers.map((peer) => peer.run({ do: 'warm', read, times })))
  await warm(3)
  await until('reads stay in the process', async () => {
    const before = await reads(servers)
    await warm(10)
    return await reads(servers) === before
  })
}

interface Case {
  name: string
  read: Reading
  prepare? (a: Peer): Promise<unknown>
  change (a: Peer): Promise<unknown>
}

const set = (key: string, options: unknown = 60) => (a: Peer) => cache(a, 'set', key, 'old', options)
const cases: Case[] = [
  { name: 'set', read: value('a'), prepare: set('a'), change: (a) => cache(a, 'set', 'a', 'new', 60) },
  { name: 'delete', read: value('b'), prepare: set('b'), change: (a) => cache(a, 'delete', 'b') },
  { name: 'deleteMany', read: value('c'), prepare: set('c'), change: (a) => cache(a, 'deleteMany', ['x', 'c']) },
  { name: 'deleteByPrefix', read: value('group:d'), prepare: set('group:d'), change: (a) => cache(a, 'deleteByPrefix', 'group:') },
  { name: 'invalidateTags, a value', read: value('e'), prepare: set('e', { timeout: 60, tags: ['blue'] }), change: (a) => cache(a, 'invalidateTags', 'blue') },
  { name: 'invalidateTags, a long tag', read: value('e2'), prepare: set('e2', { timeout: 60, tags: ['ü'.repeat(200)] }), change: (a) => cache(a, 'invalidateTags', 'ü'.repeat(200)) },
  { name: 'expireTags', read: value('f'), prepare: set('f', { timeout: 60, tags: ['red'] }), change: (a) => cache(a, 'expireTags', 'red') },
  { name: 'add where the old one was deleted', read: value('g'), prepare: set('g'), change: async (a) => { await cache(a, 'delete', 'g'); await cache(a, 'add', 'g', 'new', 60) } },
  { name: 'invalidateTags, a page', read: { by: 'page', url: '/tagged' }, change: (a) => cache(a, 'invalidateTags', 'news') },
  { name: 'deleteCached', read: { by: 'page', url: '/page' }, change: (a) => cache(a, 'deleteCached', '/page', { host: 'localhost:80' }) },
  { name: 'deleteCached, variants', read: { by: 'page', url: '/varied' }, change: (a) => cache(a, 'deleteCached', '/varied', { host: 'localhost:80' }) },
  { name: 'an unsafe method', read: { by: 'page', url: '/page' }, change: (a) => a.run({ do: 'post', url: '/page' }) },
  { name: 'deleteMemoized, one call', read: { by: 'memo', arg: 'ann' }, change: (a) => a.run({ do: 'forget', args: ['ann'] }) },
  { name: 'deleteMemoized, the function', read: { by: 'memo', arg: 'bob' }, change: (a) => a.run({ do: 'forget', args: [] }) },
  { name: 'clear', read: value('h'), prepare: set('h'), change: (a) => cache(a, 'clear') }
]

export interface Three {
  readonly peers: readonly [Peer, Peer, Peer]
  readonly truth: { is (text: string): void }
}

/** Three processes on one backend, the first of which is this one. Unless told otherwise, copies live far longer than a test takes: what goes goes because it was told to. */
export async function three (t: Test, options: object): Promise<Three> {
  const truth = truthFile()
  truth.is('start')
  const given = { CACHE_KEY_PREFIX: 'tiers:', CACHE_LOCAL: { timeout: 60 }, CACHE_OPERATION_TIMEOUT: 10, ...options } as CacheOptions
  const peers = await Promise.all([thisPeer(given, truth.path), startPeer(given, truth.path), startPeer(given, truth.path)])
  t.teardown(() => Promise.all(peers.map((peer) => peer.close())))
  return { peers, truth }
}

/** Every way in which an entry can end, in one process, against what two others keep of it. */
export async function everyCase (t: Test, { peers: [a, b, c], truth }: Three, servers: readonly RedisServer[]): Promise<void> {
  for (const one of cases) {
    await t.test(one.name, async (t) => {
      truth.is(`before ${one.name}`)
      await one.prepare?.(a)
      await untilLocal([b, c], one.read, servers)
      truth.is(`after ${one.name}`)
      await goesEverywhere(t, [b, c], one.read, () => one.change(a))
    })
  }
}

/**
 * What was served before ends, long before the copies would have ended by themselves or the entry with its time, and
 * does not come back. The figure is printed.
 */
export async function goesEverywhere (t: Test, peers: readonly Peer[], read: Reading, change: () => Promise<unknown>): Promise<void> {
  const { ms, after, old } = await staleFor(peers, read, change)
  t.comment(`${t.fullname}: the others served it for ${ms} ms after the change had resolved`)
  t.ok(ms < LONGEST, `gone: ${ms} ms`)
  t.notOk(after.includes(old), 'and it does not come back')
}
