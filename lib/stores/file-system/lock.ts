import { link, unlink, writeFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { errors } from '../../errors.ts'
import { notAnOutage } from '../outage.ts'
import { isDead, readClaim, type Owner } from './owner.ts'
import { hasCode } from './places.ts'

/*
 * A lock between processes that a killed owner cannot hold for ever.
 *
 * Lock 0 is taken by linking one's own owner file to `….lock0`: the system lets one process do that, and who holds it
 * can be read from it at any moment. Where lock 0 belongs to a dead process, it is not removed: two that saw it dead
 * could remove it one after the other, the second one a lock that somebody holds by then. Lock 1 is taken instead, by
 * the same means, and so on. Who got lock n holds the key if all the locks below are still the dead ones that it saw.
 * To release, the dead are removed first and one's own last: until then nobody can get past one's own, and a
 * newcomer that takes the freed lock 0 while a late one takes lock n is found by the late one's second look.
 */

const DEEPEST = 100
/** Shorter than one operation may take by default: one entry's lock says nothing of the others. */
const LONGEST_WAIT = 400
/** Past this an owner that is alive may have been taken for dead by another machine. */
const DOUBTFUL = 15_000

export interface Lock { release (): Promise<void> }

/**
 * Waits for the lock.
 * @throws FST_CACHE_ERR_BACKEND after 400 ms
 */
export async function acquire (base: string, owner: Owner): Promise<Lock> {
  const start = performance.now()
  for (let pause = 1; ; pause = Math.min(pause * 2, 16)) {
    const lock = await tryAcquire(base, owner)
    if (lock !== undefined) return lock
    if (performance.now() - start > LONGEST_WAIT) throw notAnOutage(new errors.FST_CACHE_ERR_BACKEND(`${base}0 is locked by a process that does not let go of it`))
    await sleep(Math.random() * pause) // not unref'ed: like a file operation, the wait is work that somebody asked for, and it ends
  }
}

/** `undefined`: somebody else holds it. */
export async function tryAcquire (base: string, owner: Owner): Promise<Lock | undefined> {
  const dead: string[] = []
  for (let level = 0; level < DEEPEST; level++) {
    const path = base + level
    if (await claim(path, owner)) {
      const lock = held(base, level, owner)
      if (await areStill(base, dead)) return lock
      await remove(path)
      return undefined
    }
    const other = await readClaim(path)
    if (other === undefined || !(await isDead(other))) return undefined
    dead.push(other.text)
  }
  return undefined
}

/** A link appears with its content; where a file system has no links, a new file has to do. */
async function claim (path: string, owner: Owner): Promise<boolean> {
  try {
    await link(owner.file, path)
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    if (!hasCode(error, 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK')) throw error
  }
  try {
    await writeFile(path, owner.identity, { flag: 'wx', mode: 0o600 })
    return true
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false
    throw error
  }
}

async function areStill (base: string, dead: readonly string[]): Promise<boolean> {
  for (const [level, text] of dead.entries()) {
    if ((await readClaim(base + level))?.text !== text) return false
  }
  return true
}

function held (base: string, level: number, owner: Owner): Lock {
  const since = performance.now()
  return {
    async release () {
      const own = base + level
      if (performance.now() - since > DOUBTFUL && (await readClaim(own))?.text !== owner.identity) return
      for (let below = 0; below < level; below++) await remove(base + below)
      await remove(own)
    }
  }
}

async function remove (path: string): Promise<void> {
  try {
    await unlink(path)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
}
