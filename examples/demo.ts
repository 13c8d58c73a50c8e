// `npm run demo`: the weather application in memory. It asks itself twice, shows what the second request gained, and
// goes on serving. `--once` ends after the proof.
import Fastify from 'fastify'
import cached from '../index.ts'
import { weather } from './weather.ts'
import inspector from '../lib/inspector/index.ts'
import { closeOnSignal, isMain, listenFrom } from './support/serve.ts'
import { startWeatherService } from './support/weather-service.ts'

interface Seen { milliseconds: number, status: number, cacheStatus: string, body: string }

async function ask (url: string): Promise<Seen> {
  const start = performance.now()
  const answer = await fetch(url)
  const body = await answer.text()
  return { milliseconds: performance.now() - start, status: answer.status, cacheStatus: answer.headers.get('cache-status') ?? '(none)', body }
}

function show (title: string, seen: Seen): void {
  console.log(`${title}  ${seen.milliseconds.toFixed(1).padStart(8)} ms   HTTP ${seen.status}   Cache-Status: ${seen.cacheStatus}`)
}

/** Was the second reply the first one, out of the cache? */
export function proven (first: Seen, second: Seen): boolean {
  return first.status === 200 && second.status === 200 && second.body === first.body && /;\s*hit(;|$)/.test(second.cacheStatus)
}

async function demo (once: boolean): Promise<void> {
  const service = await startWeatherService()
  const app = Fastify()
  app.addHook('onClose', () => service.close())
  await app.register(cached, { CACHE_TYPE: 'SimpleCache', CACHE_DEFAULT_TIMEOUT: 300 })
  // Everybody may see and purge: it listens on this machine alone.
  await app.register(inspector, { prefix: '/cache-inspector', authorize: false })
  await app.register(weather, { serviceUrl: service.url })
  app.get('/', (request, reply) => reply.redirect('/api/weather/London'))
  const address = await listenFrom(app, Number(process.env.PORT ?? 3000))
  closeOnSignal(app)

  const url = `${address}/api/weather/London`
  console.log(`\nThe weather application serves on ${address}; the weather service behind it, ${service.url}, takes a second.\n`)
  const first = await ask(url)
  show('first request ', first)
  const second = await ask(url)
  show('second request', second)

  const ok = proven(first, second)
  if (!ok) {
    console.error('\nThe second request was not answered from the cache.')
    process.exitCode = 1
  }
  if (once) return await app.close()

  console.log(`
Try it:
  curl -i ${address}/api/weather/London      # at once, with Age and Cache-Status
  curl -i ${address}/api/weather/Oslo        # a second, the first time
  curl -i ${address}/api/weather/London -H 'If-None-Match: *'
  curl -X POST ${address}/api/clear-cache
or open ${url} in a browser;
${address}/cache-inspector shows what the cache does. Ctrl-C ends it.
`)
}

if (isMain(import.meta.url)) await demo(process.argv.includes('--once'))
