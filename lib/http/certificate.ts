import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'

const known = new WeakMap<object, boolean>()

/** Does the connection of a request carry a client certificate? Asked once a connection. */
export function certificateOf (raw: IncomingMessage): boolean {
  const socket = raw.socket as Partial<TLSSocket> | undefined
  if (socket?.encrypted !== true || typeof socket.getPeerCertificate !== 'function') return false
  const said = known.get(socket)
  if (said !== undefined) return said
  const certificate = socket.getPeerCertificate() as object | null
  const answer = certificate !== null && certificate !== undefined && Object.keys(certificate).length > 0
  known.set(socket, answer)
  return answer
}
