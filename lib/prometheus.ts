import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'
import type { Registry } from 'prom-client'
import { errors } from './errors.ts'
import { inspectionsOf } from './inspection.ts'
import { addMetrics, observeLatency } from './prometheus/metrics.ts'

/** Options of `fastify-cached/prometheus`. */
export interface PrometheusOptions {
  /** The registry that the metrics are added to. Default: prom-client's own. */
  readonly register?: Registry | undefined
  /** A path, `/metrics`, where the registry is served as text. Default: none; the application serves it. */
  readonly path?: string | undefined
}

const KNOWN = new Set(['register', 'path', 'prefix', 'logLevel', 'logSerializers'])

async function register (instance: FastifyInstance, options: PrometheusOptions): Promise<void> {
  check(options)
  const client = await load()
  const registry = options.register ?? client.register
  const remove = addMetrics(client, registry, () => inspectionsOf(instance))
  let unobserve: Array<() => void> = []
  instance.addHook('onReady', async () => { unobserve = observeLatency(registry, inspectionsOf(instance)) })
  instance.addHook('onClose', async () => {
    for (const one of unobserve) one()
    remove()
  })
  if (options.path === undefined) return
  instance.get(options.path, async (_request, reply) => reply.header('content-type', registry.contentType).send(await registry.metrics()))
}

function check (options: PrometheusOptions): void {
  const unknown = Object.keys(options).filter((name) => !KNOWN.has(name))
  if (unknown.length > 0) throw new errors.FST_CACHE_ERR_OPTIONS(`fastify-cached/prometheus: it has no option '${unknown.join("', '")}'; it takes register and path`)
  if (options.path !== undefined && (typeof options.path !== 'string' || !options.path.startsWith('/'))) {
    throw new errors.FST_CACHE_ERR_OPTIONS("fastify-cached/prometheus: path must be a string that begins with '/'")
  }
  if (options.register !== undefined && typeof (options.register as { getSingleMetric?: unknown } | null)?.getSingleMetric !== 'function') {
    throw new errors.FST_CACHE_ERR_OPTIONS('fastify-cached/prometheus: register must be a Registry of prom-client')
  }
}

async function load (): Promise<typeof import('prom-client')> {
  try {
    return await import('prom-client')
  } catch (cause) {
    throw Object.assign(new errors.FST_CACHE_ERR_OPTIONS('fastify-cached/prometheus needs the package prom-client: npm install prom-client'), { cause })
  }
}

/**
 * Fastify plugin: what the caches of this server do, as Prometheus metrics. Labels are the cache's name, the pattern of
 * a route, an outcome: never a URL, a host or a key.
 */
const fastifyCachedPrometheus = fp<PrometheusOptions>(register, { fastify: '5.x', name: 'fastify-cached-prometheus' })

export default fastifyCachedPrometheus
export { fastifyCachedPrometheus, fastifyCachedPrometheus as 'module.exports' }
