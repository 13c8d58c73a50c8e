import type { Socket } from 'node:net'

/** Requests up to this many bytes are copied together; a larger one goes out as it is. */
const SMALL = 16 * 1024

/** What is written in one turn of the event loop leaves in one go: a system call for a hundred requests, not for each. */
export class Outbox {
  readonly #socket: () => Socket | undefined
  #frames: Buffer[] = []
  #scheduled = false

  /** @param socket where it goes; `undefined` = not connected yet, it stays */
  constructor (socket: () => Socket | undefined) {
    this.#socket = socket
  }

  push (frame: Buffer): void {
    this.#frames.push(frame)
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.flush()
    })
  }

  flush (): void {
    const socket = this.#socket()
    if (socket === undefined || this.#frames.length === 0) return
    const frames = this.#frames
    this.#frames = []
    if (frames.length === 1) {
      socket.write(frames[0] as Buffer)
      return
    }
    socket.cork()
    for (const piece of joined(frames)) socket.write(piece)
    socket.uncork()
  }

  clear (): void {
    this.#frames = []
  }
}

function joined (frames: Buffer[]): Buffer[] {
  const pieces: Buffer[] = []
  let run: Buffer[] = []
  const close = () => {
    if (run.length > 0) pieces.push(run.length === 1 ? run[0] as Buffer : Buffer.concat(run))
    run = []
  }
  for (const frame of frames) {
    if (frame.length <= SMALL) {
      run.push(frame)
      continue
    }
    close()
    pieces.push(frame)
  }
  close()
  return pieces
}
