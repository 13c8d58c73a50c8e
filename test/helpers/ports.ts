import { createServer } from 'node:net'

/**
 * Below the range that the system takes for outgoing connections: else a client that tries a dead server again and
 * again would at some time be given that very port, and meet itself there.
 */
const LOWEST = 10_000
const HIGHEST = 22_000

/**
 * Test files run side by side, and a port that one of them keeps for a server that is not up yet looks free to all
 * others. So each process takes from a stretch of its own, and goes on to the next one only when that is used up.
 */
const STRETCH = 200
let next = LOWEST + (process.pid * STRETCH) % (HIGHEST - LOWEST)

/** A free port of the loopback, another one each time; `room`: the port + that number is free too. */
export async function freePort (room = 0, host = '127.0.0.1'): Promise<number> {
  for (;;) {
    const port = next
    next = next + 1 < HIGHEST ? next + 1 : LOWEST
    if (!await isFree(port, host)) continue
    if (room > 0 && !await isFree(port + room, host)) continue
    return port
  }
}

function isFree (port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false))
    server.listen(port, host, () => server.close(() => resolve(true)))
  })
}
