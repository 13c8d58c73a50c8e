import Fastify from 'fastify'
import type { FastifyInstance, FastifyPluginAsync, FastifyServerOptions } from 'fastify'
import t from 'tap'
import cached from '../../index.ts'
import type { CacheOptions } from '../../index.ts'
import { request } from './client.ts'
import type { ClientReply, ClientRequest } from './client.ts'

// What a user sees with the cache is what they see without it: the same script runs against servers that differ in
// nothing but the cache.

/** Where the cache is registered: before the plugins, after them, or not at all. */
export type Order = 'without' | 'before' | 'after'

/** One of the servers of a script. */
export interface Twin {
  readonly app: FastifyInstance
  readonly order: Order
  readonly port: number
  /** Log lines of level warn and above. */
  readonly log: Array<Record<string, unknown>>
  /** What this server has answered so far, in the script's order. */
  readonly replies: ClientReply[]
  /** Counts a handler's run under a name; what number this run has. */
  ran (name?: string): number
  runs (name?: string): number
  close (): Promise<void>
}

/** What a client sends; a function sees what this server has answered it so far: cookies, tokens, tags. */
export type Send = ClientRequest | ((twin: Twin) => ClientRequest)

export interface TwinStep {
  send: Send
  /** How many send it at once. */
  times?: number
  /** Does the handler run on the server with the cache? Undefined: all the same. */
  runs?: boolean
  /** Every server's reply, the one without a cache included: that the script shows what it is meant to show. */
  expect?: (reply: ClientReply, twin: Twin) => string | undefined
}

export interface Subject {
  name: string
  /** The plugins that the cache shall live with. */
  plugins?: (app: FastifyInstance, twin: Twin) => unknown
  routes: (app: FastifyInstance, twin: Twin) => unknown
  script: TwinStep[]
  /** Texts that are another one on every server: ids, nonces, signatures. */
  masks?: RegExp[]
  /** Fields that need not be equal, with the reason in a comment beside it. */
  differs?: string[]
  cache?: CacheOptions
  fastify?: FastifyServerOptions
}

const plugin = cached as unknown as FastifyPluginAsync<CacheOptions>

/** A server with the plugins, the routes, and the cache in its place. */
export async function startTwin (subject: Omit<Subject, 'script' | 'name'>, order: Order): Promise<Twin> {
  const log: Twin['log'] = []
  const counts = new Map<string, number>()
  const stream = { write: (line: string) => { log.push(JSON.parse(line) as Record<string, unknown>) } }
  const app = Fastify({ logger: { level: 'warn', stream }, forceCloseConnections: true, ...subject.fastify } as FastifyServerOptions)
  let port = 0
  const twin: Twin = {
    app,
    order,
    log,
    replies: [],
    get port () { return port },
    ran (name = '') {
      counts.set(name, (counts.get(name) ?? 0) + 1)
      return counts.get(name)!
    },
    runs: (name) => name === undefined ? [...counts.values()].reduce((sum, count) => sum + count, 0) : counts.get(name) ?? 0,
    close: () => app.close()
  }
  if (order === 'before') await app.register(plugin, subject.cache ?? {})
  await subject.plugins?.(app, twin)
  if (order === 'after') await app.register(plugin, subject.cache ?? {})
  await subject.routes(app, twin)
  await app.listen({ port: 0, host: '127.0.0.1' })
  port = (app.server.address() as { port: number }).port
  return twin
}

// Time, framing, and what a cache is there to add (RFC 9111 §5.1, RFC 9211). A stream has a length on its hits.
const OWN = new Set(['date', 'age', 'cache-status', 'connection', 'keep-alive', 'transfer-encoding'])
// Of the fields that a 304 need not repeat, each server may choose (RFC 9110 §15.4.5).
const OPTIONAL_IN_304 = new Set(['content-type', 'content-length', 'last-modified', 'accept-ranges', 'content-encoding'])

function linesOf (reply: ClientReply, plain: ClientReply, subject: Pick<Subject, 'masks' | 'differs'>, port: number): string[] {
  const masked = (text: string): string => (subject.masks ?? []).reduce((left, mask) => left.replace(mask, '*'), text.replaceAll(String(port), 'PORT'))
  const lines = [`status: ${reply.status}`]
  const streamed = plain.headers['content-length'] === undefined && plain.status !== 204 && plain.status !== 304
  for (let i = 0; i < reply.rawHeaders.length; i += 2) {
    const name = String(reply.rawHeaders[i]).toLowerCase()
    if (OWN.has(name) || subject.differs?.includes(name) === true) continue
    if (reply.status === 304 && OPTIONAL_IN_304.has(name)) continue
    if (name === 'content-length' && (streamed || reply.rawHeaders[i + 1] === '0')) continue
    // An ETag where there was none is what a cache adds.
    if (name === 'etag' && plain.headers.etag === undefined) continue
    const value = String(reply.rawHeaders[i + 1])
    lines.push(`${name}: ${masked(name === 'vary' ? value.toLowerCase().split(/ *, */).sort().join(', ') : value)}`)
  }
  lines.sort()
  lines.push(`body: ${masked(reply.text)}`)
  return lines
}

/** What differs between a reply and that of the server without a cache; empty: nothing but time. */
export function differences (reply: ClientReply, plain: ClientReply, subject: Pick<Subject, 'masks' | 'differs'> = {}, ports: [number, number] = [0, 0]): string[] {
  const is = linesOf(reply, plain, subject, ports[0])
  const was = linesOf(plain, plain, subject, ports[1])
  return [
    ...is.filter((line) => !was.includes(line)).map((line) => `with the cache    ${line.slice(0, 300)}`),
    ...was.filter((line) => !is.includes(line)).map((line) => `without the cache ${line.slice(0, 300)}`)
  ]
}

function send (twin: Twin, step: TwinStep): Promise<ClientReply[]> {
  return Promise.all(Array.from({ length: step.times ?? 1 }, () => request(twin.port, typeof step.send === 'function' ? step.send(twin) : step.send)))
}

/** Runs one script against the server without a cache and against those with it, in both orders. */
export async function runTwins (subject: Subject): Promise<void> {
  for (const order of ['before', 'after'] as const) {
    await t.test(`${subject.name}, the cache registered ${order} it`, async (t) => {
      const plain = await startTwin(subject, 'without')
      t.teardown(() => plain.close())
      const twin = await startTwin(subject, order)
      t.teardown(() => twin.close())
      for (const [index, step] of subject.script.entries()) {
        const wanted = await send(plain, step)
        const before = twin.runs()
        const got = await send(twin, step)
        plain.replies.push(wanted[0]!)
        twin.replies.push(got[0]!)
        const found = got.flatMap((reply, i) => differences(reply, wanted[i]!, subject, [twin.port, plain.port]))
        for (const [one, replies] of [[plain, wanted], [twin, got]] as const) {
          for (const reply of replies) {
            const wrong = step.expect?.(reply, one)
            if (wrong !== undefined) found.push(`${one.order}: ${wrong}`)
          }
        }
        const ran = twin.runs() - before
        if (step.runs === false && ran > 0) found.push(`the handler ran (${got[0]!.headers['cache-status']})`)
        if (step.runs === true && ran === 0) found.push(`the handler did not run (${got[0]!.headers['cache-status']})`)
        t.same(found, [], `step ${index + 1}`)
      }
    })
  }
}

/** Cookies that a server has set on this client, the latest of each name. */
export function cookiesOf (twin: Twin): string {
  const jar = new Map<string, string>()
  for (const reply of twin.replies) {
    for (const line of [reply.headers['set-cookie'] ?? []].flat()) {
      const pair = line.split(';')[0]!
      jar.set(pair.slice(0, pair.indexOf('=')), pair)
    }
  }
  return [...jar.values()].join('; ')
}

/** The route option that opts in; the server without a cache does not read it. */
export const opted = (cache: Record<string, unknown> = {}): object => ({ config: { cache: { timeout: 60, ...cache } } })

export const get = (path: string, headers: Record<string, string | string[]> = {}): ClientRequest => ({ path, headers })
