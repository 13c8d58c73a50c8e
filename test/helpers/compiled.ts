import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { removeAtExit } from './process.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))

/**
 * The plugin and some files of the tests as JavaScript, so that many child processes start at once without a compiler
 * each. Inside the project, where its dependencies are found.
 *
 * @returns where the compiled file of each stands
 */
export function compiled (...files: readonly string[]): string[] {
  mkdirSync(join(root, '.tap'), { recursive: true })
  const folder = mkdtempSync(join(root, '.tap', 'compiled-'))
  removeAtExit(folder)
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  const sources = ['lib', 'types'].flatMap((part) => readdirSync(join(root, part), { recursive: true, encoding: 'utf8' }).map((file) => join(part, file)))
  for (const file of ['index.ts', ...sources, ...files]) {
    if (!file.endsWith('.ts')) continue
    const { outputText } = ts.transpileModule(readFileSync(join(root, file), 'utf8'), {
      compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext, verbatimModuleSyntax: true, rewriteRelativeImportExtensions: true }
    })
    const target = join(folder, file.replace(/\.ts$/, '.js'))
    mkdirSync(dirname(target), { recursive: true })
    writeFileSync(target, outputText)
  }
  return files.map((file) => join(folder, file.replace(/\.ts$/, '.js')))
}
