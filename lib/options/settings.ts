import type { FastifyReply, FastifyRequest } from 'fastify'
import type {
  CacheOptions, KeyFunction, RequestPredicate, ResponseFilter, RouteCacheOptions, StaleFunction, StoreFactory
} from '../../types/options.ts'
import type { Serializer } from '../../types/serializer.ts'
import type { Store } from '../stores/store.ts'
import type { CacheType } from './cache-type.ts'
import type { Policies } from './policies.ts'
import type { Encoding } from './route-rules.ts'
import type { HostPort } from './servers.ts'

export interface RedisSettings {
  /** A host name, or the application's own ioredis client. */
  readonly host: string | object
  readonly port: number
  readonly username: string | undefined
  readonly password: string | undefined
  readonly db: number
  /** Already checked; `parseRedisUrl` reads it. Wins over the parts. */
  readonly url: string | undefined
  readonly sentinels: readonly HostPort[] | undefined
  readonly sentinelMaster: string
  readonly sentinelPassword: string | undefined
  readonly cluster: readonly HostPort[] | undefined
}

export interface MemcachedSettings {
  /** `host:port`, `[v6]:port`, or the path of a socket (it has a `/`). */
  readonly servers: readonly string[]
  readonly username: string | undefined
  readonly password: string | undefined
}

export interface LocalSettings {
  /** Seconds, above 0. */
  readonly timeout: number
  readonly threshold: number
  readonly maxBytes: number
}

/** The plugin's options, checked and complete. Durations are seconds. */
export interface PluginSettings {
  readonly type: CacheType | 'custom'
  /** With type `custom`: the application's store, or what makes it. */
  readonly custom: Store | StoreFactory | undefined
  /** A frozen copy of what the user wrote, defaults filled in. */
  readonly options: Readonly<CacheOptions>
  /** 0 = never expires. */
  readonly defaultTimeout: number
  readonly keyPrefix: string
  /** 0 = no bound. */
  readonly threshold: number
  /** 0 = no bound. */
  readonly maxBytes: number
  readonly maxEntryBytes: number
  readonly ignoreErrors: boolean
  /** 0 = no bound. */
  readonly operationTimeout: number
  /** Lower case, `authorization` first. */
  readonly credentialHeaders: readonly string[]
  readonly noNullWarning: boolean
  readonly clientOptions: Readonly<Record<string, unknown>>
  readonly dir: string | undefined
  readonly fileHashMethod: string
  readonly hashMethod: string
  readonly serializer: 'msgpack' | 'json' | Serializer
  readonly sourceCheck: boolean
  readonly redis: RedisSettings
  readonly memcached: MemcachedSettings
  /** Only where the backend is remote. */
  readonly local: LocalSettings | undefined
  /** As the user wrote them, over the policy that they name, if any. */
  readonly routeDefaults: RouteCacheOptions
  readonly policies: Policies
  /** The cache's name as it stands in `Cache-Status`: a token, or a quoted string. */
  readonly statusHeader: string | false
  readonly decorator: string
}

/** One cached route, checked and complete. Durations are seconds. */
export interface RouteSettings {
  readonly timeout: number | 'headers' | ((request: FastifyRequest, reply: FastifyReply) => number)
  /** `false`: `timeout` is the plugin's default, which comes after the reply's `max-age` and `Expires`. */
  readonly hasTimeout: boolean
  readonly queryString: boolean | readonly string[]
  readonly keyPrefix: string | ((request: FastifyRequest) => string) | undefined
  readonly makeCacheKey: KeyFunction | undefined
  /** Lower case, each once, sorted. */
  readonly vary: readonly string[]
  /** Upper case. */
  readonly methods: ReadonlySet<string>
  /** A list: lower case, without a scheme's default port. */
  readonly host: boolean | readonly string[]
  readonly authorization: 'bypass' | 'vary' | 'ignore'
  readonly cookies: 'bypass' | 'vary' | 'ignore' | readonly string[]
  readonly isolate: boolean | 'strict'
  /** What is stored: a lifetime of its own in seconds, or `true` for the route's. */
  readonly statuses: ReadonlyMap<number, number | true>
  readonly unless: RequestPredicate | undefined
  readonly forcedUpdate: RequestPredicate | undefined
  readonly isStale: StaleFunction | undefined
  readonly responseFilter: ResponseFilter | undefined
  readonly tags: readonly string[] | ((request: FastifyRequest, reply: FastifyReply) => readonly string[])
  readonly minUses: number
  readonly maxVariants: number
  readonly jitter: number
  readonly eagerRefresh: number
  readonly staleWhileRevalidate: number
  readonly staleIfError: number
  readonly softTimeout: number | undefined
  /** `timeout`: the longest wait of a follower. */
  readonly coalesce: false | { readonly timeout: number }
  /** `timeout`: the longest wait for another process's entry. */
  readonly lock: false | { readonly timeout: number }
  readonly compress: false | readonly Encoding[]
  readonly cacheControl: string | true | undefined
  readonly requestDirectives: boolean
  readonly hook: 'auto' | 'preHandler'
  readonly etag: boolean
  readonly maxEntryBytes: number
}
