// The mixed load: what is asked for next, by shares, from a seeded generator, and what its answer must look like.
import { connect } from 'node:net'
import { request as send } from 'node:http'

const DISTINCT = 100_000

/** Numbers from 0 to below 1, the same for the same seed (a 32-bit linear congruence is random enough for shares). */
function random (seed) {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    return state / 2 ** 32
  }
}

/** `weight`: its share; `of`: among how many; `leaves`: the client goes away before it has its answer. */
const actions = [
  { weight: 30, path: 'hot', of: 200 },
  { weight: 60, path: 'many', of: DISTINCT, inTurn: true },
  { weight: 3, path: 'big', of: 40 },
  { weight: 5, path: 'short', of: 50 },
  { weight: 4, path: 'sick', of: 50, statuses: [200, 503] },
  { weight: 3, path: 'slow', of: 20 },
  { weight: 2, path: 'stream', of: 200 },
  { weight: 4, path: 'vary', of: 50, language: true },
  { weight: 3, path: 'private', of: 1000 },
  { weight: 4, path: 'memo', of: 2000 },
  { weight: 3, path: 'value', of: 2000 },
  { weight: 1, path: 'hot', of: 200, method: 'PUT', answer: 'put' },
  { weight: 1, path: 'purge/hot', of: 200, method: 'POST', answer: 'purge' },
  { weight: 0.5, path: 'purge/big', of: 40, method: 'POST', answer: 'purge' },
  { weight: 0.5, path: 'tag/invalidate', of: 200, method: 'POST', answer: 'tag' },
  { weight: 0.5, path: 'tag/expire', of: 200, method: 'POST', answer: 'tag' },
  { weight: 0.1, path: 'tag/invalidate', one: '-', method: 'POST', answer: 'tag' },
  { weight: 1, path: 'forget', of: 2000, method: 'POST', answer: 'forget' },
  { weight: 1, path: 'slow', of: 20, leaves: true },
  { weight: 1, path: 'stream', of: 200, leaves: true },
  { weight: 0.5, path: 'big', of: 40, leaves: true },
  { weight: 0.5, path: 'short', of: 50, leaves: true }
]
const total = actions.reduce((sum, { weight }) => sum + weight, 0)

/**
 * A generator of requests: `{ method, path, headers, starts, statuses, leaves }`.
 * @param among the share of the keys that are asked for at random: the fewer, the more hits
 */
export function mix (seed, among = 1) {
  const next = random(seed)
  let turn = 0
  return () => {
    let point = next() * total
    const action = actions.find(({ weight }) => (point -= weight) < 0) ?? actions[0]
    const n = action.one ?? (action.inTurn === true ? turn++ % action.of : Math.floor(next() * Math.ceil(action.of * among)))
    const language = action.language === true ? `l${Math.floor(next() * 5)}` : undefined
    return {
      method: action.method ?? 'GET',
      path: `/${action.path}/${n}`,
      headers: language === undefined ? {} : { 'accept-language': language },
      starts: `${action.answer ?? action.path}:${n}:${language ?? ''}`,
      statuses: action.statuses ?? [200],
      // Before the head, or after the first bytes
      leaves: action.leaves === true ? (next() < 0.5 ? 'early' : 'midway') : undefined
    }
  }
}

/** Asks once; resolves with what was wrong, or `undefined`. */
export function ask (port, agent, wanted) {
  return wanted.leaves === undefined ? whole(port, agent, wanted) : left(port, wanted)
}

function whole (port, agent, { method, path, headers, starts, statuses }) {
  return new Promise((resolve) => {
    const request = send({ host: '127.0.0.1', port, agent, method, path, headers }, (reply) => {
      let start = ''
      let length = 0
      reply.on('data', (chunk) => {
        if (start.length < starts.length) start += chunk.toString('latin1', 0, 100)
        length += chunk.length
      })
      reply.on('end', () => {
        const announced = reply.headers['content-length']
        if (!statuses.includes(reply.statusCode)) resolve(`${path}: ${reply.statusCode}`)
        else if (reply.statusCode === 200 && !start.startsWith(starts)) resolve(`${path}: '${start.slice(0, 40)}'`)
        else if (announced !== undefined && Number(announced) !== length) resolve(`${path}: ${length} of ${announced} bytes`)
        else resolve(undefined)
      })
      reply.on('error', (error) => resolve(`${path}: ${error.message}`))
    })
    request.on('error', (error) => resolve(`${path}: ${error.message}`))
    request.end()
  })
}

function left (port, { method, path, leaves }) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(`${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`)
      if (leaves === 'early') setTimeout(() => socket.destroy(), 3)
    })
    socket.once('data', () => socket.destroy())
    socket.on('error', () => {})
    socket.on('close', () => resolve(undefined))
  })
}

/**
 * `workers` clients that ask until `going()` says no. Resolves, with nothing under way, with how many requests were
 * made and the first faults.
 */
export async function play ({ port, agent, next, workers, going }) {
  const faults = []
  let requests = 0
  await Promise.all(Array.from({ length: workers }, async () => {
    while (going(requests)) {
      requests++
      const fault = await ask(port, agent, next())
      if (fault !== undefined && faults.length < 10) faults.push(fault)
    }
  }))
  return { requests, faults }
}
