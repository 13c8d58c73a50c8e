// A weather API in front of a slow service: each city is asked for once in ten minutes, by whichever process comes first.
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../index.ts' // in your project: from 'fastify-cached'
import { serveWhenMain } from './support/serve.ts'
import { startWeatherService } from './support/weather-service.ts'

export interface Options {
  redisUrl?: string
  /** Where the weather comes from; by default a local server that takes a second for each answer. */
  serviceUrl?: string
}

export async function build ({
  redisUrl = process.env.REDIS_URL ?? 'redis://localhost:6379/0',
  serviceUrl
}: Options = {}): Promise<FastifyInstance> {
  const app = Fastify()

  await app.register(cached, {
    CACHE_TYPE: 'RedisCache',
    CACHE_REDIS_URL: redisUrl,
    CACHE_KEY_PREFIX: 'example_weather_',
    CACHE_DEFAULT_TIMEOUT: 300
  })
  await app.register(weather, { serviceUrl: serviceUrl ?? await startService(app) })

  return app
}

/** The routes by themselves: they run on whatever cache the application has registered. */
export async function weather (app: FastifyInstance, { serviceUrl }: { serviceUrl: string }): Promise<void> {
  // `cookies: 'ignore'`: this reply is the same for everybody, whatever cookies a browser sends along.
  const cache = { timeout: 600, cookies: 'ignore' } as const

  app.get<{ Params: { city: string } }>('/api/weather/:city', { config: { cache } }, async (request, reply) => {
    const { city } = request.params
    console.log(`Fetching weather data for ${city}`) // only when the cache has no answer
    const answer = await fetch(`${serviceUrl}/?${new URLSearchParams({ city })}`).catch(() => undefined)
    if (answer?.ok !== true) return reply.code(502).send({ error: 'the weather service failed' }) // a 502 is not stored
    return answer.json()
  })

  // A POST, so that no link, crawler or prefetching browser empties the cache.
  app.post('/api/clear-cache', async () => {
    await app.cache.clear()
    return { message: 'Cache cleared successfully' }
  })
}

async function startService (app: FastifyInstance): Promise<string> {
  const service = await startWeatherService()
  app.addHook('onClose', () => service.close())
  return service.url
}

await serveWhenMain(import.meta.url, build, ['/api/weather/London', '/api/clear-cache -X POST'], 'redis')
