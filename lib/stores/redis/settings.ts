import type { GuardLog } from '../guarded.ts'

/** What the three Redis types take. Times are milliseconds. */
export interface RedisStoreSettings {
  readonly kind: 'plain' | 'sentinel' | 'cluster'
  /** A host name, or an ioredis client (or Cluster) of the application, which is used and never closed. Default `localhost`. */
  readonly host?: string | object | undefined
  /** Default 6379. */
  readonly port?: number | undefined
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** Default 0. */
  readonly db?: number | undefined
  /** `redis://`, `rediss://` or `unix://`; wins over the parts. */
  readonly url?: string | undefined
  readonly sentinels?: ReadonlyArray<readonly [host: string, port: number]> | undefined
  /** Default `mymaster`. */
  readonly sentinelMaster?: string | undefined
  readonly sentinelPassword?: string | undefined
  readonly cluster?: ReadonlyArray<readonly [host: string, port: number]> | undefined
  /** Handed to ioredis; wins over what this plugin sets. */
  readonly options?: Readonly<Record<string, unknown>> | undefined
  /** `CACHE_OPERATION_TIMEOUT`; 0 = no bound. */
  readonly operationTimeout: number
  /** `CACHE_KEY_PREFIX`: the start-up check then also sees whether the user may touch keys that begin so. */
  readonly prefix?: string | undefined
  readonly log: GuardLog
}
