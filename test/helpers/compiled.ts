import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** What runs in child processes, beside the plugin. */
const CHILDREN = [
  'test/http/lock-child.ts', 'test/tiers/child.ts', 'test/tiers/subject.ts',
  'examples/redis-cache.ts', 'examples/two-tiers.ts', ...['redis', 'serve', 'slow'].map((name) => `examples/support/${name}.ts`)
]

/**
 * Where the plugin and the children of the tests stand as JavaScript, so that many processes start at once without a
 * compiler each. Inside the project, where its dependencies are found; made once for as long as nothing changes.
 */
export function compiled (): string {
  const lib = ['lib', 'types'].flatMap((part) => readdirSync(join(root, part), { recursive: true, encoding: 'utf8' }).map((file) => join(part, file)))
  const files = ['index.ts', ...lib.filter((file) => file.endsWith('.ts')).sort(), ...CHILDREN]
  const sources = files.map((file) => [file, readFileSync(join(root, file), 'utf8')] as const)
  const folder = join(root, '.tap', `compiled-${createHash('sha256').update(JSON.stringify([sources, ts.version])).digest('hex').slice(0, 16)}`)
  if (existsSync(folder)) return folder
  mkdirSync(join(root, '.tap'), { recursive: true })
  const fresh = mkdtempSync(join(root, '.tap', 'compiling-'))
  writeFileSync(join(fresh, 'package.json'), '{ "type": "module" }')
  for (const [file, source] of sources) {
    const { outputText } = ts.transpileModule(source, {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true, rewriteRelativeImportExtensions: true }
    })
    const target = join(fresh, file.replace(/\.ts$/, '.js'))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, outputText)
  }
  try {
    renameSync(fresh, folder)
  } catch (error) {
    // Another test file was quicker
    rmSync(fresh, { recursive: true, force: true })
    if (!existsSync(folder)) throw error
  }
  return folder
}
