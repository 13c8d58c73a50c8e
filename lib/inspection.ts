import type { FastifyInstance } from 'fastify'
import type { Backend } from './backend.ts'
import type { Shared as SharedResult } from './function/engine.ts'
import type { Health } from './health.ts'
import type { Engine } from './http/engine.ts'
import type { CachedRoute } from './http/route.ts'
import type { Flights } from './single-flight.ts'
import type { Cache } from '../types/cache.ts'

/** What the project's own tools may see of a cache beyond its public methods. */
export interface Inspection {
  readonly engine: Engine
  readonly backend: Backend
  readonly health: Health
  readonly routes: readonly CachedRoute[]
  readonly functionFlights: Flights<SharedResult>
  readonly cache: Cache
}

const servers = new WeakMap<object, Inspection[]>()

/** Makes a cache known to the tools of its server. */
export function allowInspection ({ server }: FastifyInstance, inspection: Inspection): void {
  const known = servers.get(server)
  if (known === undefined) servers.set(server, [inspection])
  else known.push(inspection)
}

/** The caches of one server, in the order of their registration. */
export function inspectionsOf ({ server }: FastifyInstance): readonly Inspection[] {
  return servers.get(server) ?? []
}

/** Runs under way that others wait for, or could. */
export function flightsOf ({ engine, functionFlights }: Inspection): number {
  return engine.flights.size + functionFlights.size
}
