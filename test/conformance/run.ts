import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { Test } from 'tap'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { CacheOptions } from '../../index.ts'
import { backends } from '../helpers/backends.ts'
import type { Backend } from '../helpers/backends.ts'
import { clock } from '../helpers/clock.ts'
import { openFlights } from '../helpers/flights.ts'
import { eventually, startOrigin } from '../helpers/origin.ts'
import type { Origin, OriginOptions } from '../helpers/origin.ts'
import type { ClientReply, ClientRequest } from '../helpers/client.ts'

/** A header as the origin sends it; a function is asked at the run, for what depends on the clock. */
export type HeaderValue = string | string[] | number | (() => string)

/** One answer of the scripted origin. */
export interface Script {
  status?: number
  headers?: Record<string, HeaderValue>
  /** `undefined`: text that names the run. A function makes it anew at each run: streams. */
  body?: unknown
  throws?: boolean
}

export interface Step {
  /** Moves the clock on before the request, seconds. */
  advance?: number
  /** What is sent: GET of the case's path unless it says otherwise; a string is written to a socket as it is. */
  request?: ClientRequest | string
  expect?: {
    /** The run of the handler that this reply comes from; 0: from none; several: any of these. */
    run?: number | number[]
    /** How often the handler has run afterwards; without it, and with `run`, no more often than that. */
    runs?: number
    status?: number | number[]
    headers?: Record<string, string | RegExp>
    absent?: string[]
    body?: string
    /** What is wrong with it, in words; `undefined`: nothing. */
    check?: (reply: ClientReply) => string | undefined
  }
  /** Repeats the request until it is as expected, for a while: what a run in the background leads to. */
  eventually?: boolean
  /** The client may see its connection cut. */
  broken?: boolean
}

export interface Case {
  name: string
  /** The section of the RFC (9111 where no other is named). */
  section: string
  /** `config.cache` of the route. */
  route?: Record<string, unknown> | boolean
  /** Further options of the plugin. */
  cache?: Record<string, unknown>
  fastify?: OriginOptions['fastify']
  /** The pattern of the cached route. */
  url?: string
  /** What the steps ask for. */
  path?: string
  /** One answer per run; the last goes on. */
  replies?: Script[]
  /** The answer to any unsafe method; without it there is none but 404. */
  write?: Script
  setup?: (app: FastifyInstance, origin: Origin) => unknown
  /** Response fields that need not be as they were on the miss. */
  differs?: string[]
  steps: Step[]
}

// What may differ between a miss and its hits: time, framing, and what belongs to one connection.
const ownOfEachReply = ['age', 'date', 'cache-status', 'connection', 'keep-alive', 'transfer-encoding']

function answer (script: Script, reply: FastifyReply, run: number): unknown {
  if (script.status !== undefined) reply.code(script.status)
  reply.header('x-run', String(run))
  for (const [name, value] of Object.entries(script.headers ?? {})) {
    reply.header(name, typeof value === 'function' ? value() : value)
  }
  if (script.throws === true) throw new Error('scripted failure')
  const body = typeof script.body === 'function' ? script.body(run) as unknown : script.body
  return body === undefined ? `run ${run}` : body
}

function kept (reply: ClientReply, differs: readonly string[]): string[] {
  const lines: string[] = []
  for (let i = 0; i < reply.rawHeaders.length; i += 2) {
    const name = String(reply.rawHeaders[i]).toLowerCase()
    if (!differs.includes(name)) lines.push(`${name}: ${reply.rawHeaders[i + 1]}`)
  }
  return lines.sort()
}

function oneOf<T> (wanted: T | T[]): T[] {
  return Array.isArray(wanted) ? wanted : [wanted]
}

/** What is wrong with a reply, one line each. */
function faults (step: Step, reply: ClientReply, runs: number, before: number): string[] {
  const { expect = {} } = step
  const found: string[] = []
  const run = Number(reply.headers['x-run'] ?? 0)
  if (expect.run !== undefined && !oneOf(expect.run).includes(run)) found.push(`reply of run ${run}, expected ${expect.run}`)
  const most = expect.runs ?? (expect.run === undefined ? undefined : Math.max(before, ...oneOf(expect.run)))
  if (most !== undefined && runs !== most) found.push(`${runs} runs, expected ${most}`)
  if (expect.status !== undefined && !oneOf(expect.status).includes(reply.status)) found.push(`status ${reply.status}, expected ${expect.status}`)
  if (expect.body !== undefined && reply.text !== expect.body) found.push(`body ${JSON.stringify(reply.text.slice(0, 200))}, expected ${JSON.stringify(expect.body)}`)
  for (const [name, wanted] of Object.entries(expect.headers ?? {})) {
    const got = [reply.headers[name] ?? []].flat().join(', ')
    if (typeof wanted === 'string' ? got !== wanted : !wanted.test(got)) found.push(`${name}: ${JSON.stringify(got)}, expected ${wanted}`)
  }
  for (const name of expect.absent ?? []) {
    if (reply.headers[name] !== undefined) found.push(`${name}: ${reply.headers[name]}, expected none`)
  }
  const wrong = expect.check?.(reply)
  if (wrong !== undefined) found.push(wrong)
  return found
}

/** RFC 9111 §4: a reused reply is the stored one, line by line, whatever else a case looks at. */
function hitFaults (kase: Case, miss: ClientReply, hit: ClientReply, head: boolean): string[] {
  const differs = [...ownOfEachReply, ...kase.differs ?? []]
  // A stream has a length and a tag from its first hit on.
  if (miss.headers['transfer-encoding'] !== undefined) differs.push('content-length', 'etag')
  const found: string[] = []
  const [was, is] = [kept(miss, differs), kept(hit, differs)]
  if (was.join('\n') !== is.join('\n')) found.push(`headers of the hit\n  ${is.join('\n  ')}\nof the miss\n  ${was.join('\n  ')}`)
  if (!head && !hit.body.equals(miss.body)) found.push(`body of the hit ${hit.text.slice(0, 100)}, of the miss ${miss.text.slice(0, 100)}`)
  if (head && hit.body.length > 0) found.push('a body in answer to HEAD')
  if (!/^\d+$/.test(String(hit.headers.age))) found.push(`age: ${hit.headers.age} on a hit`)
  return found
}

async function send (origin: Origin, kase: Case, step: Step): Promise<ClientReply> {
  if (typeof step.request === 'string') return origin.raw(step.request)
  return origin.request({ path: kase.path ?? kase.url ?? '/r', ...step.request })
}

async function runCase (t: Test, kase: Case, backend: Backend): Promise<void> {
  clock.stop()
  const replies = kase.replies ?? [{}]
  const route = async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const run = origin.ran()
    return answer(replies[Math.min(run, replies.length) - 1] ?? {}, reply, run)
  }
  const origin = await startOrigin(async (app, self) => {
    await kase.setup?.(app, self)
    app.get(kase.url ?? '/r', { config: { cache: kase.route ?? true } as object }, route)
    const { write } = kase
    if (write !== undefined) {
      app.route({ method: ['POST', 'PUT', 'PATCH', 'DELETE'], url: '/*', handler: async (request, reply) => answer(write, reply, 0) })
    }
  }, { cache: { ...backend.options(), ...kase.cache } as CacheOptions, ...(kase.fastify && { fastify: kase.fastify }) })
  try {
    const misses = new Map<string, ClientReply>()
    for (const [index, step] of kase.steps.entries()) {
      if (step.advance !== undefined) clock.advance(step.advance)
      const at = `step ${index + 1}`
      let found: string[] = []
      await eventually(async () => {
        const before = origin.runs()
        let reply: ClientReply
        try {
          reply = await send(origin, kase, step)
        } catch (error) {
          found = step.broken === true ? [] : [`the request failed: ${String(error)}`]
          return true
        }
        // A remote store answers a moment after the client has its reply; the run is over when it has.
        await sleep(backend.name === 'SimpleCache' ? 1 : 5)
        await eventually(() => openFlights() === 0)
        found = faults(step, reply, origin.runs(), before)
        const run = String(reply.headers['x-run'])
        const head = typeof step.request === 'string' ? step.request.startsWith('HEAD') : step.request?.method === 'HEAD'
        const miss = misses.get(run)
        if (origin.runs() > before) {
          if (!head) misses.set(run, reply)
        } else if (miss !== undefined && reply.status === miss.status) {
          found.push(...hitFaults(kase, miss, reply, head))
        }
        return found.length === 0 || step.eventually !== true
      })
      if (found.length > 0) t.fail(`${at}: ${found.join('; ')}`, { diagnostic: true, stack: '' })
      else t.pass(at)
    }
  } finally {
    clock.start()
    await origin.close()
  }
}

/** Runs a table on every backend. */
export async function runCases (area: string, cases: readonly Case[]): Promise<void> {
  t.comment(`${area}: ${cases.length} cases`)
  for await (const backend of backends()) {
    for (const kase of cases) {
      await t.test(`${backend.name}: ${kase.name} [${kase.section}]`, (t) => runCase(t, kase, backend))
    }
  }
}

/** A step that GETs and wants the reply of this run. */
export function get (run: number | number[], step: Omit<Step, 'expect'> & { headers?: Record<string, string | string[]>, path?: string, method?: string } = {}, expect: Step['expect'] = {}): Step {
  const { headers, path, method, ...rest } = step
  const request: ClientRequest = { ...(headers && { headers }), ...(path !== undefined && { path }), ...(method !== undefined && { method }) }
  return { request, ...rest, expect: { run, ...expect } }
}

/** Two GETs: answered by one run. */
export const stored = (): Step[] => [get(1), get(1)]
/** Two GETs: each has a run of its own. */
export const notStored = (): Step[] => [get(1), get(2)]
