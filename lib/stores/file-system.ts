import { createHash } from 'node:crypto'
import { access } from 'node:fs/promises'
import { resolve } from 'node:path'
import { errors } from '../errors.ts'
import { readCount, writeCount } from './count.ts'
import { expiryOf } from './expiry.ts'
import { census } from './file-system/census.ts'
import { peek, readRecord, removeFile, writeRecord } from './file-system/files.ts'
import { acquire } from './file-system/lock.ts'
import { openOwner, sweepOwners } from './file-system/owner.ts'
import { hasCode, listPlaces, makeFolder, placeOf, type Place } from './file-system/places.ts'
import type { StoredRecord } from './file-system/record.ts'
import { limiter, turns } from './file-system/turns.ts'
import { notAnOutage } from './outage.ts'
import type { Store } from './store.ts'

export interface FileSystemStoreOptions {
  /** Made if missing. Other files in it are left alone. */
  readonly dir: string
  /** Most entries, for all processes together; 0 = no bound. Default 10,000. */
  readonly threshold?: number
  /** Of `crypto.getHashes()`: names of the files. Default sha256. */
  readonly hash?: string
  /** Of the files; folders get the matching right to enter. Default 0600. */
  readonly mode?: number
  /** Milliseconds since the epoch. */
  readonly now?: () => number
  /** Told when the directory had vanished and was made again, when it takes no writes, and when an eviction failed. */
  readonly log?: { warn (details: object, message: string): void }
}

type Later<F> = F extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never
type Methods = Required<Omit<Store<Buffer>, 'maxValueBytes'>>

/** Every method of a store, capabilities included; each answers with a promise. */
export type FileSystemStore = { [M in keyof Methods]: Later<Methods[M]> }

/** No space, no quota, no permission, a file system that became read-only. */
const NO_ROOM = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM'])
const QUIET = 60_000
/** Files open at a time; the rest of the process needs some too. */
const AT_ONCE = 32

/**
 * One file per entry, shared by any number of processes. Every change of an entry is made under its lock (see
 * file-system/lock.ts), readers take none.
 *
 * @throws FST_CACHE_ERR_DIRECTORY when the directory cannot be made or written to; later on operations reject with it
 */
export async function fileSystemStore (options: FileSystemStoreOptions): Promise<FileSystemStore> {
  const { hash = 'sha256', mode = 0o600, threshold = 10_000, now = Date.now, log } = options
  const dir = resolve(options.dir)
  const folderMode = mode | ((mode & 0o444) >> 2)
  checkHash(hash)
  const owner = await makeFolder(dir, folderMode).then(() => openOwner(dir, folderMode)).catch((error: unknown) => { throw failure(error) })
  const used = new Set<string>()
  const counted = census({ dir, threshold, owner, now, used, failed: (err) => log?.warn({ err }, `fastify-cached: the entries in ${dir} could not be counted`) })
  const limit = limiter(AT_ONCE)
  const turn = turns()
  let closed = false
  let said = -Infinity
  const starting = sweepOwners(dir).catch(() => 0)

  function failure (error: unknown): unknown {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('FST_')) return error
    return Object.assign(new errors.FST_CACHE_ERR_DIRECTORY(dir, error instanceof Error ? error.message : String(error)), { cause: error })
  }

  /** A directory that takes nothing new still answers reads: no outage, and said once a minute for as long as it lasts. */
  function unwritten (error: unknown): unknown {
    const { code = '', message = '' } = ((error as Error | undefined)?.cause ?? {}) as NodeJS.ErrnoException
    if (!NO_ROOM.has(code)) return error
    if (performance.now() - said > QUIET) {
      said = performance.now()
      log?.warn({ reason: code }, `fastify-cached: CACHE_DIR ${dir} takes no writes, nothing new is stored: ${message}`)
    }
    return notAnOutage(error as Error)
  }

  /** One operation on one key: in its turn, within the bound, with its errors named. */
  function run<T> (key: string, work: (place: Place) => Promise<T>): Promise<T> {
    if (closed) return Promise.reject(new errors.FST_CACHE_ERR_CLOSED())
    return turn.take(key, () => limit(() => work(placeOf(dir, hash, key)))).catch((error: unknown) => { throw failure(error) })
  }

  /** What somebody removed in service is made again. */
  async function rebuild (place: Place): Promise<void> {
    await makeFolder(place.shard, folderMode)
    if (await owner.ensure()) log?.warn({}, `fastify-cached: CACHE_DIR ${dir} had vanished and was made again`)
  }

  async function locked<T> (place: Place, work: () => Promise<T>): Promise<T> {
    const attempt = async (): Promise<T> => {
      const lock = await acquire(place.lock, owner)
      try {
        return await work()
      } finally {
        await lock.release()
      }
    }
    for (let tries = 0; ; tries++) {
      try {
        return await attempt()
      } catch (error) {
        if (!hasCode(error, 'ENOENT') || tries >= 3) throw error
        await rebuild(place)
      }
    }
  }

  async function read (key: string, place: Place): Promise<StoredRecord | undefined> {
    const record = await readRecord(place.entry, key)
    if (record === undefined || record.expires <= now()) return undefined
    use(place)
    return record
  }

  /** Keys that come and go without an eviction are forgotten at some point: this is a hint. */
  function use (place: Place): void {
    if (threshold === 0) return
    if (used.size >= 2 * threshold) used.clear()
    used.delete(place.entry)
    used.add(place.entry)
  }

  /** Under the lock. */
  async function write (key: string, place: Place, record: StoredRecord): Promise<{ added: boolean }> {
    const added = threshold > 0 && !(await exists(place.entry))
    await writeRecord(place.entry, owner.unfinished(), key, record, mode)
    use(place)
    return { added }
  }

  /** Changes an entry by what is there; `undefined`: leaves it. */
  function change<T> (key: string, decide: (found: StoredRecord | undefined) => { record: StoredRecord | undefined, answer: T }): Promise<T> {
    return run(key, (place) => locked(place, async () => {
      const { record, answer } = decide(await read(key, place))
      const added = record !== undefined && (await write(key, place, record)).added
      return { answer, added }
    })).catch((error: unknown) => { throw unwritten(error) }).then(async ({ answer, added }) => {
      if (added && !closed) await counted.added()
      return answer
    })
  }

  function remove (key: string, condition: (found: StoredRecord) => boolean = () => true): Promise<boolean> {
    return run(key, async (place) => {
      if (!(await exists(place.entry))) return false
      return locked(place, async () => {
        const found = await read(key, place)
        if (found !== undefined && !condition(found)) return false
        return await removeFile(place.entry) && found !== undefined
      })
    })
  }

  async function deleteByPrefix (prefix: string): Promise<number> {
    if (closed) throw new errors.FST_CACHE_ERR_CLOSED()
    try {
      const { entries } = await listPlaces(dir)
      const gone = await Promise.all(entries.map(async ({ entry }) => {
        const found = await limit(() => peek(entry))
        return found?.key.startsWith(prefix) === true && remove(found.key)
      }))
      return gone.filter(Boolean).length
    } catch (error) {
      throw failure(error)
    }
  }

  const ending = (ttl: number | undefined) => expiryOf(ttl, now())
  const get = (key: string) => run(key, (place) => read(key, place)).then((record) => record?.value)
  /** Writes where `condition` holds. The value is copied now: the caller has it back before it is written. */
  const setIf = (condition: (found: StoredRecord | undefined) => boolean, key: string, value: Buffer, ttl?: number) => {
    const own = Buffer.from(value)
    return change(key, (found) => condition(found) ? { record: { value: own, expires: ending(ttl) }, answer: true } : { record: undefined, answer: false })
  }
  const set = (key: string, value: Buffer, ttl?: number) => setIf(() => true, key, value, ttl)

  return {
    get,
    set,
    add: (key, value, ttl) => setIf((found) => found === undefined, key, value, ttl),
    delete: (key) => remove(key),
    increment: (key, delta, ttl) => change(key, (found) => {
      const start = found === undefined ? 0 : readCount(found.value)
      const sum = start === undefined ? NaN : start + delta
      if (!Number.isSafeInteger(sum)) throw new errors.FST_CACHE_ERR_NOT_A_NUMBER(key)
      return { record: { value: writeCount(sum), expires: found?.expires ?? ending(ttl) }, answer: sum }
    }),
    clear: async (prefix) => {
      await deleteByPrefix(prefix)
      return true
    },
    getMany: (keys) => Promise.all(keys.map(get)),
    setMany: (entries, ttl) => Promise.all(entries.map(([key, value]) => set(key, value, ttl))),
    deleteMany: (keys) => Promise.all(keys.map((key) => remove(key))),
    has: (key) => get(key).then((value) => value !== undefined),
    deleteByPrefix,
    deleteIf: (key, value) => remove(key, (found) => found.value.equals(value)),
    replaceIf: (key, expected, value, ttl) => setIf((found) => found?.value.equals(expected) === true, key, value, ttl),
    touch: (key, ttl) => change(key, (found) => {
      if (found === undefined) return { record: undefined, answer: false }
      const expires = Math.max(found.expires, ending(ttl))
      return { record: expires === found.expires ? undefined : { ...found, expires }, answer: true }
    }),
    async close () {
      closed = true
      await turn.idle()
      await counted.idle()
      await starting
      await owner.close()
    }
  }
}

async function exists (path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

function checkHash (hash: string): void {
  try {
    createHash(hash)
  } catch {
    throw new errors.FST_CACHE_ERR_OPTIONS(`CACHE_FILE_HASH_METHOD ${JSON.stringify(hash)} is not one of crypto.getHashes()`)
  }
}
