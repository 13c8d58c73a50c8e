import t from 'tap'
import type { Test } from 'tap'
import { build } from '../backends/rig.ts'
import type { Options, Server } from '../backends/rig.ts'
import { ends } from '../helpers/patience.ts'
import { until } from '../helpers/process.ts'
import { startMemcacheds } from '../helpers/memcached.ts'
import { startCluster } from '../helpers/redis.ts'

const ITEMS = 120
const urls = Array.from({ length: ITEMS }, (_, i) => `/item/${i}`)

/** Asks for every URL, three times over: how many of them hit the last time. No request waits for the deadline, which is longer than the test's patience. */
async function share (t: Test, server: Server): Promise<number> {
  let hits = 0
  for (const round of [1, 2, 3]) {
    for (const url of urls) {
      const reply = await ends(url, server.get(url))
      if (reply.status !== 200 || !reply.body.startsWith(url + ' ')) t.fail(`${url} answered ${reply.status} ${reply.body}`)
      if (round === 3 && /; hit/.test(reply.cache)) hits++
    }
  }
  return hits
}

/** What holds while one server of several is gone, and when it is back. */
async function losesOnlyItsShare (t: Test, options: Options, dead: { kill (): Promise<void>, restart (): Promise<void> }, lastOf: number): Promise<void> {
  const server = build({ CACHE_OPERATION_TIMEOUT: 60, ...options }, (app) => {
    app.get('/tagged/:id', { config: { cache: { tags: (request) => [`tag ${(request.params as { id: string }).id}`] } } }, async ({ url }) => url)
  })
  t.teardown(() => server.app.close())
  await server.app.ready()
  t.equal(await share(t, server), ITEMS)

  await dead.kill()
  const hits = await share(t, server)
  t.ok(hits >= ITEMS * (1 - 1 / lastOf) * 0.75, `the others' share is served from the cache: ${hits} of ${ITEMS}`)
  t.ok(hits < ITEMS, `and the dead one's is not: ${hits}`)

  // A purge of what lies on a living server works, also while another one of its names cannot be told
  const alive = await hitting(server)
  const before = server.runs.get(alive)!
  t.equal((await server.app.inject({ method: 'POST', url: alive, headers: { host: 'a.test' } })).statusCode, 200)
  t.match(await server.get(alive), { body: `${alive} ${before + 1}` })

  // clear() reaches the living servers, and says that it did not reach all
  await t.rejects(server.app.cache.clear(), { code: /FST_CACHE_ERR_BACKEND/ })
  const runs = urls.map((url) => server.runs.get(url)!)
  for (const url of urls) await server.get(url)
  t.ok(urls.every((url, i) => server.runs.get(url)! > runs[i]!), 'nothing from before it is served')

  await dead.restart()
  await until('everything hits again', async () => await share(t, server) === ITEMS, 60_000)
}

async function hitting (server: Server): Promise<string> {
  for (const url of urls) if (/; hit/.test((await server.get(url)).cache)) return url
  throw new Error('nothing hits')
}

t.test('one of three memcached servers dead', async (t) => {
  const servers = await startMemcacheds(3)
  t.teardown(() => Promise.all(servers.map((server) => server.stop())))
  for (const dead of servers) {
    await t.test(`whichever it is: ${servers.indexOf(dead) + 1}`, async (t) => {
      await losesOnlyItsShare(t, { CACHE_TYPE: 'MemcachedCache', CACHE_MEMCACHED_SERVERS: servers.map(({ server }) => server), CACHE_KEY_PREFIX: `${dead.port}:` }, dead, 3)
    })
  }
})

t.test('one of three masters of a cluster dead', async (t) => {
  const cluster = await startCluster(3)
  t.teardown(() => cluster.stop())
  for (const node of cluster.nodes) await node.cli('config', 'set', 'cluster-require-full-coverage', 'no')
  await losesOnlyItsShare(t, { CACHE_TYPE: 'RedisClusterCache', CACHE_REDIS_CLUSTER: cluster.addresses }, cluster.nodes[1]!, 3)
})

t.test('a reply and its versions lie in one slot', async (t) => {
  const cluster = await startCluster(3)
  t.teardown(() => cluster.stop())
  const server = build({ CACHE_TYPE: 'RedisClusterCache', CACHE_REDIS_CLUSTER: cluster.addresses })
  t.teardown(() => server.app.close())
  await server.app.ready()
  const keysOf = async (node: (typeof cluster.nodes)[number]) => (await node.cli('--raw', 'keys', '*')).split('\n').filter(Boolean)
  await server.get('/item/1')
  await until('it is there', async () => /; hit/.test((await server.get('/item/1')).cache))
  // The fence is no part of it: it is read until the first reply has told that it brings no tags of its own.
  const held = (await Promise.all(cluster.nodes.map(keysOf))).map((keys) => keys.filter((key) => !key.endsWith('m:x')))
  t.equal(held.flat().length, 3, held.flat().join('\n'))
  t.equal(held.filter((keys) => keys.length > 0).length, 1, 'the reply, the version of its URI, and that of its part of the cache')
})
