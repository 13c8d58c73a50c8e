import t from 'tap'
import { freePort } from '../helpers/ports.ts'
import { startProxy } from '../helpers/proxy.ts'
import { startRedis, startReplica } from '../helpers/redis.ts'
import type { RedisServer } from '../helpers/redis.ts'
import { AMPLE, FULL, close, judge, pause, printTable, subject, underLoad } from './load.ts'

t.teardown(printTable)

t.test('down at the start', async (t) => {
  const port = await freePort()
  const cache = await subject({ port })
  let server: RedisServer | undefined
  judge(t, t.name, await underLoad(cache, async () => {
    await pause(400)
    server = await startRedis({ port })
  }))
  await close(t, cache)
  await server?.stop()
})

t.test('killed under load', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const cache = await subject({ port: server.port }, AMPLE)
  judge(t, t.name, await underLoad(cache, async () => {
    await pause(100)
    await server.kill()
    await pause(400)
    await server.restart()
  }))
  t.equal(cache.lines.filter((line) => /is down/.test(line)).length, 1)
  t.match(cache.lines.at(-1), /is back after/)
  await close(t, cache)
})

t.test('frozen and continued', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const cache = await subject({ port: server.port })
  judge(t, t.name, await underLoad(cache, async () => {
    await pause(100)
    server.freeze()
    await pause(FULL ? 5000 : 1500)
    server.thaw()
  }))
  server.freeze()
  await close(t, cache)
})

t.test('cut in the middle of replies', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const proxy = await startProxy(server.port)
  t.teardown(() => proxy.stop())
  const cache = await subject({ port: proxy.port })
  judge(t, t.name, await underLoad(cache, async () => {
    await pause(100)
    for (let round = 0; round < (FULL ? 60 : 8); round++) {
      proxy.cutAfter(5000 + round * 977)
      await pause(100)
    }
    proxy.cutAfter(undefined)
    proxy.cut()
  }))
  t.ok(proxy.connections > 3)
  await close(t, cache)
})

t.test('every third reply is late', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const proxy = await startProxy(server.port)
  t.teardown(() => proxy.stop())
  const cache = await subject({ port: proxy.port })
  judge(t, t.name, await underLoad(cache, async () => {
    await pause(100)
    proxy.delay((chunk) => chunk % 3 === 0 ? 600 : 0)
    await pause(FULL ? 5000 : 1500)
    proxy.delay(undefined)
  }))
  await close(t, cache)
})

t.test('a network that swallows everything', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const proxy = await startProxy(server.port)
  t.teardown(() => proxy.stop())
  const cache = await subject({ port: proxy.port })
  judge(t, t.name, await underLoad(cache, async () => {
    await pause(100)
    proxy.blackhole(true)
    await pause(FULL ? 5000 : 1500)
    proxy.blackhole(false)
  }))
  await close(t, cache)
})

t.test('a script that keeps the server busy', async (t) => {
  const server = await startRedis({ conf: ['lua-time-limit 100'] })
  t.teardown(() => server.stop())
  const cache = await subject({ port: server.port })
  judge(t, t.name, await underLoad(cache, async () => {
    await pause(100)
    const busy = server.cli('eval', 'while true do end', '0').catch(() => {})
    await pause(FULL ? 5000 : 1500)
    await server.cli('script', 'kill')
    await busy
  }))
  await close(t, cache)
})

t.test('no memory left', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const cache = await subject({ port: server.port }, AMPLE)
  let hits = 0
  const outcome = judge(t, t.name, await underLoad(cache, async () => {
    await pause(200)
    await server.cli('config', 'set', 'maxmemory', '1')
    await pause(500)
    hits = (await server.cli('info', 'stats')).length
    await server.cli('config', 'set', 'maxmemory', '0')
  }))
  t.ok(hits > 0 && outcome.lines.every((line) => !/is down/.test(line)), 'no outage: it answers')
  await close(t, cache)
})

t.test('a primary that becomes a replica', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  const other = await startReplica(server)
  t.teardown(() => other.stop())
  const cache = await subject({ port: server.port }, AMPLE)
  const outcome = judge(t, t.name, await underLoad(cache, async () => {
    await pause(200)
    await other.cli('replicaof', 'no', 'one')
    await server.cli('replicaof', '127.0.0.1', String(other.port))
    await pause(500)
    await server.cli('replicaof', 'no', 'one')
  }))
  t.ok(outcome.lines.every((line) => !/is down/.test(line)), 'reads go on')
  await close(t, cache)
})
