// Pages for one user each, behind authentication. The hook that checks the token runs on every request, before the
// look-up; each token has entries of its own; what several tokens of one user need is kept by the user's name.
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../index.ts' // in your project: from 'fastify-cached'
import { serveWhenMain } from './support/serve.ts'
import { slowly } from './support/slow.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; `undefined` without a token. */
    account?: string | undefined
  }
}

export interface Options {
  /** Token → user. */
  sessions?: Map<string, string>
  /** The expensive part. */
  fetchOrders?: (account: string) => Promise<object>
  /** Is told of each page that is made. */
  onRender?: (url: string, account: string | undefined) => void
}

export async function build ({
  sessions = new Map([['alice-laptop', 'alice'], ['alice-phone', 'alice'], ['bob-laptop', 'bob']]),
  fetchOrders = (account) => slowly({ account, orders: [`a lamp for ${account}`] }, 500),
  onRender = (url, account) => console.log(`Making ${url} for ${account ?? 'anybody'}`)
}: Options = {}): Promise<FastifyInstance> {
  const app = Fastify()

  await app.register(cached, { CACHE_TYPE: 'SimpleCache' })

  app.decorateRequest('account', undefined)
  app.addHook('onRequest', async (request, reply) => {
    const { authorization } = request.headers
    if (authorization === undefined) return
    request.account = sessions.get(authorization.replace(/^Bearer /, ''))
    if (request.account === undefined) return reply.code(401).send({ error: 'this token is not (or no longer) valid' })
  })

  // By the user's name: alice's laptop and alice's phone share a result, after the hook has told who they are.
  const ordersOf = app.cache.memoize(async function ordersOf (account: string) {
    return fetchOrders(account)
  }, { timeout: 300 })

  // `authorization: 'vary'`: an entry for each token, and one for all who send none. The token is part of the key, as a
  // digest, the reply says `Vary: Authorization`, and `cacheControl` tells browsers `private`.
  const perToken = { timeout: 60, authorization: 'vary', cacheControl: true } as const

  app.get('/', { config: { cache: perToken } }, async (request) => {
    onRender(request.url, request.account)
    return { greeting: `Hello, ${request.account ?? 'stranger'}!` }
  })

  app.get('/orders', {
    config: { cache: perToken },
    // A refusal belongs in a hook: it is asked on a hit too.
    onRequest: async (request, reply) => {
      if (request.account === undefined) return reply.code(401).send({ error: 'log in first' })
    }
  }, async (request, reply) => {
    const account = request.account as string
    onRender(request.url, account)
    reply.cache({ tags: [`user:${account}`] })
    return ordersOf(account)
  })

  // Without a word about credentials the default holds: with a token, the request goes round the cache.
  app.get('/news', { config: { cache: { timeout: 60 } } }, async (request) => {
    onRender(request.url, request.account)
    return { news: `nothing new, ${request.account ?? 'stranger'}` }
  })

  app.post('/orders/changed', async (request, reply) => {
    if (request.account === undefined) return reply.code(401).send({ error: 'log in first' })
    await ordersOf.deleteMemoized(request.account)
    await app.cache.invalidateTags(`user:${request.account}`) // on every device of this user, of nobody else
    return reply.code(204).send()
  })

  app.post('/logout', async (request, reply) => {
    sessions.delete((request.headers.authorization ?? '').replace(/^Bearer /, ''))
    return reply.code(204).send()
  })

  return app
}

await serveWhenMain(import.meta.url, build, ['/', ...['alice-laptop', 'alice-phone', 'bob-laptop'].map((token) => `/orders -H 'authorization: Bearer ${token}'`)])
