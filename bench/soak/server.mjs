// The soaked server, in a process of its own. Answers 'sample' after a full garbage collection, 'close' once closed.
import Fastify from 'fastify'
import { setTimeout as sleep } from 'node:timers/promises'
import { writeHeapSnapshot } from 'node:v8'
import { addRoutes } from './app.mjs'

const { options } = JSON.parse(process.argv[2])
const { default: cached } = await import('../../dist/index.js')
const { flightsOf, inspectionsOf } = await import('../../dist/lib/inspection.js')
const app = Fastify({ forceCloseConnections: true })
await app.register(cached, options)
addRoutes(app)
await app.listen({ host: '127.0.0.1', port: 0 })

const flights = () => inspectionsOf(app).reduce((sum, inspection) => sum + flightsOf(inspection), 0)

/** Background refreshes, and fills whose client has left, may go on for a moment. */
async function settled () {
  for (let tries = 0; flights() > 0 && tries < 100; tries++) await sleep(20)
  await sleep(50)
}

const answers = {
  async sample () {
    await settled()
    globalThis.gc()
    globalThis.gc()
    const { heapUsed, rss, external, arrayBuffers } = process.memoryUsage()
    return { heapUsed, rss, external, arrayBuffers, flights: flights(), stats: app.cache.stats() }
  },
  async snapshot () {
    return writeHeapSnapshot()
  },
  async close () {
    await app.close()
    return { closed: true }
  }
}

process.on('message', async (question) => process.send(await answers[question]()))
process.on('disconnect', () => process.exit(0))
process.send({ port: app.server.address().port })
