import { realpathSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
import type { FastifyInstance } from 'fastify'
import { exampleRedis } from './redis.ts'

/** Was this file itself started, or imported by another? */
export function isMain (url: string): boolean {
  const started = process.argv[1]
  return started !== undefined && url === pathToFileURL(realpathSync(started)).href
}

/**
 * Listens on the first free port from `port` on.
 *
 * @returns the address, `http://127.0.0.1:<port>`
 */
export async function listenFrom (app: FastifyInstance, port: number): Promise<string> {
  for (let candidate = port; ; candidate++) {
    try {
      return await app.listen({ host: '127.0.0.1', port: candidate })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || candidate === port + 100) throw error
    }
  }
}

/** Closes the server on Ctrl-C and on SIGTERM. */
export function closeOnSignal (app: FastifyInstance): void {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => { app.close().then(() => process.exit(0), () => process.exit(1)) })
  }
}

/**
 * Serves an example when its file was started directly: `npm run example -- <name>`.
 *
 * @param needs `redis`: it wants one; where `REDIS_URL` names none, one is started that ends with the example
 */
export async function serveWhenMain (url: string, build: () => Promise<FastifyInstance>, paths: readonly string[], needs?: 'redis'): Promise<void> {
  if (!isMain(url)) return
  if (needs === 'redis') process.env.REDIS_URL = (await exampleRedis()).url
  const app = await build()
  const address = await listenFrom(app, Number(process.env.PORT ?? 3000))
  for (const path of paths) console.log(`curl -i ${address}${path}`)
  closeOnSignal(app)
}
