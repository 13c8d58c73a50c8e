import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import t, { type Test } from 'tap'
import type { FastifyInstance } from 'fastify'
import type { CacheOptions } from '../../index.ts'
import { startOrigin, type Origin } from '../helpers/origin.ts'

// Whatever hooks and functions of the application do to what they are given of a reply, they do to this reply alone.

const dir = mkdtempSync(join(tmpdir(), 'fastify-cached-copies-'))
t.teardown(() => rmSync(dir, { recursive: true, force: true }))
const backends: CacheOptions[] = [{ CACHE_TYPE: 'SimpleCache' }, { CACHE_TYPE: 'FileSystemCache', CACHE_DIR: dir }]

async function origin (t: Test, cache: CacheOptions, build: (app: FastifyInstance, origin: Origin) => void): Promise<Origin> {
  const started = await startOrigin(build, { cache: { ...cache, CACHE_KEY_PREFIX: t.fullname } })
  t.teardown(() => started.close())
  return started
}

for (const cache of backends) {
  for (const hook of ['onSend', 'onResponse'] as const) {
    t.test(`${cache.CACHE_TYPE as string}: lines that an ${hook} hook adds to a header`, async (t) => {
      const { get } = await origin(t, cache, (app) => {
        const add = (reply: { getHeader (name: string): unknown }): void => {
          for (const name of ['server-timing', 'link', 'x-lines']) (reply.getHeader(name) as string[]).push('mine')
        }
        if (hook === 'onSend') app.addHook('onSend', async (_request, reply, payload) => { add(reply); return payload })
        else app.addHook('onResponse', async (_request, reply) => { add(reply) })
        app.get('/', { config: { cache: { timeout: 60 } } }, async (_request, reply) => {
          for (const name of ['server-timing', 'link', 'x-lines']) reply.header(name, ['a', 'b'])
          return 'page'
        })
      })
      const expected = hook === 'onSend' ? ['a', 'b', 'mine'] : ['a', 'b']
      const lines = (value: unknown): string[] => [value].flat().join(', ').split(', ')
      for (let n = 0; n < 3; n++) {
        const replies = await Promise.all([get('/'), get('/'), get('/')])
        for (const { headers } of replies) {
          for (const name of ['server-timing', 'link', 'x-lines']) t.same(lines(headers[name]), expected, name)
        }
      }
    })
  }

  t.test(`${cache.CACHE_TYPE as string}: bytes of an encoded body that a hook changes in place`, async (t) => {
    const { get } = await origin(t, cache, (app) => {
      app.addHook('onSend', async (request, _reply, payload) => {
        if (request.headers['x-spoil'] !== undefined) (payload as Buffer).fill(0)
        return payload
      })
      app.get('/', { config: { cache: { timeout: 60, compress: ['gzip'] } } }, async (_request, reply) => {
        reply.type('text/plain')
        return 'page '.repeat(500)
      })
    })
    await get('/')
    await get('/', { 'accept-encoding': 'gzip' })
    await get('/', { 'accept-encoding': 'gzip', 'x-spoil': '1' })
    const { body, headers } = await get('/', { 'accept-encoding': 'gzip' })
    t.equal(headers['content-encoding'], 'gzip')
    t.equal(gunzipSync(body).toString(), 'page '.repeat(500))
  })

  t.test(`${cache.CACHE_TYPE as string}: what isStale and responseFilter do to what they are shown`, async (t) => {
    const { get, runs } = await origin(t, cache, (app, origin) => {
      const config = {
        timeout: 60,
        isStale: (stored: unknown) => {
          const { headers, body } = stored as { headers: Array<string | string[]>, body: Buffer }
          for (const part of headers) if (Array.isArray(part)) part.push('theirs')
          headers.push('x-more', 'theirs')
          body.fill(120)
          return false
        },
        responseFilter: (_request: unknown, _reply: unknown, body: Buffer | null) => {
          body?.fill(120)
          return true
        }
      }
      app.get('/', { config: { cache: config as never } }, async (_request, reply) => {
        origin.ran()
        reply.header('x-lines', ['a', 'b'])
        return Buffer.from('page')
      })
    })
    for (let n = 0; n < 3; n++) {
      const { text, headers } = await get('/')
      t.equal(text, 'page')
      t.equal([headers['x-lines']].flat().join(), 'a,b')
      t.equal(headers['x-more'], undefined)
    }
    t.equal(runs(), 1)
  })
}
