import { readFileSync } from 'node:fs'
import Fastify from 'fastify'
import cached from '../../index.ts'
import type { Cache, CacheOptions } from '../../index.ts'

export interface Setup { options: CacheOptions, truth: string }

export type Job =
  | { do: 'setup', setup: Setup }
  | { do: 'cache', method: keyof Cache, args: unknown[] }
  | { do: 'get', url: string }
  | { do: 'post', url: string }
  | { do: 'memo' | 'forget', args: string[] }
  /** Reads over and over until it is not `old` any more; when that was, and every value from then on for a while. */
  | { do: 'watch', read: Reading, old: unknown, longest: number }
  | { do: 'warm', read: Reading, times: number }
  | { do: 'close' }

export type Reading = { by: 'value', key: string } | { by: 'page', url: string } | { by: 'memo', arg: string }

/** An application with the plugin, and what can be asked of it. */
export function createSubject (): (job: Job) => Promise<unknown> {
  const app = Fastify()
  let truth = ''
  let memo: ((name: string) => Promise<string>) & { deleteMemoized (...args: string[]): Promise<void> }
  const fact = (): string => readFileSync(truth, 'utf8')

  async function setup ({ options, truth: file }: Setup): Promise<void> {
    truth = file
    await app.register(cached, options)
    app.get('/page', { config: { cache: { timeout: 60 } } }, async () => fact())
    app.post('/page', async () => 'done')
    app.get('/tagged', { config: { cache: { timeout: 60, tags: ['news'] } } }, async () => fact())
    app.get('/varied', { config: { cache: { timeout: 60 } } }, async (_request, reply) => {
      reply.header('vary', 'accept-language')
      return fact()
    })
    memo = app.cache.memoize(async function user (name: string) { return `${name} ${fact()}` }, { timeout: 60 }) as unknown as typeof memo
    await app.ready()
  }

  async function read (reading: Reading): Promise<unknown> {
    if (reading.by === 'value') return await app.cache.get(reading.key)
    if (reading.by === 'memo') return await memo(reading.arg)
    return (await app.inject({ url: reading.url })).body
  }

  async function watch (reading: Reading, old: unknown, longest: number): Promise<{ at: number, reads: number, after: unknown[] }> {
    const end = Date.now() + longest
    let reads = 0
    for (;;) {
      const value = await read(reading)
      reads++
      if (value !== old || Date.now() > end) break
      await new Promise((resolve) => setImmediate(resolve))
    }
    const at = Date.now()
    const after: unknown[] = []
    for (let i = 0; i < 20; i++) {
      after.push(await read(reading))
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    return { at, reads, after }
  }

  async function run (job: Job): Promise<unknown> {
    switch (job.do) {
      case 'setup': return await setup(job.setup)
      case 'cache': return await (app.cache[job.method] as (...args: unknown[]) => unknown)(...job.args)
      case 'get': {
        const { body, headers } = await app.inject({ url: job.url })
        return { body, status: headers['cache-status'] }
      }
      case 'post': return (await app.inject({ method: 'POST', url: job.url })).statusCode
      case 'memo': return await memo(...job.args as [string])
      case 'forget': return await memo.deleteMemoized(...job.args)
      case 'watch': return await watch(job.read, job.old, job.longest)
      case 'warm': {
        let value: unknown
        for (let i = 0; i < job.times; i++) value = await read(job.read)
        return value
      }
      case 'close': return await app.close()
    }
  }

  return run
}
