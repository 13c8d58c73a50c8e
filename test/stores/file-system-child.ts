// A process of its own with a store on a shared directory; does what it is told over IPC.
import { mkdir } from 'node:fs/promises'
import { fileSystemStore, type FileSystemStore } from '../../lib/stores/file-system.ts'
import { acquire, type Lock } from '../../lib/stores/file-system/lock.ts'
import { openOwner } from '../../lib/stores/file-system/owner.ts'
import { placeOf } from '../../lib/stores/file-system/places.ts'

interface Job { do: string, dir: string, threshold: number, rounds: number, key: string }

const name = String(process.pid)
const stores = new Map<string, FileSystemStore>()
let lock: Lock | undefined

async function storeOn ({ dir, threshold }: Job): Promise<FileSystemStore> {
  const store = stores.get(dir) ?? await fileSystemStore({ dir, threshold })
  stores.set(dir, store)
  return store
}

/** On a machine that is short of time others may hold a lock for longer than an operation waits: then nothing was done. */
async function patient<T> (work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work()
    } catch (error) {
      if (!/is locked by a process/.test(String(error))) throw error
    }
  }
}

const jobs: Record<string, (store: FileSystemStore, job: Job) => Promise<unknown>> = {
  async add (store, { rounds }) {
    const won: string[] = []
    for (let i = 0; i < rounds; i++) if (await patient(async () => await store.add(`round ${i}`, Buffer.from(name)))) won.push(`round ${i}`)
    return won
  },
  async increment (store, { rounds }) {
    const sums: number[] = []
    for (let i = 0; i < rounds; i++) sums.push(await patient(async () => await store.increment('count', 1)))
    return sums
  },
  /** Writes values of one repeated byte and reads: how many reads held two different bytes or nothing. */
  async rewrite (store, { rounds }) {
    let odd = 0
    for (let i = 0; i < rounds; i++) {
      await store.set('big', Buffer.alloc(64 * 1024, 97 + i % 26))
      const value = await store.get('big')
      if (value === undefined || value.some((byte) => byte !== value[0])) odd++
      if (rounds > 1e6) await patient(async () => await store.increment('count', 1))
    }
    return odd
  },
  async fill (store, { rounds }) {
    for (let i = 0; i < rounds; i++) await store.set(`${name}${i}`, Buffer.from('value'))
    return 'filled'
  },
  async hold (_store, { dir, key }) {
    const place = placeOf(dir, 'sha256', key)
    await mkdir(place.shard, { recursive: true })
    lock = await acquire(place.lock, await openOwner(dir, 0o700))
    return 'held'
  },
  async release () {
    await lock?.release()
    return 'released'
  }
}

process.on('message', (job: Job) => {
  storeOn(job).then((store) => jobs[job.do]!(store, job)).then((answer) => process.send!(answer), (error: unknown) => {
    console.error(error)
    process.exit(1)
  })
})
process.on('disconnect', () => process.exit())
process.send!('ready')
