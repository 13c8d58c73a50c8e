import Fastify from 'fastify'
import type { FastifyInstance, FastifyPluginAsync } from 'fastify'
import cached from '../../index.ts'
import type { CacheOptions } from '../../index.ts'

const plugin = cached as unknown as FastifyPluginAsync<CacheOptions>

export type Options = Record<string, unknown> & { CACHE_TYPE: string }

export interface Server {
  readonly app: FastifyInstance
  /** Every line of the log, of any level. */
  readonly log: string[]
  /** Runs of the handler, by URL. */
  readonly runs: Map<string, number>
  /** Body and `Cache-Status` of a GET. */
  get (url: string): Promise<{ status: number, body: string, cache: string, ms: number }>
  /** The messages of the log that match. */
  said (words: RegExp): string[]
}

/** A deadline for tests in which a server is silent. */
export const SHORT = { CACHE_OPERATION_TIMEOUT: 0.5 }

/**
 * A server whose plugin is registered, not yet ready. `/item/:id` answers its own URL; POST to it changes it. Its
 * deadline is one that a machine which stands still for seconds keeps.
 */
export function build (options: Options, routes: (app: FastifyInstance, server: Server) => void = () => {}): Server {
  const log: string[] = []
  const runs = new Map<string, number>()
  const app = Fastify({ logger: { level: 'trace', stream: { write: (line: string) => { log.push(line) } } } })
  const server: Server = {
    app,
    log,
    runs,
    async get (url) {
      const started = performance.now()
      const reply = await app.inject({ url, headers: { host: 'a.test' } })
      return { status: reply.statusCode, body: reply.body, cache: String(reply.headers['cache-status']), ms: performance.now() - started }
    },
    said: (words) => log.map((line) => (JSON.parse(line) as { msg: string }).msg).filter((message) => words.test(message))
  }
  app.register(plugin, { CACHE_KEY_PREFIX: 'app:', CACHE_OPERATION_TIMEOUT: 10, ...options } as unknown as CacheOptions)
  app.after(() => {
    app.get('/item/:id', { config: { cache: { timeout: 60 } } }, async ({ url }) => {
      const run = (runs.get(url) ?? 0) + 1
      runs.set(url, run)
      return `${url} ${run}`
    })
    app.post('/item/:id', async () => 'changed')
    routes(app, server)
  })
  return server
}
