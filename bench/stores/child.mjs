// One measurement of a store in a process of its own: what it holds, and what a call costs. Answers with one JSON line.
import Fastify from 'fastify'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { plugin } from '../lib/paths.mjs'

const { kind, entries, calls } = JSON.parse(process.argv[2])
const { default: cached } = await import(plugin)
const keyOf = (n) => `product:${n}`
/** Every key as often as any other, in an order that no processor cache foresees. */
const order = Array.from({ length: calls }, (_, n) => keyOf((n * 7919 + (n >> 3)) % entries))

async function open (options, routes = () => {}) {
  const app = Fastify()
  await app.register(cached, { CACHE_DEFAULT_TIMEOUT: 600, CACHE_THRESHOLD: 0, ...options })
  routes(app)
  await app.ready()
  return app
}

async function cpuPerCall (call) {
  for (let n = 0; n < Math.min(calls, 20_000); n++) await call(order[n])
  const before = process.cpuUsage()
  for (const key of order) await call(key)
  const { user, system } = process.cpuUsage(before)
  return (user + system) * 1000 / calls
}

/** In one piece, as JSON.stringify() and databases give it: what is put together stays a tree of pieces, 32 bytes each. */
const flat = (text) => Buffer.from(text).toString()

const memory = async () => {
  await sleep(100) // what a turn of the event loop holds is let go of at its end
  globalThis.gc()
  globalThis.gc()
  // Bodies are text until their first hit, so all of it is on the heap; what inject() leaves outside of it is not ours.
  return process.memoryUsage().heapUsed
}

const measures = {
  async map () {
    const map = new Map()
    for (let n = 0; n < entries; n++) map.set(keyOf(n), { value: n, until: Date.now() + 600_000 })
    return await cpuPerCall(async (key) => map.get(key)?.value)
  },
  async get () {
    const { cache } = await open({ CACHE_TYPE: 'SimpleCache', CACHE_MAX_BYTES: 0 })
    for (let n = 0; n < entries; n++) await cache.set(keyOf(n), n)
    return await cpuPerCall((key) => cache.get(key))
  },
  /** Bytes that a value takes beyond its key and payload. */
  async 'value-bytes' () {
    const { cache } = await open({ CACHE_TYPE: 'SimpleCache', CACHE_MAX_BYTES: 0 })
    await cache.set('first', 1)
    const before = await memory()
    let text = 0
    for (let n = 0; n < entries; n++) {
      const value = flat(`${n} ${'x'.repeat(100)}`)
      await cache.set(keyOf(n), value)
      text += keyOf(n).length + value.length
    }
    return (await memory() - before - text) / entries
  },
  /** Bytes that a stored reply takes beyond its key (the URL), body and header text. */
  async 'reply-bytes' () {
    const app = await open({ CACHE_TYPE: 'SimpleCache', CACHE_MAX_BYTES: 0 }, (app) => {
      app.get('/page', { config: { cache: true } }, async (request) => flat(`${request.query.n} ${'x'.repeat(1000)}`))
    })
    for (let n = 0; n < 500; n++) await app.inject(`/page?warm=${n}`)
    const before = await memory()
    let text = 0
    for (let n = 0; n < entries; n++) {
      if (n % 1000 === 0) await sleep(1) // inject() holds what it made until the turn of the event loop ends
      const { headers, body } = await app.inject(`/page?n=${n}`)
      text += `http://localhost/page?n=${n}`.length + body.length
      for (const name of ['content-type', 'etag', 'date']) text += name.length + headers[name].length
    }
    return (await memory() - before - text) / entries
  },
  async 'file-set' () { return await files((cache, key) => cache.set(key, 'another value')) },
  async 'file-get' () { return await files((cache, key) => cache.get(key)) }
}

async function files (call) {
  const dir = mkdtempSync(join(tmpdir(), 'fastify-cached-bench-'))
  const app = await open({ CACHE_TYPE: 'FileSystemCache', CACHE_DIR: dir })
  try {
    for (let n = 0; n < entries; n += 100) await Promise.all(Array.from({ length: 100 }, (_, i) => app.cache.set(keyOf(n + i), 'a value')))
    return await cpuPerCall((key) => call(app.cache, key))
  } finally {
    await app.close()
    rmSync(dir, { recursive: true, force: true })
  }
}

console.log(JSON.stringify(await measures[kind]()))
process.exit(0)
