import t from 'tap'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

function check (...args: string[]): { status: number | null, output: string } {
  const { NODE_OPTIONS, ...env } = process.env
  const { status, stdout, stderr } = spawnSync(process.execPath, [join(root, 'scripts/docs-api.mjs'), '--check', ...args], { env, encoding: 'utf8' })
  return { status, output: stdout + stderr }
}

t.test('every public name has TSDoc and stands in docs/api.md', async (t) => {
  const { status, output } = check()
  t.equal(status, 0, output)
  t.ok(Number(/(\d+) public names/.exec(output)?.[1]) >= 25, output)
})

t.test('the test would notice a name without', async (t) => {
  const folder = mkdtempSync(join(root, 'docs-api-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'index.ts')
  writeFileSync(file, 'export function silent (): void {}\n/** Said. */\nexport interface Half { one: string }\n')
  const { status, output } = check(file)
  t.equal(status, 1)
  t.match(output, /no TSDoc: silent, Half\.one/)
  t.match(output, /not in docs\/api\.md.*: silent, Half/)
})
