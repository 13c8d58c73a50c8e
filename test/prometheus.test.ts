import t from 'tap'
import type { Test } from 'tap'
import { setTimeout as sleep } from 'node:timers/promises'
import { Counter, Registry, register as common } from 'prom-client'
import prometheus from '../lib/prometheus.ts'
import { gate } from './helpers/functions.ts'
import { eventually, startOrigin } from './helpers/origin.ts'
import type { Origin } from './helpers/origin.ts'

/** The samples of a metric: labels as text → value. */
async function samples (register: Registry, name: string): Promise<Record<string, number>> {
  const found = (await register.getMetricsAsJSON()).find((metric) => metric.name === name)
  return Object.fromEntries((found?.values ?? []).map(({ labels, value }) => [Object.values(labels).join(' '), value]))
}

let slowly = gate<void>()

const slow = { get: async () => { await sleep(5); return undefined }, set: async () => true, add: async () => true, delete: async () => true, increment: async () => 1, clear: async () => true }

async function origin (t: Test, options: Parameters<typeof startOrigin>[1] = {}, register = new Registry()): Promise<{ o: Origin, register: Registry }> {
  const o = await startOrigin(async (app) => {
    await app.register(prometheus, { register, path: '/metrics' })
    app.get('/user/:name', { config: { cache: { timeout: 60 } } }, async () => 'x')
    app.get('/slow', { config: { cache: { timeout: 60 } } }, async () => { await slowly.promise; return 'x' })
  }, options)
  t.teardown(() => o.close())
  return { o, register }
}

t.test('counters by route pattern and outcome', async (t) => {
  const { o, register } = await origin(t)
  await o.get('/user/bob?token=s3cret')
  await o.get('/user/bob?token=s3cret')
  await o.get('/user/eve')
  await o.get('/user/eve', { authorization: 's3cret' })
  const load = o.app.cache.memoize(async function load () { return 1 })
  await load()
  await load()
  await o.app.cache.get('none')
  const requests = await samples(register, 'fastify_cached_requests_total')
  t.match(requests, { 'cache /user/:name hit': 1, 'cache /user/:name miss': 2, 'cache /user/:name bypass': 1, 'cache /user/:name stale': 0, 'cache /slow hit': 0 })
  t.match(await samples(register, 'fastify_cached_calls_total'), { 'cache memoize hit': 1, 'cache memoize miss': 1, 'cache value miss': 1 })
  t.match(await samples(register, 'fastify_cached_stores_total'), { 'cache route': 2, 'cache memoize': 1 })
  t.same(await samples(register, 'fastify_cached_entries'), { cache: 3 })
  t.ok((await samples(register, 'fastify_cached_bytes')).cache! > 100)
  t.same(await samples(register, 'fastify_cached_requests_total'), requests, 'reading twice counts nothing twice')

  const page = await o.get('/metrics')
  t.match(page.headers['content-type'], /^text\/plain/)
  t.match(page.body.toString(), 'fastify_cached_requests_total{cache="cache",route="/user/:name",outcome="hit"} 1')
  t.notMatch(page.body.toString(), /bob|eve|s3cret|127\.0\.0\.1/)
})

t.test('flights while they last', async (t) => {
  const { o, register } = await origin(t)
  slowly = gate<void>()
  const reply = o.get('/slow')
  t.ok(await eventually(async () => (await samples(register, 'fastify_cached_flights')).cache === 1))
  slowly.open()
  await reply
  t.same(await samples(register, 'fastify_cached_flights'), { cache: 0 })
})

t.test("a backend's latency in seconds, and whether it is there", async (t) => {
  const state = { down: false }
  const store = { ...slow, get: async () => { if (state.down) throw new Error('down'); return await slow.get() } }
  const { o, register } = await origin(t, { cache: { CACHE_TYPE: store } })
  await o.get('/user/bob')
  const text = await register.metrics()
  const sum = Number(/^fastify_cached_backend_seconds_sum\{cache="cache",backend="custom"\} (.*)$/m.exec(text)?.[1])
  const count = Number(/^fastify_cached_backend_seconds_count\{.*\} (.*)$/m.exec(text)?.[1])
  t.ok(count >= 2)
  t.ok(sum > 0.004 && sum < 60, `${sum} s`)
  t.same(await samples(register, 'fastify_cached_backend_up'), { 'cache custom': 1 })
  state.down = true
  for (let i = 0; i < 4; i++) await o.app.cache.get('k')
  t.same(await samples(register, 'fastify_cached_backend_up'), { 'cache custom': 0 })
  t.ok((await samples(register, 'fastify_cached_backend_errors_total')).cache! >= 4)
})

t.test('two servers may share a registry, and leave it as it was', async (t) => {
  const register = new Registry()
  const other = new Counter({ name: 'other_total', help: 'x', registers: [register] })
  other.inc()
  const one = await origin(t, {}, register)
  const two = await origin(t, { cache: { CACHE_DECORATOR: 'shop' } }, register)
  await one.o.get('/user/bob')
  await two.o.app.inject('/user/bob')
  t.match(await samples(register, 'fastify_cached_requests_total'), { 'cache /user/:name miss': 1 })
  await one.o.close()
  const left = await samples(register, 'fastify_cached_flights')
  t.same(left, { shop: 0 })
  await two.o.close()
  t.same((await register.getMetricsAsJSON()).map(({ name }) => name), ['other_total'])
})

t.test("prom-client's own registry where none is given", async (t) => {
  const o = await startOrigin(async (app) => { await app.register(prometheus) })
  t.match(await common.metrics(), /fastify_cached_flights\{cache="cache"\} 0/)
  t.equal((await o.get('/metrics')).status, 404, 'served only where a path was asked for')
  await o.close()
})

t.test('wrong options are refused', async (t) => {
  for (const [options, message] of [[{ route: '/x' }, /no option 'route'/], [{ path: 'metrics' }, /path/], [{ register: {} }, /register/]] as Array<[object, RegExp]>) {
    await t.rejects(startOrigin(async (app) => { await app.register(prometheus, options) }), { code: 'FST_CACHE_ERR_OPTIONS', message })
  }
})
