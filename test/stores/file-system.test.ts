import t from 'tap'
import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync, existsSync, mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { storeContract } from '../../lib/stores/contract.ts'
import { isOutage } from '../../lib/stores/outage.ts'
import { fileSystemStore, type FileSystemStoreOptions } from '../../lib/stores/file-system.ts'

const clock = () => { const at = { time: Date.now() }; return { at, now: () => at.time } }

function folder (): string {
  const dir = mkdtempSync(join(tmpdir(), 'fs-store-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

async function open (options: Partial<FileSystemStoreOptions> = {}) {
  const dir = options.dir ?? folder()
  const store = await fileSystemStore({ dir, ...options })
  t.teardown(() => store.close())
  return { dir, store }
}

function files (dir: string, ending = '.entry'): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith(ending)).map((name) => join(dir, name))
}

const B = (text = 'value') => Buffer.from(text)

/** A process of its own, which opens stores where it is told to. */
async function child (): Promise<ChildProcess> {
  const one = fork(new URL('file-system-child.ts', import.meta.url), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
  t.teardown(() => { one.kill('SIGKILL') })
  await once(one, 'message')
  return one
}

interface Job { do: string, dir: string, threshold?: number, rounds?: number, key?: string }

async function ask (one: ChildProcess, job: Job): Promise<unknown> {
  const answered = once(one, 'message')
  const ended = once(one, 'exit').then(() => { throw new Error(`the process ended instead of: ${job.do}`) })
  one.send({ threshold: 0, ...job })
  const [answer] = await Promise.race([answered, ended])
  ended.catch(() => {})
  return answer
}

async function kill (one: ChildProcess): Promise<void> {
  one.kill('SIGKILL')
  await once(one, 'exit')
}

// Starting a process is what takes time here: those that live serve several tests.
const workers = Promise.all([child(), child(), child()])

t.test('contract', async (t) => {
  await storeContract((name, fn) => t.test(name, fn), async () => {
    const dir = mkdtempSync(join(tmpdir(), 'fs-store-'))
    const { at, now } = clock()
    const opened = [await fileSystemStore({ dir, now })]
    return {
      store: opened[0]!,
      another: async () => {
        const other = await fileSystemStore({ dir, now })
        opened.push(other)
        return other
      },
      advance: (ms) => { at.time += ms },
      close: async () => {
        for (const store of opened) await store.close()
        rmSync(dir, { recursive: true })
      }
    }
  })
})

t.test('names are hashes, files and folders are private', async (t) => {
  const dir = join(folder(), 'made', 'deep')
  const { store } = await open({ dir })
  await store.set('../../secret key', B())
  const [file, ...more] = files(dir)
  t.same(more, [])
  t.match(file, /\/[0-9a-f]{2}\/[0-9a-f]{62}\.entry$/)
  t.equal(statSync(file!).mode & 0o777, 0o600)
  t.equal(statSync(dir).mode & 0o777, 0o700)
  t.equal(statSync(join(file!, '..')).mode & 0o777, 0o700)
})

t.test('mode and hash', async (t) => {
  const { dir, store } = await open({ dir: join(folder(), 'x'), mode: 0o660, hash: 'md5' })
  await store.set('key', B())
  const [file] = files(dir)
  t.match(file, /[0-9a-f]{30}\.entry$/)
  t.equal(statSync(file!).mode & 0o777, 0o660)
  await t.rejects(fileSystemStore({ dir, hash: 'nonsense' }), { code: 'FST_CACHE_ERR_OPTIONS', message: /CACHE_FILE_HASH_METHOD/ })
})

t.test('a directory that cannot be used', async (t) => {
  const file = join(folder(), 'file')
  writeFileSync(file, '')
  await t.rejects(fileSystemStore({ dir: file }), { code: 'FST_CACHE_ERR_DIRECTORY', message: /CACHE_DIR/ })
  await t.rejects(fileSystemStore({ dir: join(file, 'below') }), { code: 'FST_CACHE_ERR_DIRECTORY' })

  const { dir, store } = await open()
  await store.set('key', B())
  rmSync(dir, { recursive: true })
  writeFileSync(dir, 'a file in its place')
  await t.rejects(store.set('key', B()), { code: 'FST_CACHE_ERR_DIRECTORY' })
  await t.rejects(store.get('key'), { code: 'FST_CACHE_ERR_DIRECTORY' })
  rmSync(dir)
})

t.test('what cannot be written rejects, what was written is read', async (t) => {
  const { dir, store } = await open()
  await store.set('key', B('before'))
  rmSync(join(dir, '.processes'), { recursive: true })
  writeFileSync(join(dir, '.processes'), 'no room for unfinished files')
  await t.rejects(store.set('key', B('after')), { code: 'FST_CACHE_ERR_DIRECTORY' })
  await t.rejects(store.increment('count', 1), { code: 'FST_CACHE_ERR_DIRECTORY' })
  t.equal((await store.get('key'))?.toString(), 'before')
  rmSync(join(dir, '.processes'))
  t.equal(await store.set('key', B('after')), true)
})

t.test('a directory that takes no writes: said once, hits go on, no outage', { skip: process.getuid?.() === 0 && 'root may write everywhere' }, async (t) => {
  const warnings: string[] = []
  const { dir, store } = await open({ log: { warn: (_details, message) => warnings.push(message) } })
  await store.set('key', B('before'))
  const [place] = readdirSync(join(dir, '.processes'))
  chmodSync(join(dir, '.processes', place!), 0o500)
  t.teardown(() => chmodSync(join(dir, '.processes', place!), 0o700))
  for (let i = 0; i < 5; i++) t.equal(isOutage(await store.set('key', B('after')).catch((error: unknown) => error)), false)
  t.equal((await store.get('key'))?.toString(), 'before')
  t.match(warnings, [/takes no writes, nothing new is stored: EACCES/])
  t.equal(warnings.length, 1)
})

t.test('a directory that vanishes in service is made again', async (t) => {
  const warnings: string[] = []
  const { dir, store } = await open({ log: { warn: (_details, message) => warnings.push(message) } })
  await store.set('key', B())
  rmSync(dir, { recursive: true })
  t.equal(await store.get('key'), undefined)
  t.equal(await store.delete('key'), false)
  t.equal(await store.clear(''), true)
  t.equal(await store.set('key', B('again')), true)
  t.equal((await store.get('key'))?.toString(), 'again')
  t.equal(await store.increment('count', 1), 1)
  t.match(warnings, [/had vanished/])
  t.equal(warnings.length, 1)
})

t.test('cut, altered and foreign files are a miss', async (t) => {
  const { dir, store } = await open()
  await store.set('key', B('some value'), 60_000)
  await store.set('other', B('other value'))
  const [file] = files(dir).filter((name) => readFileSync(name).includes('some value'))
  const [other] = files(dir).filter((name) => readFileSync(name).includes('other value'))
  const whole = readFileSync(file!)
  for (let length = 0; length < whole.length; length++) {
    writeFileSync(file!, whole.subarray(0, length))
    if (await store.get('key') !== undefined) t.fail(`cut at ${length}`)
  }
  for (let i = 0; i < whole.length; i++) {
    const altered = Buffer.from(whole)
    altered[i]! ^= 0x81
    writeFileSync(file!, altered)
    if (await store.get('key') !== undefined) t.fail(`altered at ${i}`)
  }
  writeFileSync(file!, readFileSync(other!))
  t.equal(await store.get('key'), undefined, 'the entry of another key')
  writeFileSync(file!, Buffer.alloc(100, 0x41))
  t.equal(await store.get('key'), undefined, 'another program wrote it')
  t.equal(await store.add('key', B('new')), true, 'and can be written over')
  t.equal((await store.get('key'))?.toString(), 'new')
})

t.test('a directory that cannot be made is named, and nothing hangs', { skip: !existsSync('/proc/self') && 'needs /proc' }, async (t) => {
  await t.rejects(fileSystemStore({ dir: '/proc/nothing/at/all' }), { code: 'FST_CACHE_ERR_DIRECTORY', message: /\/proc\/nothing\/at\/all cannot be used: ENOENT/ })
})

t.test('foreign files stay', async (t) => {
  const { dir, store } = await open({ threshold: 2 })
  mkdirSync(join(dir, 'ab'), { recursive: true })
  const foreign = ['notes.txt', 'ab/notes.txt', 'ab/deadbeef.entry', `ab/${'Z'.repeat(62)}.entry`, '.processes/notes.txt'].map((name) => join(dir, name))
  for (const name of foreign) writeFileSync(name, 'mine')
  for (let i = 0; i < 6; i++) await store.set(`key${i}`, B())
  await store.clear('')
  t.same(foreign.filter((name) => !existsSync(name)), [])
})

t.test('the threshold', async (t) => {
  t.test('small: the least recently used goes', async (t) => {
    const { dir, store } = await open({ threshold: 3 })
    for (const key of 'abc') await store.set(key, B())
    await store.set('a', B())
    await store.get('b')
    await store.set('d', B())
    t.same(await store.getMany([...'abcd']).then((values) => values.map((value) => value !== undefined)), [true, true, false, true])
    t.equal(files(dir).length, 3)
  })

  t.test('what is read stays, however long ago it was written', async (t) => {
    const { store } = await open({ threshold: 40 })
    await store.set('read all the time', B())
    for (let i = 0; i < 200; i++) {
      await store.set(`key${i}`, B())
      if (await store.get('read all the time') === undefined) return t.fail(`gone after ${i} others`)
    }
    t.equal(await store.has('key150'), false)
    t.equal(await store.has('key199'), true)
  })

  t.test('what has expired goes first', async (t) => {
    const { at, now } = clock()
    const { store } = await open({ threshold: 3, now })
    await store.set('old', B())
    await store.set('expires', B(), 1000)
    await store.set('later', B(), 5000)
    at.time += 1000
    await store.set('new', B())
    t.same(await store.getMany(['old', 'expires', 'later', 'new']).then((values) => values.map((value) => value !== undefined)), [true, false, true, true])
  })

  t.test('never passed by one process, and used up to its end', async (t) => {
    const { dir, store } = await open({ threshold: 100 })
    for (let i = 0; i < 100; i++) await store.set(`key${i}`, B())
    t.equal(files(dir).length, 100)
    for (let i = 100; i < 120; i++) {
      await store.set(`key${i}`, B())
      const count = files(dir).length
      if (count > 102 || count < 94) t.fail(`${count} entries`) // a census that a busy machine makes slow is not waited for
    }
    await Promise.all(Array.from({ length: 200 }, (_, i) => store.set(`at once ${i}`, B())))
    await store.close()
    t.ok(files(dir).length <= 100, 'also when many are written at once')
  })

  t.test('by several processes: within 10 %', async (t) => {
    const dir = folder()
    await Promise.all((await workers).map((one) => ask(one, { do: 'fill', dir, threshold: 100, rounds: 70 })))
    const count = files(dir).length
    t.ok(count <= 110 && count >= 85, `${count} entries`)
  })

  t.test('0: no bound', async (t) => {
    const { dir, store } = await open({ threshold: 0 })
    await Promise.all(Array.from({ length: 300 }, (_, i) => store.set(`${i}`, B())))
    t.equal(files(dir).length, 300)
  })
})

t.test('closed', async (t) => {
  const { dir, store } = await open()
  const late = store.set('key', B())
  await store.close()
  t.equal(await late, true, 'what was begun is finished')
  for (const operation of [() => store.get('key'), () => store.set('key', B()), () => store.clear('')]) await t.rejects(async () => operation(), { code: 'FST_CACHE_ERR_CLOSED' })
  t.same(readdirSync(join(dir, '.processes')), [], 'nothing is left of the process')
})

t.test('several processes: one add, no increment lost, no half value', async (t) => {
  const dir = folder()
  const added = await Promise.all((await workers).map((one) => ask(one, { do: 'add', dir, rounds: 40 }))) as string[][]
  t.equal(added.flat().length, 40)
  t.equal(new Set(added.flat()).size, 40, 'each round was won once')

  const sums = (await Promise.all((await workers).map((one) => ask(one, { do: 'increment', dir, rounds: 60 }))) as number[][]).flat()
  t.equal(new Set(sums).size, 180)
  t.equal(Math.max(...sums), 180)

  const odd = await Promise.all((await workers).map((one) => ask(one, { do: 'rewrite', dir, rounds: 60 })))
  t.same(odd, [0, 0, 0], 'every read was whole')
  t.same(files(dir, '.tmp'), [])
})

t.test('killed at any moment, a process holds no lock and leaves no half entry', async (t) => {
  const dir = folder()
  const { store } = await open({ dir })
  await store.set('big', Buffer.alloc(64 * 1024, 0x61))
  for (const [round, victim] of (await Promise.all([child(), child(), child()])).entries()) {
    await ask(victim, { do: 'increment', dir, rounds: 1 }) // at work from here on
    victim.send({ do: 'rewrite', dir, threshold: 0, rounds: 1e9 })
    await new Promise((resolve) => setTimeout(resolve, 5 + round * 17))
    await kill(victim)
    const before = await store.get('big')
    t.ok(before !== undefined && before.every((byte) => byte === before[0]), 'whole')
    t.equal(await store.set('big', Buffer.alloc(64 * 1024, 0x62)), true)
    t.type(await store.increment('count', 1), 'number')
  }
  t.same(locks(dir), [])
  await store.close()
  const { store: next } = await open({ dir })
  await next.close()
  t.same(readdirSync(join(dir, '.processes')), [], 'nothing is left of the dead after the next start')
})

function locks (dir: string): string[] {
  return readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.lock'))
}

t.test('killed inside the lock, one after the other', async (t) => {
  const dir = folder()
  const { store } = await open({ dir })
  await store.increment('count', 5)
  for (const victim of await Promise.all([child(), child()])) { // the second takes the lock over from the first, and dies too
    t.equal(await ask(victim, { do: 'hold', dir, key: 'count' }), 'held')
    await kill(victim)
  }
  t.equal(locks(dir).length, 2)
  t.same(await Promise.all([store.increment('count', 1), store.increment('count', 1)]), [6, 7])
  t.same(locks(dir), [], 'the dead locks are gone')
})

t.test('many processes take over one dead lock', async (t) => {
  const dir = folder()
  const victim = await child()
  t.equal(await ask(victim, { do: 'hold', dir, key: 'count' }), 'held')
  const counting = (await workers).map((one) => ask(one, { do: 'increment', dir, rounds: 30 }) as Promise<number[]>)
  await kill(victim)
  const sums = (await Promise.all(counting)).flat()
  t.equal(new Set(sums).size, 90)
  t.equal(Math.max(...sums), 90)
})

t.test('a lock that is held by the living is waited for, not broken', async (t) => {
  const dir = folder()
  const { store } = await open({ dir })
  const { store: reader } = await open({ dir })
  const [holder] = await workers
  t.equal(await ask(holder, { do: 'hold', dir, key: 'count' }), 'held')
  let done = false
  const waiting = store.increment('count', 1).finally(() => { done = true })
  await new Promise((resolve) => setTimeout(resolve, 50))
  t.equal(done, false)
  t.equal(await reader.get('count'), undefined, 'readers do not wait')
  t.equal(await ask(holder, { do: 'release', dir }), 'released')
  t.equal(await waiting, 1)
})
