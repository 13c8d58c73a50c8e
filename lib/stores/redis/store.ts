import { errors } from '../../errors.ts'
import type { GuardHints, GuardLog } from '../guarded.ts'
import type { Gathering, Store } from '../store.ts'
import { Batch } from './batch.ts'
import { backendError, isNotANumber, isOutOfMemory, refusesWrites } from './faults.ts'
import { wireKey } from './keys.ts'
import type { Call, Link } from './link.ts'
import { removeByPrefix } from './scan.ts'
import { DELETE_IF, INCREMENT, REPLACE_IF, TOUCH, runScript } from './scripts.ts'

/** `proto-max-bulk-len`: a server drops the connection of a client that sends more. */
const LARGEST_VALUE = 512 * 1024 * 1024

/** Redis adds it to the time of day; far from where that would overflow, and exact as a double. */
const LONGEST_LIFE = 2 ** 52

type Promised<T> = { [K in keyof T]: T[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : T[K] }

/** Every capability, and every answer a promise. */
export type RedisStore = Promised<Required<Store<Buffer>>> & Required<Omit<GuardHints, 'spread'>> & Gathering

/** A store of bytes over a link, whatever stands behind it. Rejects with errors of this plugin only. */
export function storeOver (link: Link, { log, bound }: { log: Pick<GuardLog, 'warn'>, bound: number }): RedisStore {
  const { keyPrefix } = link
  const wire = typeof keyPrefix === 'string'
    ? (key: string) => wireKey(keyPrefix + key)
    : (key: string) => Buffer.concat([keyPrefix, Buffer.from(wireKey(key) as string)])
  const batch = new Batch(link, wire)
  const complain = onceEach(log)

  async function command (call: Call): Promise<unknown> {
    try {
      return await link.send(call)
    } catch (error) {
      throw fault(error)
    }
  }

  async function scripted (...run: Parameters<typeof runScript> extends [Link, ...infer Rest] ? Rest : never): Promise<unknown> {
    try {
      return await runScript(link, ...run)
    } catch (error) {
      throw fault(error)
    }
  }

  function fault (error: unknown): Error {
    if (isOutOfMemory(error) || refusesWrites(error)) complain(error as Error)
    return backendError(error)
  }

  /** A value that was refused must not leave its predecessor behind; removing needs no memory. */
  async function removeRefused (key: string): Promise<false> {
    await command(['UNLINK', wire(key)])
    return false
  }

  async function set (key: string, value: Buffer, ttl?: number): Promise<boolean> {
    if (value.length > LARGEST_VALUE) return await removeRefused(key)
    try {
      await link.send(['SET', wire(key), value, ...lifetime(ttl)])
      return true
    } catch (error) {
      const own = fault(error)
      if (isOutOfMemory(error)) return await removeRefused(key)
      throw own
    }
  }

  async function setMany (entries: ReadonlyArray<readonly [string, Buffer]>, ttl?: number): Promise<boolean[]> {
    const sent = entries.filter(([, value]) => value.length <= LARGEST_VALUE)
    const replies = await all(sent.map(([key, value]): Call => ['SET', wire(key), value, ...lifetime(ttl)]))
    const failed = replies.find((reply) => reply instanceof Error && !isOutOfMemory(reply))
    if (failed !== undefined) throw fault(failed)
    const stored = new Map(sent.map(([key], i) => [key, !(replies[i] instanceof Error)]))
    const full = replies.find((reply) => reply instanceof Error)
    if (full !== undefined) fault(full)
    const refused = entries.filter(([key, value]) => value.length > LARGEST_VALUE || stored.get(key) !== true)
    if (refused.length > 0) await deleteMany(refused.map(([key]) => key))
    const gone = new Set(refused.map(([key]) => key))
    return entries.map(([key]) => !gone.has(key))
  }

  async function all (calls: readonly Call[]): Promise<unknown[]> {
    if (calls.length === 0) return []
    try {
      return await link.sendAll(calls)
    } catch (error) {
      throw fault(error)
    }
  }

  async function deleteMany (keys: readonly string[]): Promise<boolean[]> {
    const replies = await all(keys.map((key): Call => ['UNLINK', wire(key)]))
    const failed = replies.find((reply) => reply instanceof Error)
    if (failed !== undefined) {
      // Whoever deletes many has to know which of them are gone
      const deleted = keys.filter((_, i) => !(replies[i] instanceof Error) && Number(replies[i]) > 0)
      throw Object.assign(fault(failed), { deleted })
    }
    return replies.map((reply) => Number(reply) > 0)
  }

  async function increment (key: string, delta: number, ttl?: number): Promise<number> {
    try {
      const endless = ttl === undefined || ttl === Infinity
      const sum = endless
        ? await link.send(['INCRBY', wire(key), delta])
        : await runScript(link, INCREMENT, wire(key), delta, milliseconds(ttl))
      return Number(sum)
    } catch (error) {
      if (isNotANumber(error)) throw new errors.FST_CACHE_ERR_NOT_A_NUMBER(JSON.stringify(key))
      throw fault(error)
    }
  }

  async function deleteByPrefix (prefix: string): Promise<number> {
    try {
      return await removeByPrefix(link, wire(prefix), bound)
    } catch (error) {
      throw fault(error)
    }
  }

  const read = (error: unknown): never => { throw fault(error) }

  return {
    maxValueBytes: LARGEST_VALUE,
    selfBounded: new Set(['clear', 'deleteByPrefix']),
    get: (key) => batch.read(key).catch(read),
    getMany: (keys) => batch.readMany(keys).catch(read),
    flush: () => { batch.flush() },
    set,
    setMany,
    add: async (key, value, ttl) => {
      if (value.length > LARGEST_VALUE) throw new errors.FST_CACHE_ERR_VALUE(JSON.stringify(key), `longer than ${LARGEST_VALUE} bytes`)
      return await command(['SET', wire(key), value, 'NX', ...lifetime(ttl)]) !== null
    },
    has: async (key) => Number(await command(['EXISTS', wire(key)])) > 0,
    delete: async (key) => Number(await command(['UNLINK', wire(key)])) > 0,
    deleteMany,
    increment,
    deleteIf: async (key, value) => Number(await scripted(DELETE_IF, wire(key), value)) > 0,
    replaceIf: async (key, expected, value, ttl) => Number(await scripted(REPLACE_IF, wire(key), expected, value, lifetime(ttl)[1] ?? '')) > 0,
    touch: async (key, ttl) => Number(await scripted(TOUCH, wire(key), lifetime(ttl)[1] ?? '')) > 0,
    deleteByPrefix,
    clear: async (prefix) => {
      await deleteByPrefix(prefix)
      return true
    },
    ping: link.ping,
    close: async () => {
      batch.flush()
      await link.close()
    }
  }
}

function lifetime (ttl: number | undefined): [] | ['PX', number] {
  return ttl === undefined || ttl === Infinity ? [] : ['PX', milliseconds(ttl)]
}

/** Rounded up, since a lifetime of 0 is an error for Redis. */
function milliseconds (ttl: number): number {
  return Math.min(Math.max(1, Math.ceil(ttl)), LONGEST_LIFE)
}

/** "No room" and "no writes" go on for as long as nobody does something about them: each is said once a minute. */
function onceEach (log: Pick<GuardLog, 'warn'>): (error: Error) => void {
  const last = new Map<string, number>()
  return ({ message }) => {
    const kind = message.split(' ', 1)[0] as string
    const now = performance.now()
    if (now - (last.get(kind) ?? -Infinity) < 60_000) return
    last.set(kind, now)
    log.warn({ reason: message }, `fastify-cached: Redis refuses writes, nothing new is stored: ${message}`)
  }
}
