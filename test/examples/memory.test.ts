import t from 'tap'
import type { Test } from 'tap'
import type { FastifyInstance } from 'fastify'
import { build as environments, cacheOptions } from '../../examples/environments.ts'
import { build as fileSystem } from '../../examples/file-system-cache.ts'
import { build as measured, measure } from '../../examples/measure.ts'
import { build as memoized } from '../../examples/memoize.ts'
import { build as none } from '../../examples/null-cache.ts'
import { build as simple } from '../../examples/simple-cache.ts'
import { build as keys } from '../../examples/set-keys.ts'

/** An example that is closed when its test ends. */
async function open (t: Test, app: Promise<FastifyInstance>): Promise<FastifyInstance> {
  const opened = await app
  t.teardown(() => opened.close())
  return opened
}

/** Counts its calls, and says each time which one it is. */
function counter (): { count: number, next: () => Promise<{ run: number }> } {
  const counted = { count: 0, next: async () => ({ run: ++counted.count }) }
  return counted
}

t.test('SimpleCache: one run, then the stored page', async (t) => {
  let runs = 0
  const app = await open(t, simple({ greet: async () => `Hello, World! (${++runs})` }))
  for (let i = 0; i < 3; i++) t.equal((await app.inject('/')).body, 'Hello, World! (1)')
  t.equal(runs, 1)
})

t.test('FileSystemCache: users apart, and a restart finds them', async (t) => {
  const directory = t.testdir()
  const asked: string[] = []
  const fetchUser = async (username: string) => { asked.push(username); return { username } }
  const first = await fileSystem({ directory, fetchUser })
  for (const name of ['alice', 'bob', 'alice']) t.same((await first.inject(`/user/${name}`)).json(), { username: name })
  await first.close()
  const second = await open(t, fileSystem({ directory, fetchUser }))
  const reply = await second.inject('/user/bob')
  t.same(reply.json(), { username: 'bob' })
  t.match(reply.headers['cache-status'], /; hit/)
  t.same(asked, ['alice', 'bob'])
})

t.test('NullCache: runs every time', async (t) => {
  const data = counter()
  const app = await open(t, none({ fetchExpensiveData: data.next }))
  t.same((await app.inject('/data')).json(), { run: 1 })
  t.same((await app.inject('/data')).json(), { run: 2 })
})

t.test('by environment', async (t) => {
  t.equal(cacheOptions({ NODE_ENV: 'production', REDIS_URL: 'redis://cache:6379/1' }).CACHE_TYPE, 'RedisCache')
  t.equal(cacheOptions({ NODE_ENV: 'production', REDIS_URL: 'redis://cache:6379/1' }).CACHE_REDIS_URL, 'redis://cache:6379/1')
  for (const [NODE_ENV, expected] of [['test', 2], ['development', 1], [undefined, 1]] as const) {
    const data = counter()
    const app = await open(t, environments({ env: { NODE_ENV }, fetchData: data.next }))
    await app.inject('/data')
    await app.inject('/data')
    t.equal(data.count, expected, `runs with NODE_ENV ${NODE_ENV}`)
  }
})

t.test('setting and getting keys', async (t) => {
  const app = await open(t, keys())
  t.equal((await app.inject('/get-cache/colour')).statusCode, 404)
  t.equal((await app.inject({ method: 'POST', url: '/set-cache/colour/blue' })).body, 'Set colour=blue in cache')
  t.equal((await app.inject('/get-cache/colour')).body, 'Value for colour: blue')
  t.equal((await app.inject('/get-cache/__proto__')).statusCode, 404)
})

t.test('memoization: by argument, forgotten by argument, values as they were', async (t) => {
  const asked: string[] = []
  const findUser = async (username: string) => { asked.push(username); return { username, since: new Date(0) } }
  const app = await open(t, memoized({ findUser }))
  const page = async (name: string) => (await app.inject(`/user/${encodeURIComponent(name)}/profile`)).body
  const first = await page('alice')
  t.match(first, '<h1>alice</h1><p>Member since 1970</p>')
  t.equal(await page('alice'), first)
  t.match(await page('<b>'), '&lt;b&gt;')
  t.same(asked, ['alice', '<b>'])
  t.equal((await app.inject({ method: 'DELETE', url: '/user/alice/profile' })).statusCode, 204)
  await page('alice')
  await page('<b>')
  t.same(asked, ['alice', '<b>', 'alice'])
})

t.test('measuring: the cached route computes once', async (t) => {
  let runs = 0
  const app = await open(t, measured({ compute: () => `run ${++runs}` }))
  t.ok(await measure(app, '/without-cache', 5) > 0)
  t.equal(runs, 6, 'without: one run for each request')
  t.ok(await measure(app, '/with-cache', 5) > 0)
  t.equal(runs, 7, 'with: one more in all')
})
