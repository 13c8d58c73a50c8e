import t from 'tap'
import { build as invalidation } from '../../examples/invalidation.ts'
import { build as limited } from '../../examples/rate-limit.ts'
import { build as products } from '../../examples/redis-cache.ts'
import { build as weather } from '../../examples/weather.ts'
import { startWeatherService } from '../../examples/support/weather-service.ts'
import { startRedis } from '../helpers/redis.ts'

const redis = await startRedis()
t.teardown(() => redis.stop())
const redisUrl = `redis://127.0.0.1:${redis.port}/0`

t.test('products: two processes share one run', async (t) => {
  let runs = 0
  const fetchProducts = async () => [{ id: ++runs }]
  const [one, two] = [await products({ redisUrl, fetchProducts }), await products({ redisUrl, fetchProducts })]
  t.teardown(() => Promise.all([one.close(), two.close()]))
  t.same((await one.inject('/api/products')).json(), [{ id: 1 }])
  const reply = await two.inject('/api/products')
  t.same(reply.json(), [{ id: 1 }])
  t.match(reply.headers['cache-status'], /; hit; ttl=(60|5\d)$/)
})

t.test('weather: one call a city, none for a hit, anew after the clearing', async (t) => {
  const service = await startWeatherService(5)
  const app = await weather({ redisUrl, serviceUrl: service.url })
  t.teardown(() => app.close())
  t.teardown(() => service.close())
  const first = await app.inject('/api/weather/London')
  t.match(first.json(), { city: 'London', temperature: 22, conditions: 'Sunny' })
  const second = await app.inject({ url: '/api/weather/London', headers: { cookie: 'session=of-another-local-server' } })
  t.equal(second.body, first.body)
  t.equal(service.calls(), 1)
  t.equal((await app.inject('/api/weather/S%C3%A3o%20Paulo')).json().city, 'São Paulo')
  t.equal(service.calls(), 2)
  t.same((await app.inject({ method: 'POST', url: '/api/clear-cache' })).json(), { message: 'Cache cleared successfully' })
  await app.inject('/api/weather/London')
  t.equal(service.calls(), 3)
})

t.test('weather: a failing service is a 502 that is not stored', async (t) => {
  const service = await startWeatherService(0)
  const app = await weather({ redisUrl, serviceUrl: service.url })
  t.teardown(() => app.close())
  await service.close()
  for (let i = 0; i < 2; i++) {
    const reply = await app.inject('/api/weather/Oslo')
    t.equal(reply.statusCode, 502)
    t.notMatch(reply.headers['cache-status'], /; hit/)
  }
})

t.test('invalidation: a written product is seen at once, in the page and in the list', async (t) => {
  const app = await invalidation({ redisUrl })
  t.teardown(() => app.close())
  const price = async (url: string) => [(await app.inject(url)).json()].flat()[0].price
  for (const url of ['/products', '/products/1']) {
    t.equal(await price(url), 30)
    t.match((await app.inject(url)).headers['cache-status'], /; hit/)
  }
  const wrong = await app.inject({ method: 'PUT', url: '/products/1', payload: { name: 'Lamp' } })
  t.equal(wrong.statusCode, 400)
  t.match((await app.inject('/products/1')).headers['cache-status'], /; hit/, 'a refused write removes nothing')
  await app.inject('/products/2')
  t.equal((await app.inject({ method: 'PUT', url: '/products/1', payload: { name: 'Lamp', price: 25 } })).statusCode, 200)
  t.equal(await price('/products/1'), 25)
  t.equal(await price('/products'), 25)
  t.match((await app.inject('/products/2')).headers['cache-status'], /; hit/, 'another product stays')
  t.equal((await app.inject('/products/9')).statusCode, 404)
})

t.test('rate limit: hits count too, and over the limit the cache is not asked', async (t) => {
  let runs = 0
  const app = await limited({ redisUrl, max: 3, fetchData: async () => ({ run: ++runs }) })
  t.teardown(() => app.close())
  const replies = []
  for (let i = 0; i < 5; i++) replies.push(await app.inject('/data'))
  t.same(replies.map(({ statusCode }) => statusCode), [200, 200, 200, 429, 429])
  t.same(replies.map(({ headers }) => headers['x-ratelimit-remaining']).slice(0, 3), ['2', '1', '0'], 'each reply has its own count, hit or not')
  t.match(replies[2]?.headers['cache-status'], /; hit/)
  t.equal(replies[3]?.headers['cache-status'], undefined)
  t.equal(runs, 1)
  const names = (await redis.cli('--scan')).split('\n')
  t.ok(names.some((name) => name.startsWith('example_limit_')), 'the counts are in Redis')
  t.ok(names.some((name) => name.includes('example_limited_')), 'and so is the reply')
})
