import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { CacheOptions } from '../../index.ts'

/** A backend that a suite runs on. Every call of `options` gives a key space of its own. */
export interface Backend {
  name: string
  options (): CacheOptions
  close (): Promise<void>
}

function freePort (): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo
      server.close(() => resolve(port))
    }).on('error', reject)
  })
}

function accepts (port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1', () => { socket.destroy(); resolve(true) })
    socket.on('error', () => resolve(false))
  })
}

async function redisBackend (): Promise<Backend> {
  const dir = await mkdtemp(join(tmpdir(), 'conformance-redis-'))
  const port = await freePort()
  const server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', dir], { stdio: 'ignore' })
  const failed = new Promise<never>((resolve, reject) => server.on('error', reject))
  const ready = (async () => {
    for (let tries = 0; tries < 200 && !(await accepts(port)); tries++) await sleep(20)
  })()
  await Promise.race([ready, failed])
  let spaces = 0
  return {
    name: 'RedisCache',
    options: () => ({ CACHE_TYPE: 'RedisCache', CACHE_REDIS_HOST: '127.0.0.1', CACHE_REDIS_PORT: port, CACHE_KEY_PREFIX: `space${++spaces}:`, CACHE_OPERATION_TIMEOUT: 5 } as CacheOptions),
    async close () {
      const gone = new Promise((resolve) => server.once('exit', resolve))
      server.kill('SIGKILL')
      await gone
      await rm(dir, { recursive: true, force: true })
    }
  }
}

const makers: Record<string, () => Promise<Backend>> = {
  SimpleCache: async () => ({ name: 'SimpleCache', options: () => ({ CACHE_TYPE: 'SimpleCache' } as CacheOptions), close: async () => {} }),
  RedisCache: redisBackend
}

/** The backends to run on: all, or those that `TEST_BACKENDS` lists (`TEST_BACKENDS=SimpleCache`). */
export async function * backends (): AsyncGenerator<Backend> {
  const names = process.env.TEST_BACKENDS?.split(',') ?? Object.keys(makers)
  for (const name of names) {
    const make = makers[name]
    if (make === undefined) throw new Error(`TEST_BACKENDS: no backend '${name}'`)
    const backend = await make()
    try {
      yield backend
    } finally {
      await backend.close()
    }
  }
}
