// Child processes with one question and one answer at a time, pinned to a CPU where `taskset` allows it.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer, connect } from 'node:net'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bench } from './paths.mjs'

const cpus = availableParallelism()
export const pinned = cpus > 1 && spawnSync('taskset', ['-c', '0,1', process.execPath, '-e', ''], { stdio: 'ignore' }).status === 0

/** The server has a CPU to itself; the load and Redis share another, or have one each. */
const cpuOf = { server: 0, load: 1, redis: Math.min(2, cpus - 1) }

function start (role, command, args, stdio) {
  return pinned ? spawn('taskset', ['-c', String(cpuOf[role]), command, ...args], { stdio }) : spawn(command, args, { stdio })
}

/** A Node process of the bench: `ask(message)` resolves with its next answer. */
class Child {
  #process
  #faults = ''
  #waiting

  constructor (role, args, nodeArgs = []) {
    this.#process = start(role, process.execPath, [...nodeArgs, ...args], ['ignore', 'ignore', 'pipe', 'ipc'])
    this.#process.stderr.on('data', (chunk) => { this.#faults = (this.#faults + chunk).slice(-2000) })
    this.#process.on('message', (message) => this.#waiting?.resolve(message))
    this.#process.on('error', (error) => this.#waiting?.reject(error))
    this.#process.on('close', () => {
      const line = this.#faults.trim().split('\n').find((text) => /error|cannot/i.test(text))
      this.#waiting?.reject(new Error(line ?? 'it ended before it answered'))
    })
  }

  answer () {
    return new Promise((resolve, reject) => { this.#waiting = { resolve, reject } })
  }

  ask (message) {
    const answer = this.answer()
    this.#process.send(message)
    return answer
  }

  async stop () {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return
    const exit = once(this.#process, 'exit')
    if (this.#process.connected) this.#process.disconnect()
    const late = setTimeout(() => this.#process.kill('SIGKILL'), 5000)
    await exit
    clearTimeout(late)
  }
}

/** @returns what it answered first (its port), and how to ask and to end it */
export async function startChild (role, file, argument, nodeArgs) {
  const child = new Child(role, [join(bench, file), JSON.stringify(argument)], nodeArgs)
  return { ...await child.answer(), ask: (question) => child.ask(question), stop: () => child.stop() }
}

export async function startServer ({ file, options }, redisPort, nodeArgs) {
  const server = await startChild('server', 'server.mjs', { file, options: { ...options, redisPort } }, nodeArgs)
  return { port: server.port, mark: () => server.ask('mark'), stop: server.stop }
}

export async function startLoad () {
  const child = new Child('load', [join(bench, 'load.mjs')])
  await child.answer()
  return { run: (order) => child.ask(order), stop: () => child.stop() }
}

export async function startRedis () {
  const port = await freePort()
  const folder = mkdtempSync(join(tmpdir(), 'fastify-cached-bench-'))
  const redis = start('redis', 'redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder], 'ignore')
  let failed
  redis.once('error', (error) => { failed = error })
  for (let tries = 0; !await accepts(port); tries++) {
    if (failed !== undefined || redis.exitCode !== null || tries > 100) throw new Error('redis-server did not start; npm run setup -- --servers installs it')
    await sleep(50)
  }
  return {
    port,
    cpu: () => cpuOfProcess(redis.pid),
    stop: async () => {
      const exit = once(redis, 'exit')
      redis.kill('SIGTERM')
      await exit
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

/** User and system time of a process so far, µs; `NaN` where there is no /proc. Its clock ticks 100 times a second. */
function cpuOfProcess (pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ') // from field 3 on: the name before may hold blanks
    return (Number(fields[11]) + Number(fields[12])) * 10_000
  } catch {
    return NaN
  }
}

async function freePort () {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address()
  server.close()
  await once(server, 'close')
  return port
}

function accepts (port) {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => { socket.destroy(); resolve(true) })
    socket.once('error', () => resolve(false))
  })
}
