import { createHash } from 'node:crypto'
import { mkdir, readdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { limiter } from './turns.ts'

/*
 * DIR/ab/cdef….entry     an entry: the hash of its key, sharded by its first two digits
 * DIR/ab/cdef….lock0     its lock (lock1 … where an owner died, see lock.ts)
 * DIR/.processes/TOKEN/  one per process: who it is, and its unfinished files
 * Whatever has another name is foreign, and is neither read nor removed.
 */
const FOLDERS_AT_ONCE = 16
const SHARD = /^[0-9a-f]{2}$/
const FILE = /^([0-9a-f]{14,})\.(?:(entry)|lock\d+)$/

export interface Place {
  readonly shard: string
  /** Path of the entry. */
  readonly entry: string
  /** Path of its locks, without their number. */
  readonly lock: string
}

export function placeOf (dir: string, hash: string, key: string): Place {
  return place(dir, createHash(hash).update(key, 'utf16le').digest('hex'))
}

function place (dir: string, digest: string): Place {
  const shard = join(dir, digest.slice(0, 2))
  const base = join(shard, digest.slice(2))
  return { shard, entry: `${base}.entry`, lock: `${base}.lock` }
}

export function processesFolder (dir: string): string {
  return join(dir, '.processes')
}

export interface Listing {
  readonly entries: Place[]
  /** What is locked, or was when its owner died. */
  readonly locked: Place[]
}

/** Every entry and lock in the directory, by their names alone. */
export async function listPlaces (dir: string): Promise<Listing> {
  const entries: Place[] = []
  const locked: Place[] = []
  const limit = limiter(FOLDERS_AT_ONCE)
  const shards = (await names(dir)).filter((name) => SHARD.test(name))
  await Promise.all(shards.map(async (shard) => {
    for (const name of await limit(() => names(join(dir, shard)))) {
      const [, rest, isEntry] = FILE.exec(name) ?? []
      if (rest !== undefined) (isEntry === undefined ? locked : entries).push(place(dir, shard + rest))
    }
  }))
  return { entries, locked }
}

/** Of a folder; none where there is no such folder, or no folder at all under this name. */
export async function names (folder: string): Promise<string[]> {
  try {
    return await readdir(folder)
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return []
    throw error
  }
}

/**
 * A folder and those above it. Not by `mkdir`'s own `recursive`: where a folder is there and takes no new ones, as in
 * /proc, Node.js 20 tries for ever, on a thread that nothing can stop.
 */
export async function makeFolder (path: string, mode: number): Promise<void> {
  try {
    await makeOne(path, mode)
  } catch (error) {
    const parent = dirname(path)
    if (!hasCode(error, 'ENOENT') || parent === path) throw error
    await makeFolder(parent, mode)
    await makeOne(path, mode)
  }
}

async function makeOne (path: string, mode: number): Promise<void> {
  try {
    await mkdir(path, mode)
  } catch (error) {
    if (!hasCode(error, 'EEXIST') || !(await stat(path)).isDirectory()) throw error
  }
}

export function hasCode (error: unknown, ...codes: string[]): boolean {
  return codes.includes((error as NodeJS.ErrnoException | undefined)?.code ?? '')
}
