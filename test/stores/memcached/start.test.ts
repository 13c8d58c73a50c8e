import { createServer } from 'node:net'
import type { AddressInfo, Server } from 'node:net'
import t from 'tap'
import { memcachedStore } from '../../../lib/stores/memcached/index.ts'
import { eventually, openStore, PASSWORD, startMemcached, USER } from '../../helpers/memcached.ts'
import type { Memcached } from '../../helpers/memcached.ts'
import { ends } from '../../helpers/patience.ts'
import { freePort } from '../../helpers/ports.ts'

const bytes = (text: string) => Buffer.from(text)

async function running (t: Tap, options: Parameters<typeof startMemcached>[0] = {}): Promise<Memcached> {
  const server = await startMemcached(options)
  t.teardown(async () => { await server.stop() })
  return server
}
/** What the helpers need of a test. */
interface Tap { teardown (run: () => unknown): void }

/** A server of another protocol. */
async function stranger (t: Tap, answer: (data: Buffer) => string | undefined, greeting?: string): Promise<string> {
  const sockets = new Set<{ destroy (): void }>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    if (greeting !== undefined) socket.write(greeting)
    socket.on('data', (data: Buffer) => {
      const text = answer(data)
      if (text !== undefined) socket.write(text)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => { for (const socket of sockets) socket.destroy(); server.close() })
  return `127.0.0.1:${(server.address() as AddressInfo).port}`
}

await t.test('plain, SASL, IPv6 and unix socket serve', async (t) => {
  for (const [options, kind] of [[{}, 'plain'], [{ sasl: true }, 'sasl'], [{ sasl: true }, 'spread'], [{ host: '::1' }, 'plain'], [{ unix: true }, 'plain'], [{ unix: true, sasl: true }, 'sasl']] as const) {
    const server = await running(t, options)
    const { store, logged } = await openStore([server], { kind })
    t.equal(await store.set('test_key', bytes('value'), 60_000), true, server.server)
    t.same(await store.get('test_key'), bytes('value'))
    await store.ping()
    await store.close()
    t.same(logged, [], 'nothing to say')
  }
})

await t.test('a host alone means port 11211; a host name is looked up', async (t) => {
  const server = await running(t)
  const { store } = await openStore([`localhost:${server.port}`])
  t.equal(await store.set('test_key', bytes('value')), true)
  await store.close()
})

await t.test('what will never serve is refused, with the reason', async (t) => {
  const plain = await running(t)
  const sasl = await running(t, { sasl: true })
  const http = await stranger(t, () => 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
  const redis = await stranger(t, (data) => data.includes('\n') ? "-ERR unknown command '\\x80'\r\n" : undefined)
  const ssh = await stranger(t, () => undefined, 'SSH-2.0-OpenSSH_9.2\r\n')
  for (const [server, settings, message] of [
    [sasl, { kind: 'sasl', password: 'wrong-secret' }, /refused the user name or the password/],
    [sasl, { kind: 'spread', username: 'nobody' }, /refused the user name or the password/],
    [sasl, { kind: 'plain' }, /wants SASL credentials/],
    [plain, { kind: 'sasl' }, /has no SASL/],
    [plain, { kind: 'spread' }, /has no SASL/],
    [http, { kind: 'plain' }, /no memcached.*HTTP\/1\.1 400/],
    [http, { kind: 'sasl' }, /no memcached/],
    [redis, { kind: 'plain' }, /no memcached.*-ERR/],
    [redis, { kind: 'sasl' }, /no memcached/],
    [ssh, { kind: 'plain' }, /no memcached.*SSH-2\.0/]
  ] as const) {
    const error = await openStore([server], settings).then(() => undefined, (error: Error & { code?: string }) => error)
    t.equal(error?.code, 'FST_CACHE_ERR_BACKEND_REFUSED')
    t.match(error?.message, message)
    for (const secret of ['wrong-secret', PASSWORD, encodeURIComponent(PASSWORD)]) t.notMatch(`${error?.message} ${error?.stack}`, secret)
  }
})

await t.test('a stranger never sees the password', async (t) => {
  let seen = ''
  const server = await stranger(t, (data) => {
    seen += data.toString('latin1')
    return 'HTTP/1.1 400 Bad Request\r\n\r\n'
  })
  await t.rejects(openStore([server], { kind: 'sasl' }), { code: 'FST_CACHE_ERR_BACKEND_REFUSED' })
  t.notMatch(seen, USER)
})

await t.test('settings that cannot work are refused before anything is connected', async (t) => {
  const log = { warn () {}, info () {} }
  const fine = { kind: 'plain', servers: ['127.0.0.1:1'], operationTimeout: 500, prefix: 'p', options: {}, log } as const
  for (const [settings, message] of [
    [{ servers: [] }, /is empty/],
    [{ servers: ['127.0.0.1:99999'] }, /is no server/],
    [{ servers: ['user:secret@host:1'] }, /is no server/],
    [{ servers: [''] }, /is no server/],
    [{ kind: 'sasl' }, /needs CACHE_MEMCACHED_USERNAME/],
    [{ kind: 'sasl', username: 'a', password: 'b\0c' }, /cannot contain NUL/],
    [{ options: { chunkSize: 2_000_000 } }, /CACHE_OPTIONS\.chunkSize/],
    [{ options: { chunkSize: 1.5 } }, /CACHE_OPTIONS\.chunkSize/],
    [{ options: { maxChunks: 0 } }, /CACHE_OPTIONS\.maxChunks/],
    [{ options: { conntimeout: -1 } }, /CACHE_OPTIONS\.conntimeout/]
  ] as const) {
    const error = await memcachedStore({ ...fine, ...settings }).then(() => undefined, (error: Error & { code?: string }) => error)
    t.equal(error?.code, 'FST_CACHE_ERR_OPTIONS')
    t.match(error?.message, message)
    t.notMatch(error?.message, /secret/)
  }
})

await t.test('options of memjs that would make the cache wrong are named', async (t) => {
  const server = await running(t)
  const { store, logged } = await openStore([server], { options: { retries: 5, failover: true, keepAlive: true, conntimeout: 10 } })
  t.same(logged.map(({ details }) => details), [{ options: ['retries', 'failover'] }])
  t.equal(await store.increment('test_count', 1), 1)
  await store.close()
})

await t.test('down at start: resolves, fails at once, recovers by itself', async (t) => {
  const server = await running(t)
  await server.kill()
  const { store, logged } = await ends('the start', openStore([server]))
  await t.rejects(async () => await store.get('test_key'), { code: 'FST_CACHE_ERR_BACKEND_DOWN' })
  await t.rejects(async () => await store.set('test_key', bytes('value')), { code: 'FST_CACHE_ERR_BACKEND_DOWN' })
  await t.rejects(store.ping(), { code: 'FST_CACHE_ERR_BACKEND_DOWN' })
  await server.restart()
  await eventually(async () => await store.ping().then(() => true, () => false))
  t.equal(await store.set('test_key', bytes('value')), true)
  await store.close()
  t.same(logged, [], 'the outage of the only server is said by the guard of the whole store')
})

await t.test('frozen at start, and a server that never answers: resolves', async (t) => {
  const server = await running(t)
  server.freeze()
  const mute = await stranger(t, () => undefined)
  for (const [address, kind] of [[server, 'plain'], [mute, 'plain'], [mute, 'sasl']] as const) {
    const { store } = await ends('the start', openStore([address], { kind, operationTimeout: 500, options: { conntimeout: 0.1 } }))
    await t.rejects(async () => await store.get('test_key'))
    await ends('close()', store.close())
  }
  server.thaw()
})

await t.test('close: under load, while down, while frozen, twice: it does not wait for the server, and nothing is left hanging', async (t) => {
  const server = await running(t)
  for (const state of ['up', 'frozen', 'down'] as const) {
    const { store } = await openStore([server])
    await store.set('test_key', bytes('value'))
    if (state === 'frozen') server.freeze()
    if (state === 'down') await server.kill()
    const results = Promise.allSettled(Array.from({ length: 50 }, async (_, i) => await store.get(`test_${i}`)))
    await ends(`close(), ${state}`, store.close())
    await ends(`close() again, ${state}`, store.close())
    t.equal((await ends('what was under way', results)).length, 50)
    await t.rejects(async () => await store.get('test_key'), { code: 'FST_CACHE_ERR_CLOSED' })
    server.thaw()
  }
})

await t.test('a port where nothing listens', async (t) => {
  const { store } = await openStore([`127.0.0.1:${await freePort()}`])
  await t.rejects(async () => await store.getMany(['test_a', 'test_b']), { code: 'FST_CACHE_ERR_BACKEND_DOWN' })
  await store.close()
})
