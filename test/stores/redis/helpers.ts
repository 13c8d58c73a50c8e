import type { GuardLog } from '../../../lib/stores/guarded.ts'
import { redisStore } from '../../../lib/stores/redis.ts'
import type { RedisStore, RedisStoreSettings } from '../../../lib/stores/redis.ts'

export interface Lines extends GuardLog { readonly lines: string[] }

/** A log that keeps its lines: `warn: message {data}`. */
export function lines (): Lines {
  const kept: string[] = []
  const line = (level: string) => (data: object, message: string) => { kept.push(`${level}: ${message} ${JSON.stringify(data)}`) }
  return { lines: kept, warn: line('warn'), info: line('info'), error: line('error') }
}

/**
 * A store under test; the settings that a test does not care about filled in. Its deadline is one that a machine which
 * stands still for seconds keeps: where a server is frozen or gone, a test gives its own.
 */
export function open (settings: Partial<RedisStoreSettings>): Promise<RedisStore> {
  return redisStore({ kind: 'plain', operationTimeout: 10_000, log: lines(), host: '127.0.0.1', ...settings })
}

export const bytes = (text: string) => Buffer.from(text)

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
