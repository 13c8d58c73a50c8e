import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

export interface Muffler {
  readonly port: number
  /** Swallows what the server says on connections that listen for changes; the others go on. */
  silence (on: boolean): void
  stop (): Promise<void>
}

/** A proxy to a Redis server that can tell the connections that listen from the others. */
export async function startMuffler (target: number): Promise<Muffler> {
  const sockets = new Set<Socket>()
  let silent = false
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    let listens = false
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.once('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (data) => {
      listens ||= data.includes('TRACKING')
      upstream.write(data)
    })
    upstream.on('data', (data) => { if (!listens || !silent) client.write(data) })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    silence: (on) => { silent = on },
    stop: () => new Promise((resolve) => {
      server.close(() => resolve())
      for (const socket of sockets) socket.destroy()
    })
  }
}
