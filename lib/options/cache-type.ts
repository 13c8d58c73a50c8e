import { Fault, show } from './fault.ts'
import { nearest } from './nearest.ts'

/** The backends that are built in. */
export const CACHE_TYPES = [
  'NullCache', 'SimpleCache', 'FileSystemCache',
  'RedisCache', 'RedisSentinelCache', 'RedisClusterCache',
  'MemcachedCache', 'SASLMemcachedCache', 'SpreadSASLMemcachedCache'
] as const

export type CacheType = typeof CACHE_TYPES[number]

export const REDIS_TYPES = ['RedisCache', 'RedisSentinelCache', 'RedisClusterCache'] as const
export const SASL_TYPES = ['SASLMemcachedCache', 'SpreadSASLMemcachedCache'] as const
export const MEMCACHED_TYPES = ['MemcachedCache', ...SASL_TYPES] as const
/** Where `CACHE_LOCAL` makes sense: outside the process, or an application's own store. */
export const REMOTE_TYPES = [...REDIS_TYPES, ...MEMCACHED_TYPES, 'custom'] as const

const RETIRED: ReadonlyMap<string, CacheType> = new Map<string, CacheType>(
  CACHE_TYPES.map(type => [type.toLowerCase().replace(/cache$/, ''), type])
)

export function checkTypeName (name: string): CacheType {
  const type = CACHE_TYPES.find(known => known === name)
  if (type !== undefined) return type
  const last = name.slice(name.lastIndexOf('.') + 1)
  const today = CACHE_TYPES.find(known => known === last) ?? RETIRED.get(last.toLowerCase())
  if (today !== undefined) throw new Fault(`${show(name)} is a retired name: today it is '${today}'`)
  const guess = nearest(name, CACHE_TYPES)
  const hint = guess === undefined ? '' : `; did you mean '${guess}'?`
  const dotted = name.includes('.') ? '; a path is not imported: pass the store itself or a function that makes it' : ''
  throw new Fault(`takes ${CACHE_TYPES.join(', ')}, a Store, or a function that makes one; got ${show(name)}${hint}${dotted}`)
}
