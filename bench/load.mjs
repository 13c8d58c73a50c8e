// The load, in a process of its own: `connections` sockets, one request at a time on each, every reply checked.
// Answers each { port, load, milliseconds } with what it saw.
import { connect } from 'node:net'
import { body } from './lib/body.mjs'
import { Histogram } from './lib/histogram.mjs'

let unique = 0

function targets (load) {
  if (load === 'hot') return () => '/page'
  if (load === 'unique') return () => `/page?n=${unique++}`
  const count = Number(load.split(':')[1])
  const paths = Array.from({ length: count }, (_, n) => `/page?n=${n}`)
  let next = 0
  return () => paths[next++ % count]
}

/** One keep-alive connection that asks again as soon as it has its answer. */
function client (port, target, seen, going) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.setNoDelay(true)
    let pending = null
    let sent = 0
    const ask = () => {
      sent = performance.now()
      socket.write(`GET ${target()} HTTP/1.1\r\nHost: bench.test\r\nAccept: */*\r\n\r\n`)
    }
    socket.on('connect', ask)
    socket.on('data', (chunk) => {
      const bytes = pending === null ? chunk : Buffer.concat([pending, chunk])
      const length = replyLength(bytes)
      if (length === undefined || bytes.length < length) {
        pending = bytes
        return
      }
      pending = null
      seen.count++
      seen.latencies.add(performance.now() - sent)
      if (!right(bytes, length)) seen.wrong++
      if (going()) ask()
      else socket.destroy()
    })
    socket.on('error', (error) => { seen.errors.add(error.message) })
    socket.on('close', resolve)
  })
}

/** Of headers and body together; a reply without Content-Length is chunked and ends with an empty chunk. */
function replyLength (bytes) {
  const end = bytes.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const head = bytes.latin1Slice(0, end).toLowerCase()
  const at = head.indexOf('\r\ncontent-length: ')
  if (at !== -1) return end + 4 + parseInt(head.slice(at + 18), 10)
  const last = bytes.indexOf('\r\n0\r\n\r\n', end)
  return last === -1 ? undefined : last + 7
}

/** The body stands at the end, or, chunked, in one chunk before the last. */
function right (bytes, length) {
  if (bytes.length !== length || bytes.latin1Slice(0, 12) !== 'HTTP/1.1 200') return false
  return bytes.subarray(length - body.length, length).equals(body) || bytes.includes(body)
}

process.on('message', async ({ port, load, connections, milliseconds, requests = Infinity }) => {
  const seen = { count: 0, wrong: 0, errors: new Set(), latencies: new Histogram() }
  const start = performance.now()
  let started = 0
  const next = targets(load)
  const target = () => { started++; return next() }
  const going = () => performance.now() - start < milliseconds && started < requests
  await Promise.all(Array.from({ length: connections }, () => client(port, target, seen, going)))
  const seconds = (performance.now() - start) / 1000
  process.send({
    count: seen.count,
    wrong: seen.wrong,
    errors: [...seen.errors],
    seconds,
    p50: seen.latencies.quantile(0.5),
    p99: seen.latencies.quantile(0.99)
  })
})
process.on('disconnect', () => process.exit(0))
process.send({ ready: true })
