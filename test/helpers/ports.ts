import { createServer } from 'node:net'
import type { AddressInfo } from 'node:net'

const taken = new Set<number>()

/** Free ports of the loopback, different ones within one process; `room`: the port + that number is free too. */
export async function freePort (room = 0): Promise<number> {
  for (;;) {
    const port = await anyPort()
    if (taken.has(port) || port + room > 65535) continue
    if (room > 0 && (taken.has(port + room) || !await isFree(port + room))) continue
    taken.add(port)
    if (room > 0) taken.add(port + room)
    return port
  }
}

function anyPort (): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo
      server.close(() => resolve(port))
    })
  })
}

function isFree (port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer().once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
