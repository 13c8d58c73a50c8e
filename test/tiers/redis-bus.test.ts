import t from 'tap'
import Fastify from 'fastify'
import cached from '../../index.ts'
import { until } from '../helpers/process.ts'
import { startRedis } from '../helpers/redis.ts'
import { cache, goesEverywhere, three, untilLocal, value } from './cases.ts'
import { startMuffler } from './muffler.ts'

t.test('without news of changes', async (t) => {
  const server = await startRedis()
  const muffler = await startMuffler(server.port)
  t.teardown(async () => {
    await muffler.stop()
    await server.stop()
  })
  const { peers: [a, b, c] } = await three(t, {
    CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: server.host, CACHE_REDIS_PORT: muffler.port, CACHE_LOCAL: { timeout: 4 }
  })
  const old = async (key: string): Promise<void> => {
    await cache(a, 'set', key, 'old', 60)
    await untilLocal([b, c], value(key), [server])
  }

  await t.test('the connection that tells is cut as the change comes', async (t) => {
    await old('cut')
    await goesEverywhere(t, [b, c], value('cut'), async () => {
      await Promise.all([server.cli('client', 'kill', 'type', 'pubsub'), cache(a, 'set', 'cut', 'new', 60)])
    })
    await untilLocal([b], value('cut'), [server])
  })

  await t.test('the connection that tells is silent', async (t) => {
    await old('silent')
    muffler.silence(true)
    await goesEverywhere(t, [b, c], value('silent'), () => cache(a, 'set', 'silent', 'new', 60))
    muffler.silence(false)
    await untilLocal([b], value('silent'), [server])
  })

  await t.test('the server is down', async (t) => {
    await old('down')
    await server.kill()
    t.equal(await cache(b, 'get', 'down'), 'old', 'copies are served')
    await until('they end with their time', async () => await cache(b, 'get', 'down') === null)
    await server.restart()
    await until('the server is there again', async () => await cache(a, 'set', 'down', 'new', 60) === true)
    await untilLocal([b], value('down'), [server])
    t.equal(await cache(b, 'get', 'down'), 'new')
  })
})

t.test('a user who may not watch: said in the log, and nothing is kept', async (t) => {
  const server = await startRedis({ conf: ['user app on >secret ~* +@all -@dangerous resetchannels'] })
  t.teardown(() => server.stop())
  const said: string[] = []
  const [writer, reader] = await Promise.all([false, true].map(async (listens) => {
    const app = Fastify(listens ? { logger: { level: 'error', stream: { write: (line: string) => { said.push(line) } } } } : {})
    t.teardown(() => app.close())
    await app.register(cached, { CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: server.host, CACHE_REDIS_PORT: server.port, CACHE_REDIS_USERNAME: 'app', CACHE_REDIS_PASSWORD: 'secret', CACHE_LOCAL: { timeout: 60 } })
    return app
  }))
  await until('it is said', () => said.some((line) => line.includes('CACHE_LOCAL')))
  for (const text of ['first', 'second']) {
    await writer!.cache.set('k', text)
    t.equal(await reader!.cache.get('k'), text)
  }
  t.equal(said.filter((line) => line.includes('CACHE_LOCAL')).length, 1, 'once')
  t.notMatch(said.join(''), /secret/)
})
