// What is aimed at, and whether a run reached it: medians of the rounds' own ratios, beside what the same contender
// measured against itself.
import { median } from './lib/statistics.mjs'

/**
 * `of` and `against`: contenders of `group`; `field`: of their rounds (CPU time unless named); `control`: the
 * reference of the group once more. `measure`: where a ratio of two is not all.
 */
export const targets = [
  { name: 'SimpleCache hit against a ready Buffer', group: 'memory', of: 'simple', against: 'ceiling', control: 'control', most: 1.05 },
  { name: 'SimpleCache hit against fastify-lcache', group: 'memory', of: 'simple', against: 'lcache', control: 'control', most: 0.85 },
  { name: 'SimpleCache hit against NestJS CacheInterceptor', group: 'memory', of: 'simple', against: 'nest', control: 'control', most: 1 },
  { name: 'SimpleCache hit against h3 with ocache', group: 'memory', of: 'simple', against: 'ocache', control: 'control', most: 1 },
  { name: 'SimpleCache hit against Express with apicache', group: 'memory', of: 'simple', against: 'apicache', control: 'control', most: 1 },
  { name: 'a route without config.cache against Fastify without the plugin', group: 'bystander', of: 'registered', against: 'plain', control: 'plain-control', most: 1.01 },
  { name: 'a stored miss, no ETag, against no cache', group: 'miss', of: 'miss', against: 'no-cache', control: 'no-cache-control', most: 1.15 },
  { name: 'a stored miss, with ETag, against no cache', group: 'miss', of: 'miss-etag', against: 'no-cache', control: 'no-cache-control', most: 1.20 },
  { name: 'RedisCache, one hot key, against getBuffer', group: 'redis-hot', of: 'redis-hot-key', against: 'getbuffer-hot-key', control: 'getbuffer-control-hot-key', most: 0.70 },
  { name: 'RedisCache, 1,000 keys, against getBuffer', group: 'redis-1000', of: 'redis-1000-keys', against: 'getbuffer-1000-keys', control: 'getbuffer-control-1000-keys', most: 1.05 },
  { name: 'RedisCache, 1,000 keys: p50', group: 'redis-1000', of: 'redis-1000-keys', against: 'getbuffer-1000-keys', control: 'getbuffer-control-1000-keys', field: 'p50', below: 1 },
  { name: "RedisCache, 1,000 keys: Redis's own CPU", group: 'redis-1000', of: 'redis-1000-keys', against: 'getbuffer-1000-keys', control: 'getbuffer-control-1000-keys', field: 'redisCpu', most: 0.5 },
  { name: 'CACHE_LOCAL against SimpleCache', group: 'local-tier', of: 'local', against: 'local-reference', control: 'local-control', most: 1.05 },
  { name: 'nobody listens against a build without events', group: 'observed', of: 'unheard', against: 'unpublished', control: 'unpublished-control', most: 1.01 },
  { name: 'memoize, string argument and result, against a Map with a JSON key', group: 'function-string', of: 'memoize', against: 'map', control: 'map-control', most: 1 },
  { name: 'memoize, object result, against the best library that isolates values too', group: 'function-string-object', measure: againstIsolating, control: 'map-control', most: 1 },
  { name: 'memoize, object argument, against a Map with a JSON key', group: 'function-object', of: 'memoize', against: 'map', control: 'map-control', most: 1.9 },
  { name: 'cache.get at 1,000 entries against a bare Map', group: 'get-cost', of: 'get-1000', against: 'map-1000', control: 'map-control-1000', most: 2.5 },
  { name: "cache.get, 1,000,000 entries over 1,000, against the Map's own growth", group: 'get-cost', measure: growthAgainstMap, control: 'map-control-1000', most: 1 },
  { name: 'FileSystemCache set, 100,000 entries over 1,000', group: 'file-set', of: 'file-set-100000', against: 'file-set-1000', control: 'file-set-control-1000', most: 1.5 },
  { name: 'bytes of a value over key and payload', group: 'memory-cost', measure: bytesOf('value-bytes'), most: 250 },
  { name: 'bytes of a stored reply over key, body and header text', group: 'memory-cost', measure: bytesOf('reply-bytes'), most: 500 },
  { name: 'runs of the handler for 1,000 concurrent cold requests', group: 'stampede', measure: runsOf('crowd-cached'), most: 1 },
  { name: '1,000 concurrent cold requests: p99 against uncached ones', group: 'stampede', of: 'crowd-cached', against: 'crowd-uncached', control: 'crowd-control', most: 1 }
]

const values = (row, field = 'cpu') => row?.fault === undefined ? row?.rounds.map((round) => typeof round === 'number' ? round : round[field]) ?? [] : []

function ratio (of, against, field) {
  const reference = values(against, field)
  return median(values(of, field).flatMap((value, round) => reference[round] > 0 ? [value / reference[round]] : []))
}

function againstIsolating (row, rows) {
  const others = rows.filter(({ isolates, name, fault }) => isolates && name !== 'memoize' && fault === undefined)
  return Math.max(...others.map((other) => ratio(row('memoize'), other)))
}

function growthAgainstMap (row) {
  return ratio(row('get-1000000'), row('get-1000')) / ratio(row('map-1000000'), row('map-1000'))
}

function bytesOf (name) {
  return (row) => median(values(row(name)))
}

function runsOf (name) {
  return (row) => Math.max(...row(name)?.runs ?? [NaN])
}

/** Those of the targets that a run can tell: `{ name, limit, measured, control, met }`. */
export function judge (groups) {
  return targets.flatMap(({ name, group, of, against, control, field, measure, most, below }) => {
    const rows = groups.find((one) => one.name === group)?.rows
    if (rows === undefined) return []
    const row = (wanted) => rows.find((one) => one.name === wanted)
    const measured = measure === undefined ? ratio(row(of), row(against), field) : measure(row, rows)
    if (!Number.isFinite(measured)) return []
    return [{
      name,
      limit: `${below === undefined ? '≤' : '<'} ${below ?? most}`,
      measured,
      control: control === undefined ? null : ratio(row(control), rows[0], field),
      met: below === undefined ? measured <= most : measured < below
    }]
  })
}
