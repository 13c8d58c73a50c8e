import { mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import type { Test } from 'tap'
import { removeAtExit, until } from '../helpers/process.ts'
import { startRedis } from '../helpers/redis.ts'
import { build } from './rig.ts'
import type { Options, Server } from './rig.ts'

async function open (t: Test, options: Options): Promise<Server> {
  const server = build(options)
  t.teardown(() => server.app.close())
  await server.app.ready()
  return server
}

const hit = async (server: Server, url: string) => /; hit/.test((await server.get(url)).cache)

/** Two servers share nothing but the backend, as two processes do. */
async function share (t: Test, options: Options): Promise<void> {
  const [one, other] = [await open(t, options), await open(t, options)]
  t.match(await one.get('/item/1'), { body: '/item/1 1' })
  await until('it is stored', () => hit(one, '/item/1'))
  t.ok(await hit(other, '/item/1'), 'a fill in one is a hit in the other')
  t.equal(other.runs.get('/item/1') ?? 0, 0)
  const value = { date: new Date(5), map: new Map([['a', 1n]]), bytes: Buffer.from([0, 255]) }
  t.equal(await one.app.cache.set('k', value), true)
  t.same(await other.app.cache.get('k'), value)
  t.equal(await one.app.cache.inc('n', 5), 5)
  t.equal(await other.app.cache.inc('n', 2), 7)
  t.equal((await other.app.inject({ method: 'POST', url: '/item/1', headers: { host: 'a.test' } })).statusCode, 200)
  t.match(await one.get('/item/1'), { body: '/item/1 2' }, 'a purge in one is a miss in the other')
}

t.test('two servers on one Redis, and what else may stand under their keys', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const options = { CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: '127.0.0.1', CACHE_REDIS_PORT: redis.port }
  await share(t, options)

  const server = await open(t, options)
  const { cache } = server.app
  await server.get('/item/7')
  await until('it is stored', () => hit(server, '/item/7'))
  const key = (await redis.cli('--raw', 'keys', '*r:*item/7*')).trim()
  await cache.set('v', { secret: 1 })
  const valueKey = (await redis.cli('--raw', 'keys', '*v:v')).trim()
  const hex = async (name: string) => (await redis.cli('--raw', 'eval', "local s = redis.call('GET', KEYS[1]); return (s:gsub('.', function (c) return string.format('%02x', c:byte()) end))", '1', name)).trim()
  const put = (name: string, bytes: string) => redis.cli('eval', "return redis.call('SET', KEYS[1], (ARGV[1]:gsub('..', function (h) return string.char(tonumber(h, 16)) end)))", '1', name, bytes)

  for (const [what, name, ask] of [
    ['a reply', key, async () => await hit(server, '/item/7')],
    ['a value', valueKey, async () => await cache.get('v') !== undefined]
  ] as const) {
    const whole = await hex(name)
    const bytes = Buffer.from(whole, 'hex')
    const flipped = (at: number) => { const copy = Buffer.from(bytes); copy[at]! ^= 1; return copy.toString('hex') }
    const cases: Array<[string, () => Promise<unknown>]> = [
      ['of another version', () => { const copy = Buffer.from(bytes); copy[3] = 99; return put(name, copy.toString('hex')) }],
      ['cut short', () => put(name, bytes.subarray(0, -1).toString('hex'))],
      ['with more behind it', () => put(name, whole + '00')],
      ['empty', () => put(name, '')],
      ['changed in its head', () => put(name, flipped(9))],
      ['changed in its body', () => put(name, flipped(bytes.length - 1))],
      ['another key', async () => put(name, await hex(name === key ? valueKey : key))],
      ['text', () => redis.cli('set', name, '{"hello":"world"}')],
      ['a hash', async () => { await redis.cli('del', name); await redis.cli('hset', name, 'a', '1') }],
      ['a list', async () => { await redis.cli('del', name); await redis.cli('rpush', name, 'a') }]
    ]
    await put(name, whole)
    t.ok(await ask(), `${what}: as it was, it is found`)
    for (const [how, spoil] of cases) {
      await spoil()
      t.notOk(await ask(), `${what} ${how}: a miss`)
      await redis.cli('del', name)
      await put(name, whole)
    }
  }
  t.equal(server.said(/is down/).length, 0, 'none of it is an outage')
  await redis.cli('del', valueKey)
  await redis.cli('hset', valueKey, 'a', '1')
  t.equal(await cache.set('v', 'over a hash'), true)
  t.equal(await cache.get('v'), 'over a hash')
})

t.test('two servers on one folder', async (t) => {
  const CACHE_DIR = mkdtempSync(join(tmpdir(), 'fastify-cached-shared-'))
  removeAtExit(CACHE_DIR)
  const options = { CACHE_TYPE: 'FileSystemCache', CACHE_DIR }
  await share(t, options)
  const server = await open(t, options)
  await server.get('/item/7')
  await until('it is stored', () => hit(server, '/item/7'))
  const files = readdirSync(CACHE_DIR, { recursive: true }).map((name) => join(CACHE_DIR, String(name))).filter((path) => statSync(path).isFile())
  for (const path of files) {
    const bytes = readFileSync(path)
    writeFileSync(path, bytes.subarray(0, bytes.length >> 1))
  }
  t.notOk(await hit(server, '/item/7'), 'files cut short are misses')
  await until('and are written anew', () => hit(server, '/item/7'))
})
