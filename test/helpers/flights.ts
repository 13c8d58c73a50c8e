import type { FastifyInstance } from 'fastify'
import t from 'tap'
import type { Test } from 'tap'
import { Flights } from '../../lib/single-flight.ts'
import type { Flight } from '../../lib/single-flight.ts'
import { eventually, startOrigin } from './origin.ts'
import type { Origin, OriginOptions } from './origin.ts'

const tables = new Set<Flights<unknown>>()
const led = new Set<Flight<unknown>>()
const { lead } = Flights.prototype

Flights.prototype.lead = function (key, origin) {
  tables.add(this)
  const flight = lead.call(this, key, origin)
  if (flight !== undefined) led.add(flight)
  return flight as never
}

/** Runs under way in all caches of this process. */
export function openFlights (): number {
  let open = 0
  for (const table of tables) open += table.size
  return open
}

/** How many requests wait for runs that are under way. */
export function waiting (): number {
  let count = 0
  for (const flight of led) {
    if (flight.settled) led.delete(flight)
    else count += flight.followers
  }
  return count
}

const faults: unknown[] = []
process.on('unhandledRejection', (error) => { faults.push(error) })

type Serve = (build: (app: FastifyInstance, origin: Origin) => unknown, options?: OriginOptions) => Promise<Origin>

/** A test of runs: whatever it does, no run is left under way, and no rejection without a handler. */
export function testRuns (name: string, body: (t: Test, serve: Serve) => Promise<unknown>): void {
  t.test(name, async (t) => {
    await body(t, async (build, options) => {
      const origin = await startOrigin(build, options)
      t.teardown(() => origin.close())
      return origin
    })
    t.ok(await eventually(() => openFlights() === 0), 'no run is left under way')
    t.strictSame(faults.splice(0), [])
  })
}
