import { execFileSync, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { memcachedStore } from '../../lib/stores/memcached/index.ts'
import type { MemcachedStore, MemcachedStoreSettings } from '../../lib/stores/memcached/index.ts'
import { freePort } from './ports.ts'
import { until } from './process.ts'

/** A memcached of the tests' own. */
export interface Memcached {
  /** As CACHE_MEMCACHED_SERVERS takes it. */
  readonly server: string
  readonly port: number
  /** SIGKILL: the memory is gone. */
  kill (): Promise<void>
  /** SIGSTOP and SIGCONT. */
  freeze (): void
  thaw (): void
  /** Again on the same address, empty. */
  restart (): Promise<void>
  stop (): Promise<void>
}

export interface MemcachedOptions {
  readonly sasl?: boolean
  readonly host?: '127.0.0.1' | '::1'
  readonly unix?: boolean
  /** Further arguments: `['-m', '1']`. */
  readonly args?: readonly string[]
}

export const USER = 'user'
export const PASSWORD = 'a-secret#/@:pässword'

export async function startMemcached (options: MemcachedOptions = {}): Promise<Memcached> {
  for (let tries = 1; ; tries++) {
    try {
      return await launchMemcached(options)
    } catch (error) {
      // Something else may have been quicker than the server that the port was found for
      if (tries === 5) throw error
    }
  }
}

async function launchMemcached (options: MemcachedOptions): Promise<Memcached> {
  const folder = mkdtempSync(join(tmpdir(), 'memcached-'))
  // memcached as root gives up its rights before it reads the password file.
  chmodSync(folder, 0o777)
  const host = options.host ?? '127.0.0.1'
  const path = join(folder, 'socket')
  const port = options.unix === true ? 0 : await freePort(0, host)
  const where = options.unix === true ? ['-s', path, '-a', '0777'] : ['-l', host, '-p', String(port)]
  const user = process.getuid?.() === 0 ? ['-u', 'nobody'] : []
  if (options.sasl === true) writePasswords(folder)
  const args = [...user, ...where, '-U', '0', '-t', '2', ...(options.sasl === true ? ['-S'] : []), ...(options.args ?? [])]
  let child = await launch()

  async function launch (): Promise<ChildProcess> {
    const started = spawn('memcached', args, { stdio: 'ignore', env: { ...process.env, SASL_CONF_PATH: folder } })
    let ended = false
    started.once('error', () => { ended = true })
    await until(`memcached ${args.join(' ')} answers`, async () => {
      const there = await answers(options.unix === true ? { path } : { host, port })
      ended ||= started.exitCode !== null // asked last: it may be another server that answers
      return there || ended
    })
    if (ended) throw new Error(`memcached ${args.join(' ')} does not start`)
    return started
  }

  async function kill (): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }

  return {
    server: options.unix === true ? path : host === '::1' ? `[::1]:${port}` : `${host}:${port}`,
    port,
    kill,
    freeze: () => { child.kill('SIGSTOP') },
    thaw: () => { child.kill('SIGCONT') },
    async restart () {
      await kill()
      rmSync(path, { force: true })
      child = await launch()
    },
    async stop () {
      await kill()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

export async function startMemcacheds (count: number, options: MemcachedOptions = {}): Promise<Memcached[]> {
  return await Promise.all(Array.from({ length: count }, async () => await startMemcached(options)))
}

export interface Logged { readonly level: 'warn' | 'info', readonly details: Record<string, unknown>, readonly message: string }

/** Deadlines that a machine which stands still for seconds keeps. Where a server is frozen or gone, a test gives its own. */
const PATIENT = 10_000

/** A store with a log that can be read, and settings that suit most tests. */
export async function openStore (servers: ReadonlyArray<Memcached | string>, settings: Partial<MemcachedStoreSettings> = {}): Promise<{ store: MemcachedStore, logged: Logged[] }> {
  const logged: Logged[] = []
  const note = (level: 'warn' | 'info') => (details: object, message: string) => { logged.push({ level, details: { ...details }, message }) }
  const store = await memcachedStore({
    kind: 'plain',
    servers: servers.map((server) => typeof server === 'string' ? server : server.server),
    username: USER,
    password: PASSWORD,
    operationTimeout: PATIENT,
    prefix: 'test_',
    log: { warn: note('warn'), info: note('info') },
    ...settings,
    options: { conntimeout: PATIENT / 1000, ...settings.options }
  })
  return { store, logged }
}

/** Waits until `check` holds. What it rejects with is a failure: it catches by itself what may pass. */
export async function eventually (check: () => Promise<boolean> | boolean): Promise<void> {
  let fault: { error: unknown } | undefined
  await until(check.toString(), async () => {
    try {
      return await check()
    } catch (error) {
      fault = { error }
      return true
    }
  })
  if (fault !== undefined) throw fault.error
}

function writePasswords (folder: string): void {
  const db = join(folder, 'sasldb2')
  writeFileSync(join(folder, 'memcached.conf'), `mech_list: plain\nsasldb_path: ${db}\n`)
  execFileSync('saslpasswd2', ['-p', '-c', '-a', 'memcached', '-f', db, USER], { input: PASSWORD, stdio: ['pipe', 'ignore', 'inherit'] })
  chmodSync(db, 0o644)
}

async function answers (where: { path: string } | { host: string, port: number }): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(where)
    socket.once('connect', () => { resolve(true); socket.destroy() })
    socket.once('error', () => { resolve(false) })
  })
}
