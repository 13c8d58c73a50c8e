import { randomUUID } from 'node:crypto'
import { readFile, readlink, rm, rmdir, stat, utimes, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { hasCode, makeFolder, names, processesFolder } from './places.ts'

/** One process at work in the directory (one store in it, to be exact). */
export interface Owner {
  readonly token: string
  /** Says who it is; its locks are links to it. */
  readonly file: string
  readonly identity: string
  /** A path for a file that is not finished yet. */
  unfinished (): string
  /** Makes what is missing of its folder; `true`: something was. */
  ensure (): Promise<boolean>
  close (): Promise<void>
}

interface Identity { readonly token: string, readonly machine: string, readonly pid: number, readonly started: string }

const HEARTBEAT = 5_000
/** An owner that cannot be looked at (another machine, another container) is dead when its file was not touched for so long. */
const SILENT = 30_000
const TOKEN = /^[0-9a-f-]{36}$/
const UNFINISHED = /^\d+\.tmp$/

export async function openOwner (dir: string, folderMode: number): Promise<Owner> {
  const token = randomUUID()
  const folder = join(processesFolder(dir), token)
  const file = join(folder, 'owner')
  const identity = JSON.stringify({ token, machine: await thisMachine(), pid: process.pid, started: await startOf(process.pid) } satisfies Identity)
  let count = 0

  async function ensure (): Promise<boolean> {
    if (await exists(file)) return false
    await makeFolder(folder, folderMode)
    await writeFile(file, identity, { mode: 0o600 })
    return true
  }

  await ensure()
  const timer = setInterval(() => {
    const time = new Date()
    utimes(file, time, time).catch(() => {}) // gone with the directory: the next write makes both again
  }, HEARTBEAT).unref()

  return {
    token,
    file,
    identity,
    unfinished: () => join(folder, `${++count}.tmp`),
    ensure,
    async close () {
      clearInterval(timer)
      await removeFolder(folder)
    }
  }
}

async function exists (path: string): Promise<boolean> {
  try {
    await stat(path)
    return true
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return false
    throw error
  }
}

/** Removes what this store put there, and the folder if nothing else is in it. */
async function removeFolder (folder: string): Promise<void> {
  for (const name of await names(folder)) {
    if (name === 'owner' || UNFINISHED.test(name)) await rm(join(folder, name), { force: true })
  }
  await rmdir(folder).catch(() => {}) // something foreign is in it, or it is gone already
}

/** Removes the folders of processes that died, with their unfinished files; how many live. */
export async function sweepOwners (dir: string): Promise<number> {
  const folder = processesFolder(dir)
  let living = 0
  for (const token of (await names(folder)).filter((name) => TOKEN.test(name))) {
    const claim = await readClaim(join(folder, token, 'owner'))
    if (claim !== undefined && !(await isDead(claim))) living++
    else if (claim !== undefined || await isOld(join(folder, token))) await removeFolder(join(folder, token))
  }
  return living
}

async function isOld (path: string): Promise<boolean> {
  try {
    return Date.now() - (await stat(path)).mtimeMs > SILENT
  } catch {
    return false
  }
}

/** Whose a lock is: the text in it, and when its owner was heard of last. */
export interface Claim { readonly text: string, readonly heard: number }

export async function readClaim (path: string): Promise<Claim | undefined> {
  try {
    const [text, { mtimeMs }] = await Promise.all([readFile(path, 'utf8'), stat(path)])
    return { text, heard: mtimeMs }
  } catch (error) {
    if (hasCode(error, 'ENOENT', 'ENOTDIR')) return undefined
    throw error
  }
}

/**
 * Has the process ended? Where it can be looked at, the system's word counts, not the clock: a process that was
 * stopped for an hour still holds its locks when it goes on. A number that another process has since been given
 * is told by the time of its start.
 */
export async function isDead (claim: Claim): Promise<boolean> {
  const identity = parse(claim.text)
  const silent = Date.now() - claim.heard > SILENT
  if (identity === undefined || identity.machine !== await thisMachine()) return silent
  if (!isRunning(identity.pid)) return true
  const started = await startOf(identity.pid)
  return started === '' ? silent : started !== identity.started
}

function parse (text: string): Identity | undefined {
  try {
    const identity = JSON.parse(text) as Partial<Identity> | null
    return Number.isSafeInteger(identity?.pid) && typeof identity?.machine === 'string' ? identity as Identity : undefined
  } catch {
    return undefined
  }
}

function isRunning (pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return !hasCode(error, 'ESRCH') // EPERM: it runs as somebody else
  }
}

/** When a process began, in the kernel's ticks; `'ended'` for a zombie; `''` where the system does not tell. */
async function startOf (pid: number): Promise<string> {
  try {
    const line = await readFile(`/proc/${pid}/stat`, 'latin1')
    const fields = line.slice(line.lastIndexOf(')') + 2).split(' ') // the name before it may hold anything
    return fields[0] === 'Z' || fields[0] === 'X' ? 'ended' : fields[19] ?? ''
  } catch {
    return ''
  }
}

let machine: Promise<string> | undefined

/** Numbers of processes mean something only within one boot of one system, and within one container. */
function thisMachine (): Promise<string> {
  machine ??= Promise.all([
    readFile('/proc/sys/kernel/random/boot_id', 'latin1').catch(() => ''),
    readlink('/proc/self/ns/pid').catch(() => '')
  ]).then(([boot, namespace]) => `${hostname()} ${boot.trim()} ${namespace}`)
  return machine
}
