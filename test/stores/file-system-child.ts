// A process of its own with a store on a shared directory; does what it is told over IPC.
import { fileSystemStore } from '../../lib/stores/file-system.ts'
import { acquire, type Lock } from '../../lib/stores/file-system/lock.ts'
import { openOwner } from '../../lib/stores/file-system/owner.ts'
import { placeOf } from '../../lib/stores/file-system/places.ts'

const [dir, threshold, name] = process.argv.slice(2) as [string, string, string]
const store = await fileSystemStore({ dir, threshold: Number(threshold) })
let lock: Lock | undefined

interface Job { do: string, rounds: number, count: number, key: string }

const jobs: Record<string, (job: Job) => Promise<unknown>> = {
  async add ({ rounds }) {
    const won: string[] = []
    for (let i = 0; i < rounds; i++) if (await store.add(`round ${i}`, Buffer.from(name))) won.push(`round ${i}`)
    return won
  },
  async increment ({ rounds }) {
    const sums: number[] = []
    for (let i = 0; i < rounds; i++) sums.push(await store.increment('count', 1))
    return sums
  },
  /** Writes values of one repeated byte and reads: how many reads held two different bytes or nothing. */
  async rewrite ({ rounds }) {
    let odd = 0
    for (let i = 0; i < rounds; i++) {
      await store.set('big', Buffer.alloc(64 * 1024, 97 + i % 26))
      const value = await store.get('big')
      if (value === undefined || value.some((byte) => byte !== value[0])) odd++
      if (rounds > 1e6) await store.increment('count', 1)
    }
    return odd
  },
  async fill ({ count }) {
    for (let i = 0; i < count; i++) await store.set(`${name}${i}`, Buffer.from('value'))
    return 'filled'
  },
  async hold ({ key }) {
    const place = placeOf(dir, 'sha256', key)
    await store.set(`${key} beside`, Buffer.from(''))
    await import('node:fs/promises').then(({ mkdir }) => mkdir(place.shard, { recursive: true }))
    lock = await acquire(place.lock, await openOwner(dir, 0o700))
    return 'held'
  },
  async release () {
    await lock?.release()
    return 'released'
  }
}

process.on('message', (job: Job) => { jobs[job.do]!(job).then((answer) => process.send!(answer), (error: unknown) => { console.error(error); process.exit(1) }) })
process.on('disconnect', () => process.exit())
process.send!('ready')
