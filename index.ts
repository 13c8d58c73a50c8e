import fp from 'fastify-plugin'
import type { FastifyInstance } from 'fastify'
import { openBackend } from './lib/backend.ts'
import { createCache } from './lib/cache.ts'
import { errors } from './lib/errors.ts'
import type { Shared as SharedResult } from './lib/function/engine.ts'
import { functionSide } from './lib/function-side.ts'
import { Health } from './lib/health.ts'
import { createEngine } from './lib/http/create-engine.ts'
import { attach } from './lib/http/hooks.ts'
import { decorateReply } from './lib/http/reply-cache.ts'
import { allowInspection } from './lib/inspection.ts'
import { spaceOf, takePlace } from './lib/places.ts'
import { resolveOptions } from './lib/options/validate.ts'
import { makeSerializer } from './lib/serializer.ts'
import { Flights } from './lib/single-flight.ts'
import { noteStart } from './lib/start-notes.ts'
import { createValues } from './lib/values.ts'
import { valueEvents } from './lib/value-events.ts'
import type { CacheOptions } from './types/index.ts'

export { fromEnv } from './lib/options/env.ts'
export { CacheOptionsSchema, RouteCacheOptionsSchema } from './lib/options/schema.ts'
export { errors } from './lib/errors.ts'
export { makeTemplateFragmentKey } from './lib/function/fragment.ts'
export type * from './types/index.ts'

/** ms that closing waits for background runs. */
const DRAIN = 5_000

async function register (instance: FastifyInstance, options: CacheOptions): Promise<void> {
  const settings = resolveOptions(options)
  const { decorator } = settings
  if (Object.hasOwn(instance, decorator)) throw new errors.FST_CACHE_ERR_ALREADY_REGISTERED(decorator)
  const place = takePlace(instance, decorator)
  const packer = makeSerializer(settings.serializer, settings.type === 'SimpleCache' ? { copy: settings.clientOptions.copy !== false } : {})
  const engine = createEngine(instance, settings)
  const health = new Health(engine.now)
  const backend = await openBackend({
    settings,
    base: spaceOf(settings.keyPrefix, decorator, place.ordinal),
    log: instance.log,
    serializer: packer.id,
    now: engine.now,
    health
  })
  engine.connect(backend)
  const events = valueEvents(engine)
  const values = createValues({
    versioned: backend.versioned,
    packer,
    store: backend.store,
    prefix: backend.base + 'v:',
    defaultTimeout: settings.defaultTimeout,
    none: engine.none,
    now: engine.now,
    ...events
  })
  const functionFlights = new Flights<SharedResult>()
  const functions = functionSide(engine, backend, packer, functionFlights)
  const routes = attach(instance, engine, (scope) => (scope as unknown as Record<string, unknown>)[decorator] === cache)
  const cache = createCache({ engine, backend, values, functions, routes })
  instance.decorate(decorator, cache)
  decorateReply(instance)
  place.settle(engine)
  allowInspection(instance, { engine, backend, health, routes, functionFlights, cache })
  noteStart(settings, instance.log)

  instance.addHook('preClose', async () => {
    await Promise.all([engine.runs.drain(DRAIN), functions.close()])
    engine.flights.settleAll()
  })
  instance.addHook('onClose', async () => { await backend.close() })
}

/**
 * Fastify plugin: an HTTP response cache driven by the route's `config.cache`, and `fastify.cache` for functions and
 * values, on nine backends under Flask-Caching's option names.
 */
const fastifyCached = fp<CacheOptions>(register, { fastify: '5.x', name: 'fastify-cached' })

export default fastifyCached
export { fastifyCached, fastifyCached as 'module.exports' }
