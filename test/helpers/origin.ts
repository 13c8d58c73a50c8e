import { setTimeout as sleep } from 'node:timers/promises'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyPluginAsync, FastifyServerOptions } from 'fastify'
import cached from '../../index.ts'
import type { CacheOptions } from '../../index.ts'
import { rawRequest, request } from './client.ts'
import type { ClientReply, ClientRequest } from './client.ts'

export interface OriginOptions {
  /** The plugin's options. */
  cache?: CacheOptions
  /** Fastify's own. */
  fastify?: FastifyServerOptions
  /** Runs before the plugin is registered. */
  before?: (app: FastifyInstance, origin: Origin) => unknown
}

export interface Origin {
  readonly app: FastifyInstance
  readonly port: number
  /** Log lines of level warn and above. */
  readonly log: Array<Record<string, unknown>>
  /** Counts a handler's run under a name; what number this run has. */
  ran (name?: string): number
  /** How often handlers ran under a name. */
  runs (name?: string): number
  request (options?: ClientRequest): Promise<ClientReply>
  get (path: string, headers?: Record<string, string | string[]>): Promise<ClientReply>
  raw (text: string | Buffer): Promise<ClientReply>
  close (): Promise<void>
}

// index.ts may export the plugin with stricter generics than `register` infers from a union of options
const plugin = cached as unknown as FastifyPluginAsync<CacheOptions>

/** A Fastify server with the plugin, on a free port. `build` declares the routes. */
export async function startOrigin (build: (app: FastifyInstance, origin: Origin) => unknown, options: OriginOptions = {}): Promise<Origin> {
  const log: Origin['log'] = []
  const counts = new Map<string, number>()
  const stream = { write: (line: string) => { log.push(JSON.parse(line) as Record<string, unknown>) } }
  const app = Fastify({ logger: { level: 'warn', stream }, forceCloseConnections: true, ...options.fastify } as FastifyServerOptions)
  let port = 0
  const origin: Origin = {
    app,
    log,
    get port () { return port },
    ran (name = '') {
      counts.set(name, (counts.get(name) ?? 0) + 1)
      return counts.get(name) ?? 0
    },
    runs: (name = '') => counts.get(name) ?? 0,
    request: (sent) => request(port, sent),
    get: (path, headers = {}) => request(port, { path, headers }),
    raw: (text) => rawRequest(port, text),
    close: () => app.close()
  }
  await options.before?.(app, origin)
  await app.register(plugin, options.cache ?? {})
  await build(app, origin)
  await app.listen({ port: 0, host: '127.0.0.1' })
  const address = app.server.address()
  port = typeof address === 'object' && address !== null ? address.port : 0
  return origin
}

/** Polls until it holds, half a minute at most, since a machine may stand still: for what happens behind an answer. Whether it came to hold. */
export async function eventually (holds: () => boolean | Promise<boolean>): Promise<boolean> {
  for (let tries = 0; tries < 3000; tries++) {
    if (await holds()) return true
    await sleep(10)
  }
  return false
}
