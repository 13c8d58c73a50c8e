import t from 'tap'
import type { Test } from 'tap'
import type { AddressInfo } from 'node:net'
import { build } from '../../examples/cms.ts'
import type { CacheOptions } from '../../index.ts'
import { request } from '../helpers/client.ts'
import { startRedis } from '../helpers/redis.ts'

async function serve (t: Test, cache: CacheOptions) {
  const rendered: string[] = []
  const app = await build({ cache, token: 'secret', onRender: (url) => rendered.push(url) })
  t.teardown(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const send = (method: string, path: string, body: unknown, headers: Record<string, string> = { authorization: 'Bearer secret' }) =>
    request(port, { method, path, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) })
  /** Asks for pages; those that had to be rendered. */
  const made = async (...paths: string[]) => {
    rendered.length = 0
    for (const path of paths) await request(port, { path })
    return rendered.splice(0)
  }
  return { port, send, made, get: async (path: string) => JSON.parse((await request(port, { path })).text) }
}

const redis = await startRedis()
t.teardown(() => redis.stop())

for (const cache of [{ CACHE_TYPE: 'SimpleCache' }, { CACHE_TYPE: 'RedisCache', CACHE_REDIS_PORT: redis.port, CACHE_REDIS_HOST: '127.0.0.1' }] as const) {
  t.test(`a change purges the pages that show it, and no others (${cache.CACHE_TYPE})`, async (t) => {
    const { port, send, made, get } = await serve(t, cache)
    const pages = ['/articles/1', '/articles/2', '/articles/3', '/articles/4', '/authors/ann', '/authors/ben', '/authors/cleo']
    t.same(await made(...pages), pages)
    t.same(await made(...pages), [])
    t.same((await request(port, { path: '/articles/1', headers: { cookie: 'theme=dark' } })).headers['cache-status'], 'fastify-cached; hit; ttl=3600')

    const moved = await send('PUT', '/articles/1', { author: 'ben', title: 'On light' })
    t.equal(moved.status, 200)
    t.same(await get('/authors/ann'), { author: 'ann', titles: ['On chairs'] })
    t.same(await get('/authors/ben'), { author: 'ben', titles: ['On light', 'On tables'] })
    t.same(await get('/articles/1'), { id: '1', author: 'ben', title: 'On light' })
    t.same(await made(...pages), ['/articles/2', '/articles/3'], 'the pages of both authors went, the third one\'s stay')

    t.equal((await send('POST', '/purge', { tags: ['author:ann'] })).status, 204)
    t.same(await made(...pages), ['/articles/2', '/authors/ann'])
    t.equal((await send('POST', '/purge', { tags: ['article:3'] })).status, 204)
    t.same(await made(...pages), ['/articles/3', '/authors/ben'], 'the list that names the article goes with it')
  })
}

t.test('nobody else writes or purges, and nothing is purged by a refused request', async (t) => {
  const { port, send, made } = await serve(t, { CACHE_TYPE: 'SimpleCache' })
  await made('/articles/1', '/authors/ann')
  const edit = { author: 'eve', title: 'Mine' }
  for (const headers of [{}, { authorization: 'Bearer wrong' }, { authorization: 'secret' }, { cookie: 'session=secret' }] as Array<Record<string, string>>) {
    t.equal((await send('PUT', '/articles/1', edit, headers)).status, 401)
    t.equal((await send('POST', '/purge', { tags: ['author:ann'] }, headers)).status, 401)
  }
  // What a form on another site can send: no header of its own, three content types.
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data; boundary=x']) {
    const forged = await request(port, { method: 'POST', path: '/purge', headers: { 'content-type': type, origin: 'https://evil.example' }, body: '{"tags":["author:ann"]}' })
    t.equal(forged.status, 401, type)
  }
  for (const body of [{}, { tags: [] }, { tags: ['*'] }, { tags: ['user:1'] }, { tags: ['author:ann'], all: true }, { tags: Array(101).fill('author:ann') }]) {
    const { status } = await send('POST', '/purge', body)
    t.equal(status, 'all' in body ? 204 : 400, JSON.stringify(body).slice(0, 60))
    if ('all' in body) await made('/articles/1', '/authors/ann')
  }
  t.equal((await send('PUT', '/articles/1', { author: '../etc', title: 'x' })).status, 400)
  t.same(await made('/articles/1', '/authors/ann'), [], 'all of it is still there')
})
