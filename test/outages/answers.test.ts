import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t from 'tap'
import { startMemcacheds } from '../helpers/memcached.ts'
import { until } from '../helpers/process.ts'
import { startRedis } from '../helpers/redis.ts'
import { open, sasl } from './routes.ts'

t.test('what else holds in an outage', async (t) => {
  const redis = await startRedis()
  t.teardown(() => redis.stop())
  const at = { CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: '127.0.0.1', CACHE_REDIS_PORT: redis.port }
  const strict = open(at)
  const lenient = open({ ...at, CACHE_IGNORE_ERRORS: true, CACHE_DECORATOR: 'cache' })
  const { cache } = await strict.app.ready().then(() => strict.app)
  await lenient.app.ready()
  t.teardown(() => Promise.all([strict.app.close(), lenient.app.close()]))
  await cache.setMany({ a: 1, b: 2 }, { tags: ['tag'] })
  await strict.get('/item/1')
  await redis.kill()

  const heard: string[] = []
  const listen = (event: unknown) => { heard.push((event as { reason: string }).reason) }
  subscribe('fastify-cached:error', listen)
  const errors = cache.stats().errors
  t.equal(await cache.get('a'), undefined)
  t.same(await cache.getMany(['a', 'b']), [undefined, undefined])
  t.equal(await cache.has('a'), false)
  t.equal(await cache.set('a', 2), false)
  t.same(await cache.setMany({ a: 2 }), [])
  t.equal(await cache.getOrSet('a', () => 'run'), 'run')
  unsubscribe('fastify-cached:error', listen)
  t.ok(heard.length >= 6, 'each is an event')
  t.ok(cache.stats().errors >= errors + 6, 'and is counted')

  const rejected = { code: /^FST_CACHE_ERR_BACKEND/ }
  await t.rejects(cache.delete('a'), rejected)
  await t.rejects(cache.deleteMany(['a', 'b']), { ...rejected, deleted: [] })
  await t.rejects(cache.unlink('a'), rejected)
  await t.rejects(cache.deleteByPrefix('a'), rejected)
  await t.rejects(cache.clear(), rejected)
  await t.rejects(cache.invalidateTags('tag'), rejected)
  await t.rejects(cache.expireTags('tag'), rejected)
  await t.rejects(cache.deleteCached('/item/1', { host: 'a.test' }), rejected)
  await t.rejects(cache.add('c', 1), rejected)
  await t.rejects(cache.inc('c'), rejected)

  const own = lenient.app.cache
  t.equal(await own.delete('a'), false)
  t.same(await own.deleteMany(['a', 'b']), [])
  t.equal(await own.deleteByPrefix('a'), 0)
  t.equal(await own.clear(), false)
  t.equal(await own.invalidateTags('tag'), undefined)
  t.equal(await own.deleteCached('/item/1', { host: 'a.test' }), false)
  await t.rejects(own.add('c', 1), rejected)
  await t.rejects(own.inc('c'), rejected)

  const replies = await Promise.all(Array.from({ length: 10 }, () => strict.get('/load/together')))
  t.equal(replies.filter(({ cache }) => /collapsed/.test(cache)).length, 9, 'coalescing goes on')
  const post = await strict.app.inject({ method: 'POST', url: '/item/1', headers: { host: 'a.test' } })
  t.equal(post.statusCode, 200, 'an automatic purge that fails fails no request')
  t.equal(strict.said(/purge after POST failed/).length, 1, 'and is logged')

  await redis.restart()
  await until('it hits', async () => /; hit/.test((await strict.get('/item/1')).cache))
})

t.test('deleteMany that fails half way says what it removed', async (t) => {
  const servers = await startMemcacheds(3)
  t.teardown(() => Promise.all(servers.map((one) => one.stop())))
  const server = open({ CACHE_TYPE: 'MemcachedCache', ...sasl(servers) })
  const lenient = open({ CACHE_TYPE: 'MemcachedCache', ...sasl(servers), CACHE_IGNORE_ERRORS: true })
  t.teardown(() => Promise.all([server.app.close(), lenient.app.close()]))
  await Promise.all([server.app.ready(), lenient.app.ready()])
  const keys = Array.from({ length: 30 }, (_, i) => `key ${i}`)
  const fill = () => server.app.cache.setMany(Object.fromEntries(keys.map((key) => [key, 1])))
  t.equal((await fill()).length, 30)
  await servers[1]!.kill()
  const error = await server.app.cache.deleteMany(keys).catch((fault: unknown) => fault) as Error & { deleted: string[] }
  t.match(error, { code: /^FST_CACHE_ERR_BACKEND/ })
  t.ok(error.deleted.length > 5 && error.deleted.length < 25, `${error.deleted.length} of 30`)
  t.same(await server.app.cache.getMany(keys), keys.map(() => undefined))
  const stored = await fill()
  t.same((await lenient.app.cache.deleteMany(keys)).sort(), stored.sort(), 'with CACHE_IGNORE_ERRORS it answers that')
})
