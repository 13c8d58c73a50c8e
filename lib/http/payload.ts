import type { FastifyReply } from 'fastify'
import { byteLength, type Body } from './stored-reply.ts'

/** Status and headers of a Web `Response` are put on the reply, as Fastify would, before they are looked at. */
export function absorbResponse (reply: FastifyReply, payload: unknown): unknown {
  if (typeof payload !== 'object') return payload
  if (Object.prototype.toString.call(payload) !== '[object Response]') return payload
  const response = payload as Response
  if (response.bodyUsed) return payload
  reply.code(response.status)
  for (const [name, value] of response.headers) reply.header(name, value)
  return response.body ?? undefined
}

/** `null`: no body at all; `undefined`: not at hand (a stream). The copy is our own: later hooks may change theirs. */
export function bodyOf (payload: unknown): Body | undefined {
  if (payload === undefined || payload === null) return null
  if (typeof payload === 'string') return payload
  if (payload instanceof Uint8Array) return Buffer.from(payload)
  return undefined
}

/** A string has at least as many bytes as characters and at most three times as many: most are told without counting. */
export function tooLarge (body: Body, most: number): boolean {
  if (typeof body === 'string' && body.length * 3 <= most) return false
  return byteLength(body) > most
}

export function isStream (payload: unknown): boolean {
  const stream = payload as { pipe?: unknown, getReader?: unknown, locked?: boolean } | null
  return typeof stream === 'object' && stream !== null && (typeof stream.pipe === 'function' || (typeof stream.getReader === 'function' && stream.locked !== true))
}

/** Nobody reads the body of a reply that another one replaces. */
export function discard (payload: unknown): void {
  if (!isStream(payload)) return
  const stream = payload as { destroy?: () => void, cancel?: () => Promise<void> }
  if (stream.destroy !== undefined) stream.destroy()
  else stream.cancel?.().catch(() => {})
}
