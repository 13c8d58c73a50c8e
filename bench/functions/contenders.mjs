// A function's cached result, asked for again and again. Each returns `async (argument) => result` around `work`.
import Fastify from 'fastify'
import { plugin } from '../lib/paths.mjs'

const LIFE_MS = 600_000

async function memoize (work, close) {
  const { default: cached } = await import(plugin)
  const app = Fastify()
  await app.register(cached, { CACHE_TYPE: 'SimpleCache' })
  close(() => app.close())
  return app.cache.memoize(work, { name: 'work', timeout: LIFE_MS / 1000 })
}

function map (work) {
  const stored = new Map()
  return async (...args) => {
    const key = JSON.stringify(args)
    const entry = stored.get(key)
    if (entry !== undefined && entry.until > Date.now()) return entry.value
    const value = await work(...args)
    stored.set(key, { value, until: Date.now() + LIFE_MS })
    return value
  }
}

async function lruCache (work) {
  const { LRUCache } = await import('lru-cache')
  const stored = new LRUCache({ max: 10_000, ttl: LIFE_MS })
  return async (...args) => {
    const key = JSON.stringify(args)
    const value = stored.get(key)
    if (value !== undefined) return value
    const made = await work(...args)
    stored.set(key, made)
    return made
  }
}

async function cacheable (work) {
  const { Cacheable } = await import('cacheable')
  return new Cacheable({ ttl: LIFE_MS }).wrap(work, { ttl: LIFE_MS, keyPrefix: 'work' })
}

async function dedupe (work, close) {
  const { createCache } = await import('async-cache-dedupe')
  const cache = createCache({ ttl: LIFE_MS / 1000, storage: { type: 'memory' } })
  cache.define('work', (argument) => work(argument))
  close(() => cache.clear())
  return (argument) => cache.work(argument)
}

async function ocache (work) {
  const { defineCachedFunction } = await import('ocache')
  return defineCachedFunction(work, { name: 'work', maxAge: LIFE_MS / 1000 })
}

async function bentocache (work, close) {
  const { BentoCache, bentostore } = await import('bentocache')
  const { memoryDriver } = await import('bentocache/drivers/memory')
  const bento = new BentoCache({ default: 'memory', stores: { memory: bentostore().useL1Layer(memoryDriver({ maxItems: 10_000 })) } })
  close(() => bento.disconnectAll())
  return (...args) => bento.getOrSet({ key: JSON.stringify(args), ttl: LIFE_MS, factory: () => work(...args) })
}

/** The first is the reference. */
export const contenders = [
  { name: 'map', title: 'a Map with a JSON key', make: map },
  { name: 'map-control', title: 'the same again (A/A control)', make: map },
  { name: 'memoize', title: 'fastify-cached, memoize', make: memoize },
  { name: 'lru-cache', title: 'lru-cache with a JSON key', make: lruCache },
  { name: 'ocache-function', title: 'ocache', make: ocache },
  { name: 'async-cache-dedupe', title: 'async-cache-dedupe', make: dedupe },
  { name: 'cacheable', title: 'cacheable', make: cacheable },
  { name: 'bentocache', title: 'bentocache', make: bentocache }
]
