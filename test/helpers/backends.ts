import type { CacheOptions } from '../../index.ts'
import { startRedis } from './redis.ts'

/** A backend that a suite runs on. Every call of `options` gives a key space of its own. */
export interface Backend {
  name: string
  options (): CacheOptions
  close (): Promise<void>
}

async function redisBackend (): Promise<Backend> {
  const server = await startRedis()
  let spaces = 0
  return {
    name: 'RedisCache',
    options: () => ({
      CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: server.host, CACHE_REDIS_PORT: server.port, CACHE_KEY_PREFIX: `space${++spaces}:`, CACHE_OPERATION_TIMEOUT: 10
    } as CacheOptions),
    close: () => server.stop()
  }
}

const makers: Record<string, () => Promise<Backend>> = {
  SimpleCache: async () => ({ name: 'SimpleCache', options: () => ({ CACHE_TYPE: 'SimpleCache' } as CacheOptions), close: async () => {} }),
  RedisCache: redisBackend
}

/** The backends to run on: all, or those that `TEST_BACKENDS` lists (`TEST_BACKENDS=SimpleCache`). */
export async function * backends (): AsyncGenerator<Backend> {
  const names = process.env.TEST_BACKENDS?.split(',') ?? Object.keys(makers)
  for (const name of names) {
    const make = makers[name]
    if (make === undefined) throw new Error(`TEST_BACKENDS: no backend '${name}'`)
    const backend = await make()
    try {
      yield backend
    } finally {
      await backend.close()
    }
  }
}
