// The function behind the page is cached, by its arguments; the page is rendered for each request.
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../index.ts' // in your project: from 'fastify-cached'
import { serveWhenMain } from './support/serve.ts'
import { slowly } from './support/slow.ts'

export interface User { username: string, since: Date }

export interface Options {
  findUser?: (username: string) => Promise<User>
}

export async function build ({
  findUser = (username) => slowly({ username, since: new Date(0) }, 500)
}: Options = {}): Promise<FastifyInstance> {
  const app = Fastify()

  await app.register(cached, { CACHE_TYPE: 'SimpleCache' })

  const loadUser = app.cache.memoize(async function loadUser (username: string): Promise<User> {
    console.log(`Loading user ${username} from database`) // only when the cache has no answer
    return findUser(username)
  }, { timeout: 50 })

  app.get<{ Params: { username: string } }>('/user/:username/profile', async (request, reply) => {
    const user = await loadUser(request.params.username)
    return reply.type('text/html; charset=utf-8').send(profilePage(user))
  })

  // After a change of the user: forget the result for these arguments, and for no others.
  app.delete<{ Params: { username: string } }>('/user/:username/profile', async (request, reply) => {
    await loadUser.deleteMemoized(request.params.username)
    return reply.code(204).send()
  })

  return app
}

function profilePage (user: User): string {
  return `<!doctype html><title>Profile</title><h1>${escapeHtml(user.username)}</h1><p>Member since ${user.since.getUTCFullYear()}</p>\n`
}

function escapeHtml (text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

await serveWhenMain(import.meta.url, build, ['/user/alice/profile'])
