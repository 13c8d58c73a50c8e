import Fastify from 'fastify'
import cached from '../../index.ts'

// One of several processes behind one Redis. PORT_OF_REDIS and LOCK come from the environment; it writes its port, and a
// line for each run of its handler, which goes on when `/go` is asked for.

const app = Fastify()
const lock = JSON.parse(process.env.LOCK ?? 'true') as boolean
await app.register(cached, { CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: '127.0.0.1', CACHE_REDIS_PORT: Number(process.env.PORT_OF_REDIS), CACHE_OPERATION_TIMEOUT: 10 })
const route = (more: object = {}): object => ({ config: { cache: { timeout: 60, lock, host: false, ...more } } })
const held: Array<() => void> = []
const fill = async (request: { url: string }): Promise<string> => {
  console.log(`run ${request.url}`)
  await new Promise<void>((resolve) => { held.push(resolve) })
  return `made by ${process.pid}`
}
app.get('/r', route(), fill)
app.get('/cookie', route(), async (request, reply) => {
  reply.header('set-cookie', 'a=b')
  console.log(`run ${request.url}`)
  await new Promise((resolve) => setTimeout(resolve, 100))
  return 'x'
})
app.get('/stale', route({ timeout: 0.2, staleWhileRevalidate: 60 }), fill)
app.get('/forced', route({ forcedUpdate: () => true }), fill)
app.get('/go', async () => { for (const go of held.splice(0)) go() })
app.get('/stats', async () => app.cache.stats())
await app.listen({ port: 0, host: '127.0.0.1' })
console.log(`port ${(app.server.address() as { port: number }).port}`)
