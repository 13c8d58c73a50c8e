import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/**
 * Below the range that the system takes for outgoing connections: else a client that tries a dead server again and
 * again would at some time be given that very port, and meet itself there.
 */
const LOWEST = 10_000
const HIGHEST = 22_000

const taken = new Set<number>()

/** A free port of the loopback, another one each time; `room`: the port + that number is free too. */
export async function freePort (room = 0): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, HIGHEST)
    if (taken.has(port) || !await isFree(port)) continue
    if (room > 0 && !await isFree(port + room)) continue
    taken.add(port)
    return port
  }
}

function isFree (port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
