import { peek, removeFile, traces, type Traces } from './files.ts'
import { tryAcquire } from './lock.ts'
import { sweepOwners, type Owner } from './owner.ts'
import { listPlaces, type Place } from './places.ts'
import { limiter } from './turns.ts'

/*
 * The threshold, without looking at the directory on every write. A census lists the names and grants this process
 * a share of the room that is left: so many new entries until it must look again. With one process the threshold
 * is never passed by more than the writes that are under way; with n, by n entries more. A census that finds too many
 * evicts 5 % below the threshold: expired entries first, then what this process has not used since the last eviction, in
 * the order of writing, then the rest in the order of use. What every look-up reads (the cache's own version, a tag's)
 * is written once: by the order of writing alone it would be the first to go, and all that depends on it be a miss.
 *
 * Cost, amortised: a listing (at most 256 folders), and a `stat` of each entry when it evicts, once in 5 % of the threshold's new entries: 20 names
 * and 20 `stat` a new entry, whatever the threshold, times the number of processes. Replacing costs nothing.
 */
const SLACK = 0.05
const AT_ONCE = 16
/** Of a writer, ms: half of what an operation may take before it counts as failed. */
const PATIENCE = 250

export interface Census {
  /** A new entry was written. Resolves when the threshold holds again, or after 250 ms, with the census going on. */
  added (): Promise<void>
  /** Resolves when none is under way. */
  idle (): Promise<void>
}

interface CensusOptions {
  readonly dir: string
  readonly threshold: number
  readonly owner: Owner
  readonly now: () => number
  readonly failed: (error: unknown) => void
  /** Paths of the entries that this process has read or written, in that order, since the last eviction, which empties it. */
  readonly used: Set<string>
}

export function census (options: CensusOptions): Census {
  const { threshold, failed } = options
  let room = 0
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined

  async function run (): Promise<void> {
    try {
      const { entries, processes } = await count(options)
      room = Math.floor((threshold - entries) / Math.max(1, processes))
    } catch (error) {
      failed(error)
    }
  }

  /** One that begins after this moment: what was written by now is in it. */
  function request (): Promise<void> {
    if (running === undefined) {
      running = run().finally(() => { running = undefined })
      return running
    }
    next ??= running.then(() => {
      next = undefined
      return request()
    })
    return next
  }

  return {
    async added () {
      if (threshold === 0 || --room > 0) return
      await Promise.race([request(), patience(PATIENCE)])
    },
    async idle () {
      await (next ?? running)
    }
  }
}

function patience (ms: number): Promise<void> {
  return new Promise((resolve) => { setTimeout(resolve, ms).unref() })
}

async function count (options: CensusOptions): Promise<{ entries: number, processes: number }> {
  const { dir, threshold } = options
  const processes = await sweepOwners(dir)
  const { entries, locked } = await listPlaces(dir)
  for (const place of locked) await freeDeadLock(place, options.owner)
  if (entries.length <= threshold) return { entries: entries.length, processes }
  const surplus = entries.length - threshold + Math.floor(threshold * SLACK)
  const evicted = await evict(entries, surplus, options)
  return { entries: entries.length - evicted, processes }
}

async function freeDeadLock (place: Place, owner: Owner): Promise<void> {
  const lock = await tryAcquire(place.lock, owner)
  await lock?.release()
}

type Candidate = Place & Traces & { readonly expired: boolean }

async function evict (entries: readonly Place[], surplus: number, options: CensusOptions): Promise<number> {
  const uses = new Map([...options.used].map((path, order) => [path, order]))
  const useOf = ({ entry }: Candidate): number => uses.get(entry) ?? -1
  const limit = limiter(AT_ONCE)
  const found = await Promise.all(entries.map(async (place): Promise<Candidate | undefined> => limit(async () => {
    const { entry } = place
    const seen = await traces(entry)
    if (seen === undefined) return undefined
    return { ...place, ...seen, expired: seen.ends <= options.now() && ((await peek(entry))?.expires ?? 0) <= options.now() }
  })))
  const candidates = found.filter((candidate) => candidate !== undefined)
  const gone = entries.length - candidates.length
  candidates.sort((a, b) => Number(b.expired) - Number(a.expired) || useOf(a) - useOf(b) || a.written - b.written)
  options.used.clear()
  const removed = await Promise.all(candidates.slice(0, Math.max(0, surplus - gone)).map(async (candidate) => limit(() => evictOne(candidate, options.owner))))
  return gone + removed.filter(Boolean).length
}

/** Under its lock, and only if nobody has written it since: else what goes would be the newest. */
async function evictOne (candidate: Candidate, owner: Owner): Promise<boolean> {
  const lock = await tryAcquire(candidate.lock, owner)
  if (lock === undefined) return false
  try {
    const seen = await traces(candidate.entry)
    if (seen !== undefined && seen.written !== candidate.written) return false
    await removeFile(candidate.entry)
    return true
  } finally {
    await lock.release()
  }
}
