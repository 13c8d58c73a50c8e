// `node scripts/example.mjs weather [arguments]`: compiles the examples and runs one, on every Node.js from 20.19 on.
// (Node.js 22.18 and later also run `node examples/weather.ts` as it stands.)
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const names = readdirSync(join(root, 'examples')).filter((file) => file.endsWith('.ts')).map((file) => file.slice(0, -3))
const [name, ...args] = process.argv.slice(2)
if (name === undefined || !names.includes(name)) {
  console.error(`usage: npm run example -- <name>, one of: ${names.join(', ')}`)
  process.exit(1)
}

const compiler = join(root, 'node_modules/typescript/bin/tsc')
const compiled = spawnSync(process.execPath, [compiler, '-p', join(root, 'examples/tsconfig.json')], { stdio: 'inherit' })
const file = join(root, '.examples-build/examples', `${name}.js`)
if (compiled.status !== 0 || !existsSync(file)) process.exit(1)

const child = spawn(process.execPath, ['--enable-source-maps', file, ...args], { stdio: 'inherit' })
// Ctrl-C reaches the child by itself; this process only has to wait for it.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill('SIGTERM'))
child.on('close', (code, signal) => { process.exitCode = code ?? (signal === 'SIGINT' ? 0 : 1) })
