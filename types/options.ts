import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Static } from '@sinclair/typebox'
import type { StoredReply } from '../lib/entry.ts'
import type { CacheOptionsSchema, RouteCacheOptionsSchema } from '../lib/options/schema.ts'
import type { Awaitable, Store } from '../lib/stores/store.ts'

/** `undefined` and `null` mean the default. */
type OrDefault<T> = { [K in keyof T]?: T[K] | null | undefined }

/** Options of the plugin: Flask-Caching's names. Durations are seconds. */
export interface CacheOptions extends OrDefault<Static<typeof CacheOptionsSchema>> {}

/** Options of one cached route. Durations are seconds. */
export interface RouteCacheOptions extends OrDefault<Static<typeof RouteCacheOptionsSchema>> {}

/** What a route's `config.cache` takes: on with the defaults, off, a policy by its name, or options. */
export type RouteCacheConfig = boolean | string | RouteCacheOptions

/** Makes the backend from the options (a frozen copy, defaults filled in). */
export interface StoreFactory { (config: Readonly<CacheOptions>): Awaitable<Store> }

/** A server of a Redis cluster, or a sentinel. */
export type ServerAddress = string | readonly [host: string, port: number] | { readonly host: string, readonly port?: number }

// Written as methods, whose parameters are compared both ways: a function of a FastifyRequest with a route's own
// generics (its query, its parameters) may stand here too.
/** `timeout` of a route: the lifetime of this reply in seconds, 0 = never expires. */
export type TimeoutFunction = { call (request: FastifyRequest, reply: FastifyReply): number }['call']
/** `keyPrefix` of a route: what is added to the derived key. */
export type KeyPrefixFunction = { call (request: FastifyRequest): string }['call']
/** `makeCacheKey` of a route: replaces the derived key. */
export type KeyFunction = { call (request: FastifyRequest): Awaitable<string> }['call']
/** `unless` and `forcedUpdate` of a route. */
export type RequestPredicate = { call (request: FastifyRequest): Awaitable<boolean> }['call']
/** `isStale` of a route: `true` lets the handler run instead of serving the entry. */
export type StaleFunction = { call (stored: StoredReply, request: FastifyRequest): Awaitable<boolean> }['call']
/** `responseFilter` of a route: `false` keeps the reply out of the store. */
export type ResponseFilter = { call (request: FastifyRequest, reply: FastifyReply, body: Buffer | null): Awaitable<boolean> }['call']
/** `tags` of a route, for each reply. */
export type TagsFunction = { call (request: FastifyRequest, reply: FastifyReply): readonly string[] }['call']
