import { fork } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CacheOptions } from '../../index.ts'
import { compiled } from '../helpers/compiled.ts'
import { removeAtExit } from '../helpers/process.ts'
import { createSubject } from './subject.ts'
import type { Job, Reading } from './subject.ts'

/** A process with the plugin. */
export interface Peer {
  run<T> (job: Job): Promise<T>
  close (): Promise<void>
}

export interface Watched { at: number, reads: number, after: unknown[] }

/** What every process's handlers and functions answer from. */
export function truthFile (): { path: string, is (text: string): void } {
  const folder = mkdtempSync(join(tmpdir(), 'fastify-cached-tiers-'))
  removeAtExit(folder)
  const path = join(folder, 'truth')
  return { path, is: (text) => { writeFileSync(path, text) } }
}

/** This process. */
export async function thisPeer (options: CacheOptions, truth: string): Promise<Peer> {
  const run = createSubject()
  await run({ do: 'setup', setup: { options, truth } })
  return {
    run: async <T>(job: Job) => (await run(job) ?? null) as T,
    close: async () => { await run({ do: 'close' }) }
  }
}

/** Another process. */
export async function startPeer (options: CacheOptions, truth: string): Promise<Peer> {
  const child = fork(join(compiled(), 'test/tiers/child.js'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], execArgv: [], env: { PATH: process.env.PATH } })
  const waiting = new Map<number, { resolve (value: unknown): void, reject (error: Error): void }>()
  let jobs = 0
  child.on('message', ({ id, result, error }: { id: number, result?: unknown, error?: string }) => {
    const one = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) one?.resolve(result)
    else one?.reject(new Error(error))
  })
  child.once('exit', () => { for (const one of waiting.values()) one.reject(new Error('the process ended')) })
  const run = <T>(job: Job): Promise<T> => new Promise<T>((resolve, reject) => {
    const id = ++jobs
    waiting.set(id, { resolve: resolve as (value: unknown) => void, reject })
    child.send({ id, job })
  })
  await run({ do: 'setup', setup: { options, truth } })
  return {
    run,
    async close () {
      await run({ do: 'close' }).catch(() => {})
      const gone = new Promise((resolve) => child.once('exit', resolve))
      child.disconnect()
      await gone
    }
  }
}

/** For how long it is watched whether an old value goes, ms: less than the minute that entries and copies live. */
export const LONGEST = 20_000

/**
 * How long after `change` had resolved the peers went on serving what they had before, in ms (the slowest of them), and
 * what they served from then on.
 */
export async function staleFor (peers: readonly Peer[], read: Reading, change: () => Promise<unknown>): Promise<{ ms: number, after: unknown[], old: unknown }> {
  const old = await Promise.all(peers.map((peer) => peer.run({ do: 'warm', read, times: 5 })))
  const watching = Promise.all(peers.map((peer, i) => peer.run<Watched>({ do: 'watch', read, old: old[i], longest: LONGEST })))
  await new Promise((resolve) => setTimeout(resolve, 50))
  await change()
  const changed = Date.now()
  const seen = await watching
  return { ms: Math.max(0, ...seen.map(({ at }) => at - changed)), after: seen.flatMap(({ after }) => after), old: old[0] }
}
