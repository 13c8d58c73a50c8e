import t from 'tap'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { tryAcquire } from '../../../lib/stores/file-system/lock.ts'
import { isDead, openOwner, sweepOwners, type Owner } from '../../../lib/stores/file-system/owner.ts'

function folder (): string {
  const dir = mkdtempSync(join(tmpdir(), 'fs-lock-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

async function owner (dir: string): Promise<Owner> {
  const one = await openOwner(dir, 0o700)
  t.teardown(() => one.close())
  return one
}

const ENDED = spawnSync(process.execPath, ['-e', '']).pid

/** A lock as a process that has ended left it. */
function deadLock (path: string, identity: string, change: object = { pid: ENDED, started: '1' }): void {
  writeFileSync(path, JSON.stringify({ ...JSON.parse(identity), token: path, ...change }))
}

t.test('who is dead', async (t) => {
  const { identity } = await owner(folder())
  const now = Date.now()
  const longAgo = now - 60_000
  const own = JSON.parse(identity) as object
  const linux = process.platform === 'linux'
  const cases: Array<[name: string, text: string, heard: number, dead: boolean]> = [
    ['this process', identity, now, false],
    ['a process that has ended', JSON.stringify({ ...own, pid: ENDED }), now, true],
    ['another machine, heard of', JSON.stringify({ ...own, machine: 'elsewhere', pid: ENDED }), now, false],
    ['another machine, silent', JSON.stringify({ ...own, machine: 'elsewhere' }), longAgo, true],
    ['a text that is not whole, new', identity.slice(0, 10), now, false],
    ['a text that is not whole, old', '', longAgo, true],
    ['JSON of another kind', 'null', longAgo, true],
    ...(linux
      ? [
          ['this process, stopped for long', identity, longAgo, false],
          ['a process whose number was given to another', JSON.stringify({ ...own, started: '1' }), now, true]
        ] as Array<[string, string, number, boolean]>
      : [])
  ]
  for (const [name, text, heard, dead] of cases) t.equal(await isDead({ text, heard }), dead, name)
})

t.test('one holds it at a time', async (t) => {
  const dir = folder()
  const [one, two] = [await owner(dir), await owner(dir)]
  const base = join(dir, 'x.lock')
  const lock = await tryAcquire(base, one)
  t.ok(lock)
  t.equal(await tryAcquire(base, two), undefined)
  t.equal(await tryAcquire(base, one), undefined)
  await lock?.release()
  const next = await tryAcquire(base, two)
  t.ok(next)
  await next?.release()
  t.same(readdirSync(dir), ['.processes'])
})

t.test('a chain of dead locks is taken over by one, and removed', async (t) => {
  const dir = folder()
  const owners = await Promise.all(Array.from({ length: 5 }, () => owner(dir)))
  const base = join(dir, 'x.lock')
  for (const level of [0, 1, 2]) deadLock(base + level, owners[0]!.identity)
  for (let round = 0; round < 20; round++) {
    const locks = (await Promise.all(owners.map((one) => tryAcquire(base, one)))).filter((lock) => lock !== undefined)
    if (locks.length > 1) t.fail(`${locks.length} hold it`)
    await locks[0]?.release()
  }
  t.same(readdirSync(dir), ['.processes'])
})

t.test('a dead lock above a free place holds nobody up', async (t) => {
  const dir = folder()
  const one = await owner(dir)
  const base = join(dir, 'x.lock')
  deadLock(`${base}1`, one.identity)
  const lock = await tryAcquire(base, one)
  t.ok(lock)
  t.equal(readFileSync(`${base}0`, 'utf8'), one.identity)
  await lock?.release()
})

t.test('a living lock above a dead one is respected', async (t) => {
  const dir = folder()
  const [one, two] = [await owner(dir), await owner(dir)]
  const base = join(dir, 'x.lock')
  deadLock(`${base}0`, one.identity)
  const lock = await tryAcquire(base, one)
  t.equal(await tryAcquire(base, two), undefined)
  await lock?.release()
})

t.test('a file system without links', async (t) => {
  const dir = folder()
  const real = await owner(dir)
  mkdirSync(join(dir, 'folder'))
  const without: Owner = { ...real, file: join(dir, 'folder') } // a folder cannot be linked to: EPERM, as such systems say
  const base = join(dir, 'x.lock')
  const lock = await tryAcquire(base, without)
  t.equal(readFileSync(`${base}0`, 'utf8'), real.identity)
  t.equal(await tryAcquire(base, without), undefined)
  await lock?.release()
})

t.test('folders of the dead are removed, those of the living and foreign ones stay', async (t) => {
  const dir = folder()
  const one = await owner(dir)
  const processes = join(dir, '.processes')
  const uuid = (n: number) => `${n}`.repeat(8) + '-0000-4000-8000-000000000000'
  const dead = join(processes, uuid(1))
  const foreign = join(processes, uuid(2))
  const begun = join(processes, uuid(3))
  const abandoned = join(processes, uuid(4))
  for (const path of [dead, foreign, begun, abandoned]) mkdirSync(path)
  for (const path of [dead, foreign]) deadLock(join(path, 'owner'), one.identity)
  for (const path of [dead, foreign]) writeFileSync(join(path, '5.tmp'), 'half')
  writeFileSync(join(foreign, 'notes.txt'), 'mine')
  utimesSync(abandoned, 1, 1)
  t.equal(await sweepOwners(dir), 1)
  t.same(readdirSync(processes).sort(), [one.token, uuid(2), uuid(3)].sort())
  t.same(readdirSync(foreign), ['notes.txt'])
})
