import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, rmSync } from 'node:fs'

const running = new Set<ChildProcess>()
const folders = new Set<string>()

/** A frozen process takes no SIGTERM; SIGKILL ends it in any state. */
function endAll (): void {
  for (const child of running) child.kill('SIGKILL')
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
}
process.once('exit', endAll)
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1))

/** Where Linux has it, the kernel ends a server whose parent was killed before it could end it. */
const LEASH = existsSync('/usr/bin/setpriv') ? ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--'] : []

/** Removes a folder when this process ends, however it ends. */
export function removeAtExit (folder: string): void {
  folders.add(folder)
}

/** A server process that does not outlive this one. */
export class Daemon {
  readonly command: string
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  #child: ChildProcess | undefined
  output = ''

  constructor (command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    this.command = command
    this.args = args
    this.env = env
  }

  get pid (): number | undefined { return this.#child?.pid }

  start (): void {
    const [command = this.command, ...args] = [...LEASH, this.command, ...this.args]
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...this.env } })
    this.#child = child
    running.add(child)
    child.once('exit', () => running.delete(child))
    child.once('error', (error) => { this.output += String(error) })
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on('data', (data) => { this.output = (this.output + data).slice(-30_000) })
    }
    child.unref()
    for (const stream of [child.stdout, child.stderr]) (stream as unknown as { unref? (): void }).unref?.()
  }

  freeze (): void { this.#child?.kill('SIGSTOP') }
  thaw (): void { this.#child?.kill('SIGCONT') }

  /** Ends it without a chance to say goodbye. */
  async kill (): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    child.ref()
    await new Promise<void>((resolve) => {
      child.once('exit', () => resolve())
      child.kill('SIGKILL')
    })
  }

  get dead (): boolean { return this.#child === undefined || this.#child.exitCode !== null || this.#child.signalCode !== null }
}

/** Asks every few milliseconds until the answer is `true`, whatever errors it meets on the way; rejects after `ms`. */
export async function until (what: string, check: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
  const end = performance.now() + ms
  let last: unknown = 'it was not so'
  for (;;) {
    try {
      if (await check()) return
    } catch (error) {
      last = error
    }
    if (performance.now() > end) throw new Error(`waited ${ms} ms in vain until ${what}: ${last}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
