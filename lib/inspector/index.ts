import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'
import { errors } from '../errors.ts'
import { inspectionsOf, type Inspection } from '../inspection.ts'
import { findEntries } from './entries.ts'
import { Latencies } from './latency.ts'
import { checkOptions, type AuthorizeHook, type InspectorOptions } from './options.ts'
import { page, policy } from './page.ts'
import { purge } from './purge.ts'
import { fromOwnPage } from './same-origin.ts'
import { stateOf } from './state.ts'

export type { AuthorizeHook, InspectorOptions }

interface Asked { cache: number, by: 'url' | 'key' | 'tag', value: string, origin: string }

/** The body of a question: JSON alone is understood, which no form of another site can send. */
const bodySchema = (...by: string[]): object => ({
  body: {
    type: 'object',
    required: ['cache', 'by', 'value'],
    additionalProperties: false,
    properties: {
      cache: { type: 'integer', minimum: 0 },
      by: { enum: by },
      value: { type: 'string', minLength: 1, maxLength: 8192 }
    }
  }
})

async function register (instance: FastifyInstance, given: InspectorOptions): Promise<void> {
  const { prefix, authorize } = checkOptions(given as unknown as Record<string, unknown>)
  const latencies = new Latencies(() => inspectionsOf(instance))
  instance.addHook('onResponse', function measure (request, reply, done) {
    latencies.note(request, reply)
    done()
  })
  instance.addHook('onClose', async () => { latencies.close() })

  await instance.register(async function inspector (scope) {
    if (authorize !== false) scope.addHook('onRequest', authorize as never)
    scope.addHook('onRequest', async (_request, reply) => {
      reply.headers({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff', 'cross-origin-resource-policy': 'same-origin', 'referrer-policy': 'no-referrer' })
    })
    scope.removeAllContentTypeParsers()
    scope.addContentTypeParser('application/json', { parseAs: 'string', bodyLimit: 16_384 }, scope.getDefaultJsonParser('error', 'error'))

    scope.get('/', async (_request, reply) => reply
      .headers({ 'content-type': 'text/html; charset=utf-8', 'content-security-policy': policy, 'x-frame-options': 'DENY' })
      .send(page))

    scope.get('/data', { onRequest: fromOwnPage }, async () => ({ caches: inspectionsOf(instance).map((cache) => stateOf(cache, latencies)) }))

    scope.post<{ Body: Asked }>('/lookup', { onRequest: fromOwnPage, schema: bodySchema('url', 'key') }, async ({ body, protocol, host }) => {
      return await findEntries(cacheAt(instance, body.cache), { by: body.by as 'url' | 'key', value: body.value, origin: `${protocol}://${host}` })
    })

    scope.post<{ Body: Asked }>('/purge', { onRequest: fromOwnPage, schema: bodySchema('url', 'key', 'tag') }, async ({ body, protocol, host }) => {
      try {
        return await purge(cacheAt(instance, body.cache), { by: body.by, value: body.value, origin: `${protocol}://${host}` })
      } catch (error) {
        throw isRefusal(error) ? new errors.FST_CACHE_ERR_INSPECTOR_REQUEST(error.message) : error
      }
    })
  }, { prefix })
}

function cacheAt (instance: FastifyInstance, index: number): Inspection {
  const cache = inspectionsOf(instance)[index]
  if (cache === undefined) throw new errors.FST_CACHE_ERR_INSPECTOR_REQUEST(`there is no cache number ${index}`)
  return cache
}

/** What the person who asked can mend. */
function isRefusal (error: unknown): error is Error {
  const code = (error as { code?: unknown } | null)?.code
  return code === 'ERR_INVALID_URL' || code === 'FST_CACHE_ERR_DELETE_CACHED' || code === 'FST_CACHE_ERR_ARGUMENT'
}

/**
 * Fastify plugin: one page, under a prefix, that shows what the caches of this server do, looks entries up, and purges
 * them. It does not start without an `authorize` hook, or `authorize: false`.
 */
const fastifyCachedInspector = fp<InspectorOptions>(register, { fastify: '5.x', name: 'fastify-cached-inspector', encapsulate: false })

export default fastifyCachedInspector
export { fastifyCachedInspector, fastifyCachedInspector as 'module.exports' }
