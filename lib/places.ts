import type { FastifyInstance } from 'fastify'
import type { Engine } from './http/engine.ts'

/** The caches of one server, by decorator name, in the order of their registration. */
const servers = new WeakMap<object, Map<string, Array<{ scope: FastifyInstance, engine: Engine | undefined }>>>()

/** A cache's place among those of the same name: the ordinal keeps their keys apart. */
export interface CachePlace {
  /** 0 for the first of its name in this server. */
  readonly ordinal: number
  /** Makes the cache known to those of the scopes around it: their automatic purges reach it. */
  settle (engine: Engine): void
}

export function takePlace (scope: FastifyInstance, name: string): CachePlace {
  const server = scope.server
  const names = servers.get(server) ?? new Map<string, Array<{ scope: FastifyInstance, engine: Engine | undefined }>>()
  servers.set(server, names)
  const caches = names.get(name) ?? []
  names.set(name, caches)
  const own = { scope, engine: undefined as Engine | undefined }
  caches.push(own)
  return {
    ordinal: caches.length - 1,
    settle (engine) {
      own.engine = engine
      for (const other of caches) {
        if (other === own || other.engine === undefined) continue
        if (within(scope, other.scope)) other.engine.below.push(engine)
        else if (within(other.scope, scope)) engine.below.push(other.engine)
      }
    }
  }
}

/** Fastify makes a child scope from its parent by prototype. */
function within (scope: object, parent: object): boolean {
  return Object.prototype.isPrototypeOf.call(parent, scope)
}

/**
 * What stands before every key of a cache. The closing bar never stands inside (it is escaped), so that no cache's
 * keys begin as another's: neither those of `shop` and `shop_eu`, nor those of two decorators.
 */
export function spaceOf (prefix: string, name: string, ordinal: number): string {
  const escape = (text: string): string => text.replaceAll('%', '%25').replaceAll('|', '%7C').replaceAll('~', '%7E')
  return `${escape(prefix)}|${escape(name)}${ordinal === 0 ? '' : `~${ordinal}`}|`
}
