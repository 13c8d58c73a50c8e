import { Type } from '@sinclair/typebox'
import type {
  KeyFunction, KeyPrefixFunction, RequestPredicate, ResponseFilter, StaleFunction, TagsFunction, TimeoutFunction
} from '../../types/options.ts'
import { about, fn, list, oneOf, seconds, wait, whole } from './schema-kit.ts'

/** The options of one cached route: `config.cache`, `CACHE_ROUTE_DEFAULTS`, and each of `CACHE_POLICIES`. */
export const RouteCacheOptionsSchema = Type.Partial(Type.Object({
  /** Name of a policy of `CACHE_POLICIES`; what stands beside it overrides its parts. */
  policy: about('Name of a policy of `CACHE_POLICIES`; what stands beside it overrides its parts.', Type.String({ minLength: 1, takes: 'the name of a policy' })),
  /** Lifetime in seconds; 0 = never expires. `headers`: only what the reply itself declares (RFC 9111), else it is not stored. Or a function of the request and the reply. Default `CACHE_DEFAULT_TIMEOUT`. */
  timeout: about('Lifetime in seconds; 0 = never expires. `headers`: only what the reply itself declares (RFC 9111), else it is not stored. Or a function of the request and the reply. Default `CACHE_DEFAULT_TIMEOUT`.', Type.Union([seconds(), Type.Literal('headers'), fn<TimeoutFunction>()], { takes: "seconds, 0 (never expires) or more, 'headers', or a function (request, reply) => seconds" })),
  /** The query is part of the key (`true`), is not (`false`), or only the parameters named. Default `true`. */
  queryString: about('The query is part of the key (`true`), is not (`false`), or only the parameters named. Default `true`.', Type.Union([Type.Boolean(), list<string>(Type.String())], { takes: 'true, false or a list of parameter names' })),
  /** Added to the derived key: a string or a function of the request. */
  keyPrefix: about('Added to the derived key: a string or a function of the request.', Type.Union([Type.String(), fn<KeyPrefixFunction>()], { takes: 'a string or a function (request) => string' })),
  /** Replaces the derived key; the route and the method stay part of it. */
  makeCacheKey: about('Replaces the derived key; the route and the method stay part of it.', fn<KeyFunction>({ takes: 'a function (request) => string' })),
  /** Request headers that are part of the key; the `Vary` of the reply names them. Default `[]`. */
  vary: about('Request headers that are part of the key; the `Vary` of the reply names them. Default `[]`.', list<string>(Type.String(), { takes: 'a list of header names' })),
  /** Methods that are answered from the cache: `GET`, `HEAD`, and `POST` and `QUERY` with a `makeCacheKey`. Default `GET` and `HEAD`. */
  methods: about('Methods that are answered from the cache: `GET`, `HEAD`, and `POST` and `QUERY` with a `makeCacheKey`. Default `GET` and `HEAD`.', list<string>(Type.String(), { takes: 'a list of GET, HEAD, POST and QUERY' })),
  /** Scheme and host are part of the key (`true`), are not (`false`), or only these hosts are served from the cache. Default `true`. */
  host: about('Scheme and host are part of the key (`true`), are not (`false`), or only these hosts are served from the cache. Default `true`.', Type.Union([Type.Boolean(), list<string>(Type.String())], { takes: 'true, false or a list of hosts' })),
  /** A request with `Authorization` goes round the cache (`bypass`), has its own entry (`vary`), or shares (`ignore`). Default `bypass`. */
  authorization: about('A request with `Authorization` goes round the cache (`bypass`), has its own entry (`vary`), or shares (`ignore`). Default `bypass`.', oneOf(['bypass', 'vary', 'ignore'])),
  /** A request with `Cookie` goes round the cache (`bypass`), has its own entry (`vary`), or shares (`ignore`); a list: these cookies are part of the key, others are ignored. Default `bypass`. */
  cookies: about('A request with `Cookie` goes round the cache (`bypass`), has its own entry (`vary`), or shares (`ignore`); a list: these cookies are part of the key, others are ignored. Default `bypass`.', Type.Union([oneOf(['bypass', 'vary', 'ignore']), list<string>(Type.String())], { takes: "'bypass', 'vary', 'ignore' or a list of cookie names" })),
  /** The handler cannot read what the route leaves out of the key (`true`), nor any header outside the key nor `ip` (`strict`), or sees all (`false`). Default `true`. */
  isolate: about('The handler cannot read what the route leaves out of the key (`true`), nor any header outside the key nor `ip` (`strict`), or sees all (`false`). Default `true`.', Type.Union([Type.Boolean(), Type.Literal('strict')], { takes: "true, false or 'strict'" })),
  /** Status codes that are stored besides 200, 203, 204, 300, 301 and 308: a lifetime in seconds, `true` for that of the route, `false` for not. 5xx needs a lifetime. */
  statuses: about('Status codes that are stored besides 200, 203, 204, 300, 301 and 308: a lifetime in seconds, `true` for that of the route, `false` for not. 5xx needs a lifetime.', Type.Unsafe<Readonly<Record<number, number | boolean | null | undefined>>>(Type.Record(Type.String(), Type.Union([seconds(), Type.Boolean()]), { takes: 'an object { status: seconds, true or false }' }))),
  /** `true` goes round the cache. Sync or async. */
  unless: about('`true` goes round the cache. Sync or async.', fn<RequestPredicate>({ takes: 'a function (request) => boolean' })),
  /** `true` skips the read; the reply is stored. Sync or async. */
  forcedUpdate: about('`true` skips the read; the reply is stored. Sync or async.', fn<RequestPredicate>({ takes: 'a function (request) => boolean' })),
  /** Asked on a hit; `true` runs the handler. Sync or async. */
  isStale: about('Asked on a hit; `true` runs the handler. Sync or async.', fn<StaleFunction>({ takes: 'a function (stored, request) => boolean' })),
  /** `false`: the reply is not stored. Sync or async. */
  responseFilter: about('`false`: the reply is not stored. Sync or async.', fn<ResponseFilter>({ takes: 'a function (request, reply, body) => boolean' })),
  /** Tags of the stored reply: a list, or a function of the request and the reply. */
  tags: about('Tags of the stored reply: a list, or a function of the request and the reply.', Type.Union([list<string>(Type.String()), fn<TagsFunction>()], { takes: 'a list of strings or a function (request, reply) => string[]' })),
  /** A reply is stored from this many misses of its key on. Default 1. */
  minUses: about('A reply is stored from this many misses of its key on. Default 1.', whole(1, { takes: 'a whole number, 1 or more' })),
  /** Most variants under one key; past it the least recently used goes. Default 32. */
  maxVariants: about('Most variants under one key; past it the least recently used goes. Default 32.', whole(1, { takes: 'a whole number, 1 or more' })),
  /** Lifetimes are shortened at random by up to this share, 0 to 0.5. Default 0. */
  jitter: about('Lifetimes are shortened at random by up to this share, 0 to 0.5. Default 0.', Type.Number({ minimum: 0, maximum: 0.5, takes: 'a number from 0 to 0.5' })),
  /** Past this share of its lifetime, 0 to 1, a hit starts one background refresh; 0 = off. Default 0. */
  eagerRefresh: about('Past this share of its lifetime, 0 to 1, a hit starts one background refresh; 0 = off. Default 0.', Type.Number({ minimum: 0, maximum: 1, takes: 'a number from 0 to 1' })),
  /** Seconds past its lifetime in which an entry is served while one background run refreshes it. Default 0. */
  staleWhileRevalidate: about('Seconds past its lifetime in which an entry is served while one background run refreshes it. Default 0.', seconds({ takes: 'seconds, 0 or more' })),
  /** Seconds past its lifetime in which an entry replaces a handler that throws, times out or answers 5xx. Default 0. */
  staleIfError: about('Seconds past its lifetime in which an entry replaces a handler that throws, times out or answers 5xx. Default 0.', seconds({ takes: 'seconds, 0 or more' })),
  /** Inside the `staleIfError` window: seconds to wait for the handler before the stale entry is served; the run goes on. */
  softTimeout: about('Inside the `staleIfError` window: seconds to wait for the handler before the stale entry is served; the run goes on.', seconds({ takes: 'seconds, 0 or more' })),
  /** Concurrent misses of a key run the handler once; `timeout` bounds the wait, in seconds. Default `{ timeout: 5 }`. */
  coalesce: about('Concurrent misses of a key run the handler once; `timeout` bounds the wait, in seconds. Default `{ timeout: 5 }`.', Type.Union([Type.Boolean(), wait()], { takes: 'true, false or { timeout: seconds }' })),
  /** One process fills a key, the others wait for its entry; `timeout` bounds the wait, in seconds (`true`: 5). Default `false`. */
  lock: about('One process fills a key, the others wait for its entry; `timeout` bounds the wait, in seconds (`true`: 5). Default `false`.', Type.Union([Type.Boolean(), wait()], { takes: 'true, false or { timeout: seconds }' })),
  /** Stored bodies are compressed once per encoding: `true` for all that this Node has, or a list of `br`, `gzip`, `zstd`. Default `false`. */
  compress: about('Stored bodies are compressed once per encoding: `true` for all that this Node has, or a list of `br`, `gzip`, `zstd`. Default `false`.', Type.Union([Type.Boolean(), list<'br' | 'gzip' | 'zstd'>(oneOf(['br', 'gzip', 'zstd']))], { takes: "true, false or a list of 'br', 'gzip', 'zstd'" })),
  /** The `Cache-Control` sent to clients: a string, or `true` for `public, max-age=` what is left. */
  cacheControl: about('The `Cache-Control` sent to clients: a string, or `true` for `public, max-age=` what is left.', Type.Union([Type.Boolean(), Type.String()], { takes: 'a header value or true' })),
  /** The `no-cache`, `no-store`, `max-age`, `min-fresh` and `max-stale` of the request hold. Default `false`. */
  requestDirectives: about('The `no-cache`, `no-store`, `max-age`, `min-fresh` and `max-stale` of the request hold. Default `false`.', Type.Boolean({ takes: 'true or false' })),
  /** Where the look-up runs: the earliest safe place (`auto`), or after every `preHandler`. Default `auto`. */
  hook: about('Where the look-up runs: the earliest safe place (`auto`), or after every `preHandler`. Default `auto`.', oneOf(['auto', 'preHandler'])),
  /** A weak `ETag` is made from the body where the handler set none. Default `true`. */
  etag: about('A weak `ETag` is made from the body where the handler set none. Default `true`.', Type.Boolean({ takes: 'true or false' })),
  /** A reply with a larger body is served but not stored. Default `CACHE_MAX_ENTRY_BYTES`. */
  maxEntryBytes: about('A reply with a larger body is served but not stored. Default `CACHE_MAX_ENTRY_BYTES`.', whole(0, { takes: 'a whole number of bytes, 0 or more' }))
}), { additionalProperties: false, title: 'Options of a cached route' })
