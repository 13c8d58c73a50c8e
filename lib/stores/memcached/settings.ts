import { errors } from '../../errors.ts'
import { parseAddresses } from './address.ts'
import type { Address } from './address.ts'
import { OVERHEAD } from './item.ts'
import type { Credentials } from './sasl.ts'

export interface MemcachedLog {
  warn (details: object, message: string): void
  info (details: object, message: string): void
}

export interface MemcachedStoreSettings {
  /** `spread`: as `sasl`, and values larger than an item are shared out over several. */
  readonly kind: 'plain' | 'sasl' | 'spread'
  /** `host:port`, `[v6]:port`, a host alone (port 11211) or the path of a unix socket. */
  readonly servers: readonly string[]
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Longest wait for one answer of one server, ms; 0 = no bound. */
  readonly operationTimeout: number
  /** What this cache's keys begin with, also on the server. */
  readonly prefix: string
  /**
   * `chunkSize` (bytes in one piece, 1,000,000) and `maxChunks` (most pieces, 64) for `spread`; `maxItemSize` (bytes; what
   * memcached was started with as `-I`, 1 MiB); `conntimeout` and `keepAliveDelay` (seconds), `keepAlive`, `logger` as
   * memjs has them.
   */
  readonly options: Readonly<Record<string, unknown>>
  readonly log: MemcachedLog
  /** Milliseconds since the epoch. Default `Date.now`. */
  readonly now?: (() => number) | undefined
}

export interface Plan {
  readonly addresses: readonly Address[]
  readonly credentials: Credentials | undefined
  readonly connectTimeout: number
  readonly keepAlive: number | undefined
  readonly spread: boolean
  /** The longest value that is one item. */
  readonly itemBytes: number
  /** The longest value. */
  readonly valueBytes: number
  readonly chunkSize: number
  readonly maxReply: number
  /** For `memjs.Client`. */
  readonly memjs: Record<string, unknown>
  /** Options of memjs that would make the cache wrong, and have no effect. */
  readonly pinned: readonly string[]
}

/** memcached's own fields in an item, with a key of 250 bytes. */
const ITEM_HEAD = 400
const CHUNK = 1_000_000
const OURS = new Set(['chunkSize', 'maxChunks', 'maxItemSize', 'conntimeout', 'keepAlive', 'keepAliveDelay'])
const PINNED = new Set(['retries', 'retry_delay', 'failover', 'failoverTime', 'expires', 'serializer', 'timeout', 'username', 'password'])

/** @throws FST_CACHE_ERR_OPTIONS */
export function plan (settings: MemcachedStoreSettings): Plan {
  const { options } = settings
  const spread = settings.kind === 'spread'
  const itemSize = wholeOption(options, 'maxItemSize', 1_048_576, 1024, 1_073_741_824)
  const itemBytes = itemSize - ITEM_HEAD - OVERHEAD
  const chunkSize = wholeOption(options, 'chunkSize', Math.min(CHUNK, itemBytes), 1, itemBytes)
  const maxChunks = wholeOption(options, 'maxChunks', 64, 1, 65_536)
  const keepAlive = options['keepAlive'] === true ? secondsOption(options, 'keepAliveDelay', 30) : undefined
  const names = Object.keys(options)
  return {
    addresses: parseAddresses(settings.servers),
    credentials: credentials(settings),
    connectTimeout: Math.max(1, secondsOption(options, 'conntimeout', 1)),
    keepAlive,
    spread,
    itemBytes: spread ? Math.min(itemBytes, chunkSize) : itemBytes,
    valueBytes: spread ? Math.min(chunkSize * maxChunks, 0xffff_ffff) : itemBytes,
    chunkSize,
    maxReply: itemSize + 65_536,
    memjs: Object.fromEntries(names.filter((name) => !OURS.has(name) && !PINNED.has(name)).map((name) => [name, options[name]])),
    pinned: names.filter((name) => PINNED.has(name) && options[name] !== undefined)
  }
}

function credentials (settings: MemcachedStoreSettings): Credentials | undefined {
  if (settings.kind === 'plain') return undefined
  const { username, password } = settings
  if (username === undefined || username === '' || password === undefined) {
    throw new errors.FST_CACHE_ERR_OPTIONS('a SASL memcached needs CACHE_MEMCACHED_USERNAME and CACHE_MEMCACHED_PASSWORD')
  }
  // NUL separates the parts of the SASL message (RFC 4616 §2).
  if (username.includes('\0') || password.includes('\0')) throw new errors.FST_CACHE_ERR_OPTIONS('CACHE_MEMCACHED_USERNAME and CACHE_MEMCACHED_PASSWORD cannot contain NUL')
  return { username, password }
}

function wholeOption (options: Readonly<Record<string, unknown>>, name: string, standard: number, least: number, most: number): number {
  const value = options[name] ?? standard
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  throw new errors.FST_CACHE_ERR_OPTIONS(`CACHE_OPTIONS.${name} must be a whole number from ${least} to ${most}; got ${String(value)}`)
}

/** @returns ms */
function secondsOption (options: Readonly<Record<string, unknown>>, name: string, standard: number): number {
  const value = options[name]
  if (value === undefined || value === null) return standard * 1000
  if (typeof value === 'number' && value > 0 && Number.isFinite(value)) return Math.min(value * 1000, 2 ** 31 - 1)
  throw new errors.FST_CACHE_ERR_OPTIONS(`CACHE_OPTIONS.${name} must be a number of seconds above 0; got ${String(value)}`)
}
