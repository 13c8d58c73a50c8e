import { Readable } from 'node:stream'
import type { ReadableStream } from 'node:stream/web'

export interface Copied {
  /** What the client gets. */
  readonly stream: Readable
  /** The copy is not wanted any more: only the client rules from now on. */
  giveUp (): void
}

/**
 * A stream for the client, while a copy is kept of up to `most` bytes. As long as the copy may become an entry, the
 * source is read ahead of a slow client, and to its end for one that left; past the bound the copy is dropped and the
 * client's back-pressure rules again. (A PassThrough is wrong here twice: a client that leaves closes it before the
 * source ends, and one that does not read stops the copy.)
 *
 * @param done told once: the whole body, or `undefined` and why there is none
 */
export function readAhead (payload: unknown, most: number, done: (body: Buffer | undefined, why?: string) => void): Copied {
  const source = asReadable(payload)
  let chunks: Buffer[] | undefined = []
  let size = 0
  let ended = false

  const client = new Readable({
    read () { if (source.isPaused()) source.resume() },
    destroy (error, callback) {
      if (chunks === undefined && !ended) source.destroy()
      callback(error)
    }
  })

  // It may fail before anybody listens, since it is read ahead; who comes later is told all the same.
  client.on('error', () => {})

  function drop (why: string): void {
    if (chunks === undefined) return
    chunks = undefined
    done(undefined, why)
  }

  source.on('data', (chunk: unknown) => {
    const bytes = asBytes(chunk)
    if (bytes === undefined) {
      drop('body')
      client.destroy(new TypeError(`A body stream must give strings or bytes; got ${typeof chunk}`))
      source.destroy()
      return
    }
    size += bytes.length
    if (size > most) drop('too-large')
    chunks?.push(bytes)
    if (client.destroyed) {
      if (chunks === undefined) source.destroy()
    } else if (!client.push(bytes) && chunks === undefined) {
      source.pause()
    }
  })
  source.once('end', () => {
    ended = true
    if (!client.destroyed) client.push(null)
    if (chunks !== undefined) done(Buffer.concat(chunks))
    chunks = undefined
  })
  source.once('error', (error: Error) => {
    drop('aborted')
    client.destroy(error)
  })
  source.once('close', () => {
    if (ended) return
    drop('aborted')
    if (!client.destroyed) client.destroy(new Error('The body stream closed before its end'))
  })
  return {
    stream: client,
    giveUp () {
      drop('closed')
      if (client.destroyed && !ended) source.destroy()
    }
  }
}

function asReadable (payload: unknown): Readable {
  if (typeof (payload as { getReader?: unknown }).getReader === 'function') return Readable.fromWeb(payload as ReadableStream)
  if (payload instanceof Readable) return payload
  return new Readable().wrap(payload as NodeJS.ReadableStream)
}

function asBytes (chunk: unknown): Buffer | undefined {
  if (typeof chunk === 'string') return Buffer.from(chunk)
  if (Buffer.isBuffer(chunk)) return chunk
  if (chunk instanceof Uint8Array) return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  return undefined
}
