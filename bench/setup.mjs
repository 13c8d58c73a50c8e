// Installs what is measured against. Its own package: nobody who only uses or tests the plugin has to download it.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

const folder = import.meta.dirname

function current () {
  try {
    const wanted = JSON.parse(readFileSync(join(folder, 'package-lock.json'), 'utf8')).packages
    const present = JSON.parse(readFileSync(join(folder, 'node_modules/.package-lock.json'), 'utf8')).packages
    return Object.entries(wanted).every(([path, { optional, version }]) => path === '' || optional === true || present[path]?.version === version)
  } catch {
    return false
  }
}

if (!current()) {
  console.log('bench: installing the contenders (npm ci)')
  const { status } = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder, stdio: 'inherit' })
  process.exitCode = status ?? 1
}
