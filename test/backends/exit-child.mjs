import Fastify from 'fastify'

/** Servers that cache for an hour, are closed (or not) in the middle of something, and whose process must then end by itself. */
const [plugin, all, moment] = process.argv.slice(2)
const { default: cached } = await import(plugin)
const slow = () => new Promise((resolve) => setTimeout(resolve, 100))

async function run (options) {
  const app = Fastify()
  await app.register(cached, { CACHE_DEFAULT_TIMEOUT: 3600, ...options })
  app.get('/fill', { config: { cache: { timeout: 3600 } } }, async () => { await slow(); return 'filled' })
  app.get('/stale', { config: { cache: { timeout: 0.01, staleWhileRevalidate: 3600 } } }, async () => { await slow(); return 'refreshed' })
  await app.ready()
  const load = app.cache.memoize(async function load () { await slow(); return 1 }, { timeout: 0.01, staleWhileRevalidate: 3600 })
  await app.cache.set('k', 'v', 3600)
  await app.cache.delete('other').catch(() => {})
  if (moment === 'fill') {
    app.inject('/fill').catch(() => {})
    app.cache.getOrSet('filled', slow).catch(() => {})
    await new Promise((resolve) => setTimeout(resolve, 20))
  } else if (moment === 'refresh') {
    await app.inject('/stale')
    await load()
    await new Promise((resolve) => setTimeout(resolve, 50))
    await app.inject('/stale')
    await load()
  } else {
    await app.inject('/fill')
  }
  if (moment !== 'open') await app.close()
}

await Promise.all(JSON.parse(all).map(run))
process.stdout.write('closed\n')
// What the closing of sockets takes; the pipes are this output
for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
process.stdout.write(`alive: ${process.getActiveResourcesInfo().filter((name) => name !== 'PipeWrap').join()}\n`)
