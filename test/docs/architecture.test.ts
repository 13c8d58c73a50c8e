import t from 'tap'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '../..')

/** Every source file, as its path from the root. */
function tree (): string[] {
  const below = (folder: string): string[] => readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1).replaceAll('\\', '/'))
  return ['index.ts', ...below('lib'), ...below('types')].sort()
}

t.test('docs/architecture.md has one line for each file', async (t) => {
  const lines = [...readFileSync(join(root, 'docs/architecture.md'), 'utf8').matchAll(/^- `([^`]+\.ts)`: (.+)$/gm)]
  const listed = lines.map(([, file]) => file ?? '')
  const files = tree()
  t.ok(files.length > 150)
  for (const file of files.filter((one) => !listed.includes(one))) {
    t.fail(`docs/architecture.md lacks a file: add the line "- \`${file}\`: what it is for" under its folder's heading`)
  }
  for (const file of listed.filter((one) => !files.includes(one))) t.fail(`docs/architecture.md has a line for ${file}, which is not there any more: take it out`)
  t.same(listed.filter((file, i) => listed.indexOf(file) !== i), [], 'no file twice')
  for (const [, file = '', text = ''] of lines) t.ok(text.length >= 8 && text.length <= 100, `${file} is told in one line`)
})
