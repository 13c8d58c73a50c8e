// Exercise: what does the cache gain? The same expensive work behind two routes, one of them cached.
import { pbkdf2Sync } from 'node:crypto'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../index.ts' // in your project: from 'fastify-cached'
import { isMain, serveWhenMain } from './support/serve.ts'

export interface Options {
  compute?: () => string
}

/** Some 50 ms of computing. */
function expensive (): string {
  return pbkdf2Sync('password', 'salt', 100_000, 32, 'sha256').toString('hex')
}

export async function build ({ compute = expensive }: Options = {}): Promise<FastifyInstance> {
  const app = Fastify()

  await app.register(cached, { CACHE_TYPE: 'SimpleCache' })

  app.get('/without-cache', async () => compute())
  app.get('/with-cache', { config: { cache: { timeout: 60 } } }, async () => compute())

  return app
}

/** Median time of a request to `url`, in ms, after one that is not counted. */
export async function measure (app: FastifyInstance, url: string, requests = 20): Promise<number> {
  await app.inject(url)
  const times: number[] = []
  for (let i = 0; i < requests; i++) {
    const start = performance.now()
    await app.inject(url)
    times.push(performance.now() - start)
  }
  return times.sort((a, b) => a - b)[requests >> 1] ?? 0
}

if (isMain(import.meta.url)) {
  const app = await build()
  for (const url of ['/without-cache', '/with-cache']) {
    console.log(`${url.padEnd(15)} ${(await measure(app, url)).toFixed(2).padStart(8)} ms a request (median of 20)`)
  }
  await app.close()
}
await serveWhenMain(import.meta.url, build, ['/without-cache', '/with-cache'])
