import { errors } from '../../errors.ts'
import { notAnOutage } from '../outage.ts'

/** Certificates and TLS versions that do not go together: waiting does not help. */
const TLS_FAULT = /^(ERR_SSL|ERR_TLS|EPROTO|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_|HOSTNAME_MISMATCH|INVALID_CA)/

/** A write that the server refuses while it answers reads. */
const NO_WRITES = /^(READONLY|MISCONF|NOREPLICAS)\b/

/**
 * What no waiting will mend, in words for the person who starts the application, or `undefined` for a fault that
 * may pass. Made from the error's message and code alone: the errors of ioredis also hold the command, and so the
 * password.
 */
export function refusal (error: unknown): string | undefined {
  const { message, code } = error as { message: string, code?: string }
  if (/WRONGPASS|invalid username-password pair|invalid password/i.test(message)) return 'the server refuses the credentials (WRONGPASS); check CACHE_REDIS_USERNAME and CACHE_REDIS_PASSWORD or the URL'
  if (/NOAUTH/.test(message)) return 'the server asks for a password (NOAUTH); set CACHE_REDIS_PASSWORD'
  if (/NOPERM/.test(message)) return `the user lacks a permission (${tidy(message)})`
  if (/DB index is out of range|invalid DB index/i.test(message)) return 'the server has no such database; check CACHE_REDIS_DB or the number in the URL'
  if (/SELECT is not allowed in cluster mode/.test(message)) return 'a cluster has only database 0; leave CACHE_REDIS_DB out'
  if (/cluster support disabled/i.test(message)) return 'the server is not part of a cluster; use CACHE_TYPE RedisCache, or name cluster nodes in CACHE_REDIS_CLUSTER'
  if (/Unknown RESP type/i.test(message)) return "what answers there does not speak Redis's protocol; check host and port, and rediss:// if it is a TLS port"
  if (/got an invalid reply: null|No such master with that name/.test(message)) return 'the sentinels know no master of that name; check CACHE_REDIS_SENTINEL_MASTER'
  if (/unknown command.*sentinel/i.test(message)) return 'what answers there is a Redis server but no sentinel; check CACHE_REDIS_SENTINELS'
  if (/^READONLY/.test(message)) return 'the server is a read-only replica; name its primary, or use RedisSentinelCache'
  if (/^MOVED |^ASK /.test(message)) return 'the server is part of a cluster; use CACHE_TYPE RedisClusterCache'
  if (TLS_FAULT.test(code ?? '')) return `TLS was refused (${code})`
  return undefined
}

/** The error that a store rejects with. */
export function backendError (error: unknown): Error {
  if (error instanceof Error && ((error as { code?: unknown }).code ?? '').toString().startsWith('FST_CACHE_ERR_')) return error
  const { message } = error as Error
  const own = new errors.FST_CACHE_ERR_BACKEND(messageOf(error))
  return NO_WRITES.test(message) || isOutOfMemory(error) ? notAnOutage(own) : own
}

export function refusesWrites (error: unknown): boolean {
  return NO_WRITES.test((error as Error).message)
}

export function isOutOfMemory (error: unknown): boolean {
  return /^OOM\b/.test((error as Error).message)
}

export function isNotANumber (error: unknown): boolean {
  return /not an integer|would overflow|WRONGTYPE/.test((error as Error).message)
}

export function isScriptMissing (error: unknown): boolean {
  return /^NOSCRIPT\b/.test((error as Error).message)
}

/** Never empty: several addresses of one name that fail together make an error with a code and no text. */
export function messageOf (error: unknown): string {
  const { message, code } = error as { message: string, code?: string }
  return tidy(message) || (code ?? 'no reason given')
}

/** Servers quote the arguments of a command that they do not know; arguments can be secrets. */
export function tidy (message: string): string {
  return message.replace(/,? with args beginning with.*/s, '').slice(0, 200)
}
