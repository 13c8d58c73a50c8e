// Replies are files: they outlive a restart, and several processes may share the directory.
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../index.ts' // in your project: from 'fastify-cached'
import { serveWhenMain } from './support/serve.ts'
import { slowly } from './support/slow.ts'

export interface Options {
  directory?: string
  fetchUser?: (username: string) => Promise<object>
}

export async function build ({
  directory = join(tmpdir(), 'fastify-cached-example'),
  fetchUser = (username) => slowly({ username, fetched: new Date().toISOString() }, 500)
}: Options = {}): Promise<FastifyInstance> {
  const app = Fastify()

  await app.register(cached, {
    CACHE_TYPE: 'FileSystemCache',
    CACHE_DIR: directory,
    CACHE_DEFAULT_TIMEOUT: 300,
    CACHE_THRESHOLD: 1000 // the most entries that the directory holds
  })

  app.get<{ Params: { username: string } }>('/user/:username', { config: { cache: { timeout: 120 } } },
    (request) => fetchUser(request.params.username))

  return app
}

await serveWhenMain(import.meta.url, build, ['/user/alice'])
