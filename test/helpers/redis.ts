import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { freePort } from './ports.ts'
import { Daemon, removeAtExit, until } from './process.ts'

const run = promisify(execFile)

export interface RedisServer {
  readonly host: '127.0.0.1'
  readonly port: number
  /** Of a server that listens on a unix socket. */
  readonly socket: string
  readonly folder: string
  readonly certificates: Certificates | undefined
  /** Runs a command as an administrator and gives redis-cli's text back. */
  cli (...args: string[]): Promise<string>
  /** Stops it at once (SIGKILL). */
  kill (): Promise<void>
  freeze (): void
  thaw (): void
  /** Starts it again on the same port, empty unless it saves. */
  restart (): Promise<void>
  /** Ends it for good; the folder goes when the process ends. */
  stop (): Promise<void>
}

export interface RedisOptions {
  readonly port?: number
  readonly password?: string
  /** Lines of the configuration file. */
  readonly conf?: readonly string[]
  readonly tls?: boolean
  /** `true`: no TCP port at all. */
  readonly socketOnly?: boolean
  readonly sentinel?: boolean
  /** Room for the cluster bus. */
  readonly busPort?: boolean
}

export interface Certificates { readonly ca: string, readonly cert: string, readonly key: string }

/** A redis-server of its own folder and port. */
export async function startRedis (options: RedisOptions = {}): Promise<RedisServer> {
  for (let tries = 1; ; tries++) {
    try {
      return await launchRedis(options)
    } catch (error) {
      // Something else was quicker than the server that the port was found for
      if (options.port !== undefined || tries === 5 || !/in use/.test(String(error))) throw error
    }
  }
}

async function launchRedis (options: RedisOptions): Promise<RedisServer> {
  const folder = mkdtempSync(join(tmpdir(), 'fastify-cached-redis-'))
  removeAtExit(folder)
  const port = options.port ?? await freePort(options.busPort === true ? 10_000 : 0)
  const socket = join(folder, 'redis.sock')
  const certificates = options.tls === true ? makeCertificates(folder) : undefined
  const file = join(folder, 'redis.conf')
  writeFileSync(file, configuration(options, port, socket, folder, certificates))
  const daemon = new Daemon('redis-server', options.sentinel === true ? [file, '--sentinel'] : [file])
  const cliArgs = [
    ...(options.socketOnly === true ? ['-s', socket] : ['-h', '127.0.0.1', '-p', String(port)]),
    ...(options.password === undefined ? [] : ['-a', options.password, '--no-auth-warning']),
    ...(certificates === undefined ? [] : ['--tls', '--cacert', certificates.ca])
  ]
  const cli = async (...args: string[]) => (await run('redis-cli', [...cliArgs, ...args])).stdout.trim()

  async function start (): Promise<void> {
    daemon.start()
    let ended = false
    await until(`redis-server on ${port} answers`, async () => {
      const answers = /PONG|NOAUTH/.test(await cli('ping').catch((error) => String(error.stdout)))
      ended = daemon.dead // asked last: it may be another server that answers
      return answers || ended
    })
    if (ended) throw new Error(`redis-server ended: ${daemon.output}`)
  }

  await start()
  return {
    host: '127.0.0.1',
    port,
    socket,
    folder,
    certificates,
    cli,
    kill: () => daemon.kill(),
    freeze: () => daemon.freeze(),
    thaw: () => daemon.thaw(),
    restart: async () => {
      await daemon.kill()
      await start()
    },
    stop: () => daemon.kill()
  }
}

function configuration (options: RedisOptions, port: number, socket: string, folder: string, certificates: Certificates | undefined): string {
  const plainPort = options.socketOnly === true || certificates !== undefined ? 0 : port
  const lines = [
    'bind 127.0.0.1',
    `port ${plainPort}`,
    `dir ${folder}`,
    'loglevel warning'
  ]
  if (options.sentinel !== true) lines.push('save ""', 'appendonly no', 'repl-diskless-sync-delay 0', `unixsocket ${socket}`, 'enable-debug-command yes')
  if (options.password !== undefined && options.sentinel !== true) lines.push(`requirepass ${options.password}`)
  if (certificates !== undefined) {
    lines.push(`tls-port ${port}`, `tls-cert-file ${certificates.cert}`, `tls-key-file ${certificates.key}`, `tls-ca-cert-file ${certificates.ca}`, 'tls-auth-clients no')
  }
  return [...lines, ...options.conf ?? []].join('\n') + '\n'
}

/** An authority of our own and a certificate for localhost and 127.0.0.1 from it. */
export function makeCertificates (folder: string): Certificates {
  const path = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'pipe' })
  openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=test authority', '-keyout', path('ca.key'), '-out', path('ca.crt'))
  openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-subj', '/CN=localhost', '-keyout', path('server.key'), '-out', path('server.csr'))
  writeFileSync(path('names'), 'subjectAltName=DNS:localhost,IP:127.0.0.1\n')
  openssl('x509', '-req', '-in', path('server.csr'), '-CA', path('ca.crt'), '-CAkey', path('ca.key'), '-CAcreateserial', '-days', '2', '-extfile', path('names'), '-out', path('server.crt'))
  return { ca: path('ca.crt'), cert: path('server.crt'), key: path('server.key') }
}

/** A read-only replica of `primary`, in step with it. */
export async function startReplica (primary: RedisServer, options: RedisOptions = {}): Promise<RedisServer> {
  const conf = [`replicaof 127.0.0.1 ${primary.port}`, ...options.password === undefined ? [] : [`masterauth ${options.password}`], ...options.conf ?? []]
  const replica = await startRedis({ ...options, conf })
  await until('the replica is in step', async () => /master_link_status:up/.test(await replica.cli('info', 'replication')))
  return replica
}

export interface SentinelSet {
  readonly name: string
  readonly primary: RedisServer
  readonly replica: RedisServer
  readonly sentinels: readonly RedisServer[]
  /** Orders a failover, as soon as the sentinels find the replica good for it. */
  failover (): Promise<void>
  /** The port of the primary, as the sentinels have it. */
  primaryPort (): Promise<number>
  stop (): Promise<void>
}

/** A primary, a replica and three sentinels that know each other. */
export async function startSentinels (options: { password?: string, sentinelPassword?: string, name?: string } = {}): Promise<SentinelSet> {
  const { name = 'mymaster', password, sentinelPassword } = options
  const auth = password === undefined ? {} : { password }
  const conf = password === undefined ? [] : [`masterauth ${password}`]
  const primary = await startRedis({ ...auth, conf })
  const replica = await startReplica(primary, { ...auth, conf })
  const sentinels = await Promise.all([1, 2, 3].map(() => startRedis({
    sentinel: true,
    ...sentinelPassword === undefined ? {} : { password: sentinelPassword },
    conf: [
      ...sentinelPassword === undefined ? [] : [`requirepass ${sentinelPassword}`, `sentinel sentinel-pass ${sentinelPassword}`],
      `sentinel monitor ${name} 127.0.0.1 ${primary.port} 2`,
      ...password === undefined ? [] : [`sentinel auth-pass ${name} ${password}`],
      `sentinel down-after-milliseconds ${name} 500`,
      `sentinel failover-timeout ${name} 3000`
    ]
  })))
  for (const sentinel of sentinels) {
    await until('the sentinels know each other and the replica', async () => {
      const state = await sentinel.cli('sentinel', 'master', name)
      return /num-slaves\n1/.test(state) && /num-other-sentinels\n2/.test(state)
    })
  }
  const first = sentinels[0] as RedisServer
  return {
    name,
    primary,
    replica,
    sentinels,
    failover: () => until('a failover is accepted', async () => /OK/.test(await first.cli('sentinel', 'failover', name).catch((error) => String(error.stdout)))),
    primaryPort: async () => Number((await first.cli('sentinel', 'get-master-addr-by-name', name)).split('\n')[1]),
    stop: async () => { await Promise.all([...sentinels, primary, replica].map((server) => server.stop())) }
  }
}

export interface RedisCluster {
  readonly nodes: readonly RedisServer[]
  readonly addresses: Array<[string, number]>
  /** The node that serves the slot of a key now. */
  masterOf (key: string): Promise<RedisServer>
  stop (): Promise<void>
}

/** Three masters, or six nodes: three masters with a replica each. */
export async function startCluster (size: 3 | 6, options: { password?: string } = {}): Promise<RedisCluster> {
  const { password } = options
  const conf = ['cluster-enabled yes', 'cluster-node-timeout 1000', 'cluster-replica-validity-factor 0', ...password === undefined ? [] : [`masterauth ${password}`]]
  const nodes: RedisServer[] = []
  for (let i = 0; i < size; i++) nodes.push(await startRedis({ busPort: true, conf, ...password === undefined ? {} : { password } }))
  const addresses = nodes.map(({ port }): [string, number] => ['127.0.0.1', port])
  await run('redis-cli', [
    ...password === undefined ? [] : ['-a', password, '--no-auth-warning'],
    '--cluster', 'create', ...addresses.map(([host, port]) => `${host}:${port}`),
    '--cluster-replicas', size === 6 ? '1' : '0', '--cluster-yes'
  ])
  for (const node of nodes) {
    await until('the cluster is ready on every node', async () => {
      const ready = /cluster_state:ok/.test(await node.cli('cluster', 'info'))
      return ready && (await node.cli('cluster', 'nodes')).split('\n').length === size
    })
  }
  if (size === 6) {
    for (const node of nodes) {
      await until('replicas are in step', async () => {
        const state = await node.cli('info', 'replication')
        return /role:master/.test(state) ? /connected_slaves:1/.test(state) : /master_link_status:up/.test(state)
      })
    }
  }
  return {
    nodes,
    addresses,
    masterOf: async (key) => {
      for (const node of nodes) {
        const answer = await node.cli('get', key).catch(() => 'down')
        if (!/^MOVED|^down|CLUSTERDOWN|Could not connect/.test(answer)) return node
      }
      throw new Error(`no node serves ${key}`)
    },
    stop: async () => { await Promise.all(nodes.map((node) => node.stop())) }
  }
}
