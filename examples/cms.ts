// A website with an editor: each page carries the tags of what it shows, and a change purges by tags. The content system
// calls /purge when it has changed something by itself.
import { createHash, timingSafeEqual } from 'node:crypto'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import cached from '../index.ts' // in your project: from 'fastify-cached'
import type { CacheOptions } from '../index.ts'
import { serveWhenMain } from './support/serve.ts'

export interface Article { id: string, author: string, title: string }

export interface Options {
  cache?: CacheOptions
  /** Of those who may write and purge. */
  token?: string
  articles?: Map<string, Article>
  /** Is told of each page that is rendered. */
  onRender?: (url: string) => void
}

export async function build ({
  cache = { CACHE_TYPE: 'SimpleCache' },
  token = process.env.CMS_TOKEN ?? 'only-for-trying-out',
  articles = new Map([
    ['1', { id: '1', author: 'ann', title: 'On lamps' }],
    ['2', { id: '2', author: 'ann', title: 'On chairs' }],
    ['3', { id: '3', author: 'ben', title: 'On tables' }],
    ['4', { id: '4', author: 'cleo', title: 'On doors' }]
  ]),
  onRender = (url) => console.log(`Rendering ${url}`)
}: Options = {}): Promise<FastifyInstance> {
  const app = Fastify()

  await app.register(cached, { CACHE_KEY_PREFIX: 'example_cms_', CACHE_DEFAULT_TIMEOUT: 3600, ...cache })

  // Public pages, the same for everybody: whatever cookies a browser sends along, the handlers do not see them.
  const page = { cookies: 'ignore', queryString: false } as const
  const byAuthor = (author: string): Article[] => [...articles.values()].filter((article) => article.author === author)

  // What is on the page is known only when it has been made: reply.cache() takes the tags from there.
  app.get<{ Params: { id: string } }>('/articles/:id', { config: { cache: page } }, async (request, reply) => {
    const article = articles.get(request.params.id)
    if (article === undefined) return reply.code(404).send({ error: 'no such article' }) // a 404 is not stored
    onRender(request.url)
    reply.cache({ tags: [`article:${article.id}`, `author:${article.author}`] })
    return article
  })

  app.get<{ Params: { author: string } }>('/authors/:author', { config: { cache: page } }, async (request, reply) => {
    const { author } = request.params
    const written = byAuthor(author)
    if (written.length === 0) return reply.code(404).send({ error: 'no such author' })
    onRender(request.url)
    reply.cache({ tags: [`author:${author}`, ...written.map(({ id }) => `article:${id}`)] })
    return { author, titles: written.map(({ title }) => title) }
  })

  // Writing and purging. The token comes in a header that no browser sends by itself, so that a page elsewhere can make
  // nobody's browser write here, and no cookie has to be told from a forged one.
  const allowed = bearer(token)
  await app.register(async (editors) => {
    editors.addHook('onRequest', async (request, reply) => {
      if (!allowed(request)) return reply.code(401).header('www-authenticate', 'Bearer').send({ error: 'a token is needed' })
    })

    const edit = { body: { type: 'object', required: ['author', 'title'], properties: { author: { type: 'string', pattern: '^[a-z]+$' }, title: { type: 'string', minLength: 1 } } } }
    editors.put<{ Params: { id: string }, Body: Omit<Article, 'id'> }>('/articles/:id', { schema: edit }, async (request) => {
      const { params: { id }, body: { author, title } } = request
      const before = articles.get(id)
      // Write first, purge then: what is rendered in between is not kept.
      articles.set(id, { id, author, title })
      // The old author's page loses the article, the new one's gets it.
      await app.cache.invalidateTags(`article:${id}`, `author:${author}`, ...before === undefined ? [] : [`author:${before.author}`])
      return articles.get(id)
    })

    const purge = {
      body: { type: 'object', required: ['tags'], additionalProperties: false, properties: { tags: { type: 'array', minItems: 1, maxItems: 100, items: { type: 'string', pattern: '^(article|author):[a-z0-9]+$' } } } }
    }
    editors.post<{ Body: { tags: string[] } }>('/purge', { schema: purge }, async (request, reply) => {
      // Where the backend is away this rejects, and the caller, who gets a 500, calls again; the cache tries too.
      await app.cache.invalidateTags(...request.body.tags)
      return reply.code(204).send()
    })
  })

  return app
}

/** Compares digests: their length tells nothing of the token's, nor does the time that it takes. */
function bearer (token: string): (request: FastifyRequest) => boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  const expected = digest(`Bearer ${token}`)
  return ({ headers }) => timingSafeEqual(digest(headers.authorization ?? ''), expected)
}

const sent = "-H 'authorization: Bearer only-for-trying-out' -H 'content-type: application/json'"
await serveWhenMain(import.meta.url, build, [
  '/articles/1', '/authors/ann',
  `/articles/1 -X PUT ${sent} -d '{"author":"ben","title":"On lamps and light"}'`,
  `/purge -X POST ${sent} -d '{"tags":["author:ann"]}'`
])
