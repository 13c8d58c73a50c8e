import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'

/** A Redis to run an example on. */
export interface ExampleRedis {
  readonly url: string
  stop (): Promise<void>
}

/**
 * The Redis that `REDIS_URL` names; where it names none, a redis-server of our own on a free port, which saves nothing.
 *
 * @throws where redis-server is not installed
 */
export async function exampleRedis (): Promise<ExampleRedis> {
  const given = process.env.REDIS_URL
  if (given !== undefined) return { url: given, stop: async () => {} }

  const folder = mkdtempSync(join(tmpdir(), 'fastify-cached-example-'))
  const port = await freePort()
  const server = spawn('redis-server', ['--bind', '127.0.0.1', '--port', String(port), '--dir', folder, '--save', '', '--loglevel', 'warning'], { stdio: 'ignore' })
  const ended = new Promise<void>((resolve) => {
    server.once('exit', () => resolve())
    server.once('error', () => resolve())
  }).then(() => { rmSync(folder, { recursive: true, force: true }) })
  const endWithUs = (): void => {
    server.kill('SIGKILL')
    rmSync(folder, { recursive: true, force: true })
  }
  process.once('exit', endWithUs)

  const url = `redis://127.0.0.1:${port}/0`
  if (await Promise.race([answers(url, ended), ended.then(() => false)])) {
    return {
      url,
      stop: async () => {
        process.removeListener('exit', endWithUs)
        server.kill()
        await ended
      }
    }
  }
  throw new Error('this example needs a Redis: set REDIS_URL, or install redis-server (in a clone: npm run setup -- --servers)')
}

async function freePort (): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

/** `true` once the server answers. The client tries again by itself, until the server has ended. */
async function answers (url: string, ended: Promise<void>): Promise<boolean> {
  const client = new Redis(url, { retryStrategy: () => 20, maxRetriesPerRequest: null })
  client.on('error', () => {}) // it is only starting
  ended.then(() => { client.disconnect() }, () => {})
  const answered = await client.ping().then(() => true, () => false)
  client.disconnect()
  return answered
}
