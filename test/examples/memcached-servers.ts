import { execFileSync } from 'node:child_process'
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../helpers/ports.ts'
import { Daemon, removeAtExit, until } from '../helpers/process.ts'

export interface Server { address: string, stop: () => Promise<void> }

const asNobody = process.getuid?.() === 0 ? ['-u', 'nobody'] : []

/** A memcached of its own; with a user, one that asks for SASL PLAIN. */
export async function startServer (user?: { username: string, password: string }): Promise<Server> {
  const port = await freePort()
  const args = ['-p', String(port), '-U', '0', '-l', '127.0.0.1', ...asNobody]
  const daemon = user === undefined
    ? new Daemon('memcached', args)
    : new Daemon('memcached', [...args, '-S'], { SASL_CONF_PATH: saslFolder(user.username, user.password) })
  daemon.start()
  await until('memcached listens', () => accepts(port))
  return { address: `127.0.0.1:${port}`, stop: () => daemon.kill() }
}

/** What libsasl reads: the mechanisms, and a database with one user. memcached reads both as `nobody`. */
function saslFolder (username: string, password: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'fastify-cached-sasl-'))
  removeAtExit(folder)
  const database = join(folder, 'sasldb2')
  writeFileSync(join(folder, 'memcached.conf'), `mech_list: plain\nsasldb_path: ${database}\n`)
  execFileSync('saslpasswd2', ['-p', '-c', '-a', 'memcached', '-f', database, username], { input: password })
  chmodSync(folder, 0o755)
  chmodSync(database, 0o644)
  return folder
}

function accepts (port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => { socket.destroy(); resolve(true) })
    socket.once('error', () => resolve(false))
  })
}
