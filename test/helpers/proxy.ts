import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

export interface Proxy {
  readonly host: '127.0.0.1'
  readonly port: number
  /** How many connections there have been. */
  readonly connections: number
  /** Bytes that each connection may still bring from the server before it is cut; `undefined` = no end. */
  cutAfter (bytes: number | undefined): void
  /** Holds back what the server sends by so many ms, each chunk by what this says. */
  delay (ms: ((chunk: number) => number) | undefined): void
  /** Swallows everything in both directions, while connections stay open. */
  blackhole (on: boolean): void
  /** Drops all connections at once. */
  cut (): void
  /** Sends new connections elsewhere. */
  retarget (port: number): void
  stop (): Promise<void>
}

/** A TCP proxy between a client and a server on the loopback, which can be made to misbehave. */
export async function startProxy (target: number): Promise<Proxy> {
  const sockets = new Set<Socket>()
  let connections = 0
  let limit: number | undefined
  let wait: ((chunk: number) => number) | undefined
  let hole = false
  let port = target

  const server = createServer((client) => {
    connections++
    const upstream = connect(port, '127.0.0.1')
    let left = limit
    let chunks = 0
    let ready = 0
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
    client.on('data', (data) => { if (!hole) upstream.write(data) })
    upstream.on('data', (data) => {
      if (hole) return
      left = left === undefined ? limit : left
      if (left === undefined) return later(data)
      const part = data.subarray(0, left)
      left -= part.length
      if (left > 0) return later(part)
      client.write(part, () => client.resetAndDestroy())
    })
    function later (data: Buffer): void {
      // TCP keeps the order: what follows a late chunk is late too
      const ms = wait?.(chunks++) ?? 0
      ready = Math.max(ready, performance.now() + ms)
      const rest = ready - performance.now()
      if (rest <= 0) client.write(data)
      else setTimeout(() => client.write(data), rest).unref()
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const cut = () => { for (const socket of sockets) socket.destroy() }
  return {
    host: '127.0.0.1',
    port: (server.address() as AddressInfo).port,
    get connections () { return connections },
    cutAfter: (bytes) => { limit = bytes },
    delay: (ms) => { wait = ms },
    blackhole: (on) => { hole = on },
    cut,
    retarget: (to) => { port = to },
    stop: () => new Promise((resolve) => {
      server.close(() => resolve())
      cut()
    })
  }
}
