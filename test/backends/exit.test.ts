import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { compiled } from '../helpers/compiled.ts'
import { PASSWORD, USER, startMemcached } from '../helpers/memcached.ts'
import { ends } from '../helpers/patience.ts'
import { freePort } from '../helpers/ports.ts'
import { removeAtExit } from '../helpers/process.ts'
import { startCluster, startRedis, startSentinels } from '../helpers/redis.ts'
import { build, SHORT } from './rig.ts'
import type { Options } from './rig.ts'

const plugin = join(compiled(), 'index.js')
const childFile = join(import.meta.dirname, 'exit-child.mjs')

/**
 * Waits for the end of the process, which must have closed before; rejects when it goes on (a connection, or the timer
 * of an entry that lives for an hour, would keep it alive for longer than the 15 s that it is given on any machine).
 *
 * @returns what kept it alive a few turns of its event loop after it had closed
 */
function exit (options: readonly Options[], moment: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [childFile, plugin, JSON.stringify(options), moment], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    const late = () => { child.kill('SIGKILL'); reject(new Error(`${moment}: it goes on; ${said}`)) }
    let timer = setTimeout(late, 60_000)
    let closed = false
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (data) => {
        said += data
        if (closed || !said.includes('closed\n')) return
        closed = true
        clearTimeout(timer)
        timer = setTimeout(late, 15_000)
      })
    }
    child.on('close', (code) => {
      clearTimeout(timer)
      if (code === 0 && closed) resolve(/^alive: (.*)$/m.exec(said)?.[1] ?? said)
      else reject(new Error(`${moment}: code ${code}; ${said}`))
    })
  })
}

t.test('a process ends by itself', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'fastify-cached-exit-'))
  removeAtExit(dir)
  const redis = await startRedis()
  const sentinels = await startSentinels()
  const cluster = await startCluster(3)
  const memcached = await startMemcached()
  const sasl = await startMemcached({ sasl: true })
  t.teardown(() => Promise.all([redis, sentinels, cluster, memcached, sasl].map((one) => one.stop())))
  const CACHE_MEMCACHED = { CACHE_MEMCACHED_USERNAME: USER, CACHE_MEMCACHED_PASSWORD: PASSWORD, CACHE_MEMCACHED_SERVERS: [sasl.server] }
  const backends: Options[] = [
    { CACHE_TYPE: 'NullCache' },
    { CACHE_TYPE: 'SimpleCache' },
    { CACHE_TYPE: 'FileSystemCache', CACHE_DIR: dir },
    { CACHE_TYPE: 'RedisCache', CACHE_REDIS_PORT: redis.port },
    { CACHE_TYPE: 'RedisCache', CACHE_REDIS_PORT: redis.port, CACHE_LOCAL: { timeout: 5 } },
    { CACHE_TYPE: 'RedisSentinelCache', CACHE_REDIS_SENTINELS: sentinels.sentinels.map(({ port }) => ['127.0.0.1', port]) },
    { CACHE_TYPE: 'RedisClusterCache', CACHE_REDIS_CLUSTER: cluster.addresses },
    { CACHE_TYPE: 'MemcachedCache', CACHE_MEMCACHED_SERVERS: [memcached.server] },
    { CACHE_TYPE: 'SASLMemcachedCache', ...CACHE_MEMCACHED },
    { CACHE_TYPE: 'SpreadSASLMemcachedCache', ...CACHE_MEMCACHED }
  ]
  const away = await freePort()
  const outage: Options[] = [
    { CACHE_TYPE: 'RedisCache', CACHE_REDIS_PORT: away },
    { CACHE_TYPE: 'RedisClusterCache', CACHE_REDIS_CLUSTER: [['127.0.0.1', away]] },
    { CACHE_TYPE: 'RedisSentinelCache', CACHE_REDIS_SENTINELS: [['127.0.0.1', away]] },
    { CACHE_TYPE: 'MemcachedCache', CACHE_MEMCACHED_SERVERS: [`127.0.0.1:${away}`] }
  ]
  const cases: Array<[string, readonly Options[]]> = [['idle', backends], ['fill', backends], ['refresh', backends], ['outage', outage], ['open', [{ CACHE_TYPE: 'SimpleCache' }]]]
  await Promise.all(cases.map(async ([moment, options]) => {
    const alive = await exit(options, moment)
    const after = `${moment}: after ${moment === 'open' ? 'the last request' : 'close()'}`
    // A function of the application may still run; and where ioredis drops a connection that never stood, it keeps a
    // timer of its own for 100 ms
    if (moment === 'idle' || moment === 'open') t.equal(alive, '', after)
    else t.match(alive, /^(Timeout,?)*$/, after)
  }))

  await t.test('ready() and close() wait for no server that is frozen', async (t) => {
    const frozen = [redis, memcached, sasl, ...sentinels.sentinels, ...cluster.nodes]
    for (const one of frozen) one.freeze()
    await Promise.all(backends.slice(3).map(async (options) => {
      const server = build({ ...SHORT, ...options })
      await ends(`${options.CACHE_TYPE}: ready()`, server.app.ready())
      t.match(await ends(`${options.CACHE_TYPE}: a request`, server.get('/item/1')), { status: 200, body: '/item/1 1' })
      await ends(`${options.CACHE_TYPE}: close()`, server.app.close())
    }))
    for (const one of frozen) one.thaw()
  })

  await t.test('close() while the server is frozen in service', async (t) => {
    for (const [options, server] of [[backends[3]!, redis], [backends[4]!, redis], [backends[7]!, memcached]] as const) {
      // A close that waited for what is under way would take the whole of that time
      const { app, get } = build({ ...options, CACHE_OPERATION_TIMEOUT: 60 })
      await app.ready()
      await get('/item/1')
      server.freeze()
      const pending = get('/item/2')
      await ends(`${options.CACHE_TYPE}: close()`, app.close())
      server.thaw()
      t.equal((await pending).status, 200)
    }
  })
})
