import type { ClusterOptions, Command, RedisOptions } from 'ioredis'

export type Argument = string | Buffer | number

/** A command and its arguments; the name in upper case (see `commandOf`). */
export type Call = readonly [name: string, ...args: Argument[]]

/**
 * The part of an ioredis `Redis` or `Cluster` that is used here, whichever of the two it is and whoever made it.
 */
export interface Client {
  readonly status: string
  readonly isCluster: boolean
  readonly options: ClientOptions
  /** The socket of a `Redis`. */
  readonly stream?: { readonly writable?: boolean, readonly remoteAddress?: string, readonly remotePort?: number, destroy? (): void }
  /** Of a `Redis`: `normal`, `subscriber` or `monitor`. */
  readonly mode?: string
  /** Of a `Cluster`: the nodes that serve each slot, the master first. */
  readonly slots?: ReadonlyArray<readonly string[] | undefined>
  refreshSlotsCache? (): void
  nodes? (role?: 'master' | 'slave' | 'all'): Client[]
  sendCommand (command: Command): unknown
  pipeline (): Pipeline
  connect (): Promise<void>
  disconnect (reconnect?: boolean): void
  quit (): Promise<unknown>
  on (event: string, listener: (...args: never[]) => void): unknown
  once (event: string, listener: (...args: never[]) => void): unknown
  /** Of a `Redis`: another one, not connected, to the same place. */
  duplicate? (options: RedisOptions): Subscriber
  off (event: string, listener: (...args: never[]) => void): unknown
}

/** A connection of its own for messages. */
export interface Subscriber extends Client {
  call (name: string, ...args: Argument[]): Promise<unknown>
  subscribe (channel: string): Promise<unknown>
  ping (): Promise<unknown>
}

export interface Pipeline {
  sendCommand (command: Command): unknown
  exec (): Promise<Array<[error: Error | null, result: unknown]> | null>
}

export interface ClientOptions {
  readonly host?: string
  readonly port?: number
  readonly keyPrefix?: string | Buffer
  readonly scaleReads?: unknown
  readonly enableOfflineQueue?: boolean
}

export type CommandClass = new (name: string, args: Argument[], options: { replyEncoding: null }) => Command & { promise: Promise<unknown> }

/** What is used of the ioredis package; its own constructors are typed by the options that they are given. */
export interface Ioredis {
  readonly Redis: new (options: RedisOptions) => Client & { subscribe (channel: string): Promise<unknown> }
  readonly Cluster: new (nodes: ReadonlyArray<{ host: string, port: number }>, options: ClusterOptions) => Client
  readonly Command: CommandClass
  readonly SentinelConnector: new (options: RedisOptions) => { connectToSentinel (endpoint: object, options?: object): unknown }
}

/** A connection to one server or to a cluster, as the store sees it. Replies are bytes, numbers and arrays of them. */
export interface Link {
  /** What the client puts before every key; it is put there by `Link`'s user, once. */
  readonly keyPrefix: string | Buffer
  /** Keys of one group can go in one command: a cluster's slot, 0 on one server. */
  group (key: string | Buffer): number
  /** Rejects at once while there is no connection. */
  send (call: Call): Promise<unknown>
  /** Several commands in one go; an error stands in its command's place. */
  sendAll (calls: readonly Call[]): Promise<unknown[]>
  /** One sender for each server that holds keys; throws when one of them cannot be reached. */
  masters (): Array<(call: Call) => Promise<unknown>>
  /** Is every server that holds keys there? */
  ping (): Promise<void>
  close (): Promise<void>
}
