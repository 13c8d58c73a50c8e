import { createServer as createHttpServer } from 'node:http'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { readFileSync } from 'node:fs'
import t from 'tap'
import type { Test } from 'tap'
import { ends } from '../../helpers/patience.ts'
import { freePort } from '../../helpers/ports.ts'
import { until } from '../../helpers/process.ts'
import { startRedis, startReplica } from '../../helpers/redis.ts'
import { bytes, lines, open } from './helpers.ts'

const SECRET = 'p@ss/w#rd%?:'
const SPELLINGS = [SECRET, encodeURIComponent(SECRET), JSON.stringify(SECRET), Buffer.from(SECRET).toString('base64'), 'p@ss', 'w#rd', 'p%40ss']

/** Rejects as refused, with these words and without the password in any form. */
async function refuses (t: Test, settings: Parameters<typeof open>[0], words: RegExp) {
  const log = lines()
  const error = await ends('the start', open({ log, ...settings }).then(async (store) => {
    await store.close()
    return new Error('it started')
  }, (error: Error) => error))
  t.match(error, { code: 'FST_CACHE_ERR_BACKEND_REFUSED', message: words })
  const told = [error.message, error.stack, JSON.stringify(error), JSON.stringify(error.cause), ...log.lines].join('\n')
  for (const spelling of SPELLINGS) t.notOk(told.includes(spelling), `nothing of the password: ${told.slice(0, 200)}`)
}

async function works (t: Test, settings: Parameters<typeof open>[0]) {
  const store = await open(settings)
  t.equal(await store.set('app:works', bytes('yes')), true)
  t.same(await store.get('app:works'), bytes('yes'))
  t.equal(await store.increment('app:n', 1, 1000) > 0, true)
  t.equal(await store.deleteByPrefix('app:n'), 1)
  await store.close()
}

t.test('a server with a password', async (t) => {
  const server = await startRedis({ password: SECRET, conf: [`user alice on >${SECRET} ~app:* &* +@all -@dangerous`, 'user bob on >bob ~app:* +@read', `user carol on >${SECRET} ~app:* +@read +@write +@scripting`] })
  t.teardown(() => server.stop())
  const { port } = server
  const encoded = encodeURIComponent(SECRET)
  await t.test('right', async (t) => {
    await works(t, { port, password: SECRET })
    await works(t, { port, username: 'default', password: SECRET })
    await works(t, { port, username: 'alice', password: SECRET })
    await works(t, { port, username: 'alice', password: SECRET, prefix: 'app:' })
    await works(t, { port, username: 'carol', password: SECRET, prefix: 'app:' })
    await works(t, { url: `redis://:${encoded}@127.0.0.1:${port}` })
    await works(t, { url: `redis://alice:${encoded}@127.0.0.1:${port}/0` })
    await works(t, { url: `redis://default:${encoded}@localhost:${port}/3` })
    await works(t, { url: `unix://default:${encoded}@${server.socket}?db=2` })
    await works(t, { port, options: { password: SECRET } })
    t.equal(await server.cli('-n', '3', 'get', 'app:works'), 'yes')
    t.equal(await server.cli('-n', '2', 'get', 'app:works'), 'yes')
  })
  await t.test('wrong', async (t) => {
    await refuses(t, { port, password: `${SECRET}x` }, /WRONGPASS.*CACHE_REDIS_PASSWORD/)
    await refuses(t, { port, username: 'nobody', password: SECRET }, /WRONGPASS/)
    await refuses(t, { url: `redis://:${encoded}x@127.0.0.1:${port}` }, /WRONGPASS/)
    await refuses(t, { port }, /NOAUTH/)
    await refuses(t, { port, username: 'bob', password: 'bob' }, /lacks a permission/)
    await refuses(t, { port, username: 'alice', password: SECRET, prefix: 'other:' }, /lacks a permission/)
    await refuses(t, { port, password: SECRET, db: 99 }, /no such database.*CACHE_REDIS_DB/)
    await refuses(t, { url: `redis://:${encoded}@127.0.0.1:${port}/99` }, /no such database/)
  })
  t.equal(await server.cli('get', 'app:works'), 'yes', 'and nothing was touched')
})

t.test('TLS', async (t) => {
  const server = await startRedis({ tls: true })
  t.teardown(() => server.stop())
  const { port, certificates } = server
  const ca = readFileSync(certificates?.ca as string)
  await works(t, { port, options: { tls: { ca } } })
  await works(t, { url: `rediss://127.0.0.1:${port}`, options: { tls: { ca } } })
  await works(t, { url: `rediss://localhost:${port}`, options: { tls: { ca } } })
  await refuses(t, { url: `rediss://127.0.0.1:${port}` }, /TLS was refused/)
  await refuses(t, { port, options: { tls: { ca, checkServerIdentity: () => Object.assign(new Error('x'), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' }) } } }, /TLS was refused/)
  await refuses(t, { port }, /speaks TLS there; use rediss/)
  const plain = await startRedis()
  t.teardown(() => plain.stop())
  await refuses(t, { port: plain.port, options: { tls: { ca } } }, /TLS was refused/)
})

t.test('what is no Redis', async (t) => {
  const http = createHttpServer((_, reply) => reply.end('hello'))
  const smtp = createServer((socket) => socket.on('error', () => {}).end('220 mail.example.com ESMTP\r\n'))
  for (const server of [http, smtp]) {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.teardown(() => server.close())
    await refuses(t, { port: (server.address() as AddressInfo).port }, /does not speak Redis/)
  }
})

t.test('a read-only replica', async (t) => {
  const primary = await startRedis()
  t.teardown(() => primary.stop())
  const replica = await startReplica(primary)
  t.teardown(() => replica.stop())
  await refuses(t, { port: replica.port }, /read-only replica/)

  await t.test('a primary that becomes one goes on answering reads', async (t) => {
    const log = lines()
    const store = await open({ port: primary.port, log })
    t.teardown(() => store.close())
    await store.set('k', bytes('v'))
    // The primary will take over what the replica holds, so that has to be everything
    await until('the replica has it', async () => await replica.cli('get', 'k') === 'v')
    await replica.cli('replicaof', 'no', 'one')
    await primary.cli('replicaof', '127.0.0.1', String(replica.port))
    await until('it is read-only', async () => /READONLY/.test(await primary.cli('set', 'x', 'y')))
    await t.rejects(store.set('k', bytes('w')), { code: 'FST_CACHE_ERR_BACKEND', message: /READONLY/ })
    await t.rejects(store.setMany([['k', bytes('w')]]), /READONLY/)
    t.match(await store.deleteMany(['k']).catch((error) => error), { message: /READONLY/, deleted: [] })
    t.same(await store.get('k'), bytes('v'))
    t.equal(log.lines.filter((line) => /READONLY/.test(line)).length, 1)
  })
})

t.test('no server at all: it starts, and works when the server comes', async (t) => {
  const port = await freePort()
  const store = await ends('the start', open({ port }))
  await t.rejects(store.get('k'), { code: 'FST_CACHE_ERR_BACKEND_DOWN' })
  await t.rejects(store.ping(), { code: 'FST_CACHE_ERR_BACKEND_DOWN' })
  const server = await startRedis({ port })
  t.teardown(() => server.stop())
  await until('it is connected', () => store.ping().then(() => true, () => false))
  t.equal(await store.set('k', bytes('v')), true)
  await store.close()
})

t.test('a frozen server: it starts and closes while that is frozen', async (t) => {
  const server = await startRedis()
  t.teardown(() => server.stop())
  server.freeze()
  const store = await ends('the start', open({ port: server.port }))
  await t.rejects(store.get('k'), { code: 'FST_CACHE_ERR_BACKEND_DOWN' })
  await ends('close()', store.close())
})

t.test('a server that comes later and refuses is down, and that is said once', async (t) => {
  const port = await freePort()
  const log = lines()
  const store = await open({ port, password: SECRET, log })
  t.teardown(() => store.close())
  const server = await startRedis({ port, password: 'another' })
  t.teardown(() => server.stop())
  await until('it was said', () => log.lines.length > 0)
  await t.rejects(store.get('k'), { code: 'FST_CACHE_ERR_BACKEND_DOWN', message: /WRONGPASS/ })
  await server.cli('config', 'set', 'requirepass', SECRET)
  await until('it works', () => store.ping().then(() => true, () => false))
  t.equal(log.lines.length, 1)
  t.notOk(log.lines.join().includes(SECRET))
})
