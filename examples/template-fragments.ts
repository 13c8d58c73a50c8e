// A piece of a page is rendered once per language; the page around it for each request.
import { join } from 'node:path'
import fastifyView from '@fastify/view'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import nunjucks from 'nunjucks'
import cached, { makeTemplateFragmentKey } from '../index.ts' // in your project: from 'fastify-cached'
import { cacheTag } from '../lib/nunjucks.ts' // in your project: from 'fastify-cached/nunjucks'
import { serveWhenMain } from './support/serve.ts'

export interface Options {
  menu?: () => string
  views?: string
}

export async function build ({
  menu = () => { console.log('Making the menu'); return `menu of ${new Date().toISOString()}` },
  views = join(process.cwd(), 'examples/views')
}: Options = {}): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(cached, { CACHE_TYPE: 'SimpleCache' })

  const environment = new nunjucks.Environment(new nunjucks.FileSystemLoader(views), { autoescape: true })
  environment.addExtension('cache', cacheTag(app.cache, { log: app.log }))
  const render = async (name: string, context: object): Promise<string> => await new Promise((resolve, reject) => {
    environment.render(name, context, (error, text) => error === null ? resolve(text ?? '') : reject(error))
  })
  await app.register(fastifyView, { engine: { nunjucks }, templates: views, options: { onConfigure: (own: nunjucks.Environment) => { own.addExtension('cache', cacheTag(app.cache, { log: app.log })) } } })

  // With @fastify/view …
  app.get<{ Params: { username: string }, Querystring: { language?: string } }>('/user/:username', (request, reply) =>
    reply.view('profile.njk', { username: request.params.username, language: request.query.language ?? 'en', menu }))

  // … and without it.
  app.get<{ Params: { username: string } }>('/plain/:username', async (request, reply) => {
    reply.type('text/html; charset=utf-8')
    return await render('profile.njk', { username: request.params.username, language: 'en', menu })
  })

  app.delete<{ Params: { language: string } }>('/menu/:language', async (request, reply) => {
    await app.cache.delete(makeTemplateFragmentKey('menu', [request.params.language]))
    return reply.code(204).send()
  })

  return app
}

await serveWhenMain(import.meta.url, build, ['/user/alice', '/user/bob?language=de'])
