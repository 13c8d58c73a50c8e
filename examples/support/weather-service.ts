import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { AddressInfo } from 'node:net'

/** A slow weather service: a second HTTP server, as an application would call one over the network. */
export interface WeatherService {
  readonly url: string
  /** How many requests have reached it. */
  calls (): number
  close (): Promise<void>
}

/** @param delay ms before it answers */
export async function startWeatherService (delay = 1000): Promise<WeatherService> {
  let calls = 0
  const server = createServer(async (request, response) => {
    calls++
    const city = new URL(request.url ?? '/', 'http://localhost').searchParams.get('city')
    await sleep(delay)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ city, temperature: 22, conditions: 'Sunny', last_updated: new Date().toISOString() }))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls: () => calls,
    close: () => new Promise((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  }
}
