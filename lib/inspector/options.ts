import type { FastifyReply, FastifyRequest, HookHandlerDoneFunction } from 'fastify'
import { errors } from '../errors.ts'

// Written as a method, whose parameters are compared both ways: hooks of a FastifyRequest with generics of its own fit too.
/** An `onRequest` hook, async or with a callback. */
export type AuthorizeHook = { call (request: FastifyRequest, reply: FastifyReply, done: HookHandlerDoneFunction): unknown }['call']

/** Options of `fastify-cached/inspector`. */
export interface InspectorOptions {
  /** The path that the page is served under, `/cache-inspector`. */
  readonly prefix: string
  /**
   * Who may see it and purge: any `onRequest` hook, async or with a callback. `false`: anybody who can reach the server,
   * which must be said.
   */
  readonly authorize: AuthorizeHook | false
}

const KNOWN = new Set(['prefix', 'authorize', 'logLevel', 'logSerializers'])

/** Refuses what would leave the page open by mistake. */
export function checkOptions (options: Partial<Record<string, unknown>>): InspectorOptions {
  const unknown = Object.keys(options).filter((name) => !KNOWN.has(name))
  if (unknown.length > 0) throw new errors.FST_CACHE_ERR_INSPECTOR(`it has no option '${unknown.join("', '")}'; it takes prefix and authorize`)
  const { prefix, authorize } = options
  if (typeof prefix !== 'string' || !/^\/[\w.~/-]*[\w.~-]$/.test(prefix)) {
    throw new errors.FST_CACHE_ERR_INSPECTOR("prefix must be a path as '/cache-inspector'")
  }
  if (authorize !== false && typeof authorize !== 'function') {
    throw new errors.FST_CACHE_ERR_INSPECTOR('authorize must be an onRequest hook that refuses whom it does not know; `authorize: false` says that everybody may see and purge the cache')
  }
  return { prefix, authorize } as InspectorOptions
}
