import http from 'node:http'
import net from 'node:net'

/** What a test sends. `path` goes on the wire as it is. */
export interface ClientRequest {
  method?: string
  path?: string
  headers?: Record<string, string | string[]>
  body?: string | Buffer
}

/** What came back. Names in lower case; a field of several lines is an array, in the order of the lines. */
export interface ClientReply {
  status: number
  headers: Record<string, string | string[] | undefined>
  rawHeaders: string[]
  body: Buffer
  text: string
}

function collect (rawHeaders: readonly string[]): ClientReply['headers'] {
  const headers: ClientReply['headers'] = Object.create(null)
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = String(rawHeaders[i]).toLowerCase()
    const value = String(rawHeaders[i + 1])
    const before = headers[name]
    headers[name] = before === undefined ? value : [before, value].flat()
  }
  return headers
}

/** One request on a connection of its own. Rejects when the reply is cut short. */
export function request (port: number, { method = 'GET', path = '/', headers = {}, body }: ClientRequest = {}): Promise<ClientReply> {
  return new Promise((resolve, reject) => {
    // Node adds no length to a DELETE.
    const framed = body === undefined ? headers : { 'content-length': String(Buffer.byteLength(body)), ...headers }
    const sent = http.request({ host: '127.0.0.1', port, method, path, headers: framed, agent: false }, (reply) => {
      const chunks: Buffer[] = []
      reply.on('data', (chunk: Buffer) => chunks.push(chunk))
      reply.on('error', reject)
      reply.on('end', () => {
        const whole = Buffer.concat(chunks)
        resolve({ status: reply.statusCode ?? 0, headers: collect(reply.rawHeaders), rawHeaders: reply.rawHeaders, body: whole, text: whole.toString() })
      })
    })
    sent.on('error', reject)
    sent.setTimeout(10_000, () => sent.destroy(new Error(`no reply to ${method} ${path} within 10 s`)))
    sent.end(body)
  })
}

/** Writes bytes as they are and reads until the server ends the connection: say `Connection: close` in the last request. */
export function exchange (port: number, bytes: string | Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes))
    const chunks: Buffer[] = []
    socket.setTimeout(10_000, () => socket.destroy(new Error('the server did not end the connection within 10 s')))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => resolve(Buffer.concat(chunks)))
  })
}

function unchunk (bytes: Buffer): { body: Buffer, rest: Buffer } {
  const parts: Buffer[] = []
  let at = 0
  for (;;) {
    const line = bytes.indexOf('\r\n', at)
    if (line < 0) return { body: Buffer.concat(parts), rest: Buffer.alloc(0) }
    const size = Number.parseInt(bytes.subarray(at, line).toString('latin1'), 16)
    if (size === 0) {
      const end = bytes.indexOf('\r\n\r\n', line)
      return { body: Buffer.concat(parts), rest: bytes.subarray(end < 0 ? bytes.length : end + 4) }
    }
    parts.push(bytes.subarray(line + 2, line + 2 + size))
    at = line + 2 + size + 2
  }
}

/** The replies in what a connection brought, in order. `heads`: which of them (by place) answer a HEAD. */
export function parseReplies (bytes: Buffer, heads: readonly number[] = []): ClientReply[] {
  const replies: ClientReply[] = []
  let left = bytes
  while (left.length > 0) {
    const end = left.indexOf('\r\n\r\n')
    if (end < 0) break
    const [first = '', ...lines] = left.subarray(0, end).toString('latin1').split('\r\n')
    const rawHeaders = lines.flatMap((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon), line.slice(colon + 1).trim()]
    })
    const headers = collect(rawHeaders)
    const status = Number(first.split(' ')[1])
    const after = left.subarray(end + 4)
    let body: Buffer = Buffer.alloc(0)
    left = after
    if (!heads.includes(replies.length) && status !== 204 && status !== 304 && status >= 200) {
      if (headers['transfer-encoding'] === 'chunked') {
        ({ body, rest: left } = unchunk(after))
      } else {
        const length = headers['content-length'] === undefined ? after.length : Number(headers['content-length'])
        body = after.subarray(0, length)
        left = after.subarray(length)
      }
    }
    replies.push({ status, headers, rawHeaders, body, text: body.toString() })
  }
  return replies
}

/** One request, written by hand, on a connection of its own. */
export async function rawRequest (port: number, text: string | Buffer): Promise<ClientReply> {
  const [reply] = parseReplies(await exchange(port, text), text.toString().startsWith('HEAD') ? [0] : [])
  if (reply === undefined) throw new Error(`no reply to ${JSON.stringify(text.toString().slice(0, 80))}`)
  return reply
}

/** A request's text: the request line, the header lines as given, and `Connection: close`. */
export function requestText (line: string, ...headers: string[]): string {
  return [line, ...headers, 'Connection: close', '', ''].join('\r\n')
}
