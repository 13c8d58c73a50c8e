import { connect, createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

/**
 * What becomes of the replies of one turn: bytes in the order they leave, waits (ms) that hold up all behind them, bytes
 * that come later without holding up anything, the end of the connection, silence for good.
 */
export type Outcome = ReadonlyArray<Buffer | { readonly wait: number } | { readonly after: number, readonly bytes: Buffer } | 'cut' | 'mute'>

export interface Proxy {
  readonly server: string
  /** Given the next reply frames as the real server sent them; `undefined` = let everything through. */
  script: ((frames: Buffer[]) => Outcome | undefined) | undefined
  close (): Promise<void>
}

/** Stands in front of a real memcached and does to its replies what the script says. */
export async function startProxy (target: { port: number }): Promise<Proxy> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(target.port, '127.0.0.1')
    let rest: Buffer = Buffer.alloc(0)
    let queue = Promise.resolve()
    let muted = false
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => {})
      socket.on('close', () => { sockets.delete(socket); client.destroy(); upstream.destroy() })
    }
    client.on('data', (data) => { upstream.write(data) })
    upstream.on('data', (data: Buffer) => {
      const { frames, left } = split(Buffer.concat([rest, data]))
      rest = left
      if (frames.length === 0) return
      const outcome = proxy.script?.(frames) ?? frames
      queue = queue.then(async () => {
        for (const step of outcome) {
          if (muted || client.destroyed) return
          if (step === 'cut') client.destroy()
          else if (step === 'mute') muted = true
          else if (Buffer.isBuffer(step)) client.write(step)
          else if ('after' in step) setTimeout(() => { client.write(step.bytes) }, step.after)
          else await new Promise((resolve) => setTimeout(resolve, step.wait))
        }
      })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const proxy: Proxy = {
    server: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    script: undefined,
    async close () {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    }
  }
  return proxy
}

function split (bytes: Buffer): { frames: Buffer[], left: Buffer } {
  const frames: Buffer[] = []
  let at = 0
  while (bytes.length - at >= 24 && bytes.length - at >= 24 + bytes.readUInt32BE(at + 8)) {
    const size = 24 + bytes.readUInt32BE(at + 8)
    frames.push(bytes.subarray(at, at + size))
    at += size
  }
  return { frames, left: bytes.subarray(at) }
}
