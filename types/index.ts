export type { Awaitable, Store } from '../lib/stores/store.ts'
export type { StoredReply } from '../lib/entry.ts'
export type { Serializer } from './serializer.ts'
export type {
  CacheOptions, KeyFunction, KeyPrefixFunction, RequestPredicate, ResponseFilter, RouteCacheConfig, RouteCacheOptions,
  ServerAddress, StaleFunction, StoreFactory, TagsFunction, TimeoutFunction
} from './options.ts'
export type { Cache, CacheStats, DeleteCachedOptions, SetOptions } from './cache.ts'
export type { CachedOptions, GetOrSetOptions, MemoizeOptions, Memoized } from './functions.ts'
export type { CacheEvent } from '../lib/events.ts'
import './fastify.ts'
