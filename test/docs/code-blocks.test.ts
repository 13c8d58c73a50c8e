import t from 'tap'
import { readFileSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import ts from 'typescript'

// Every TypeScript block of the README and the docs compiles, with the project's own strictness, as a user would write
// it. A block that does not make its own `app` goes on with one that has the plugin.

const root = join(import.meta.dirname, '../..')
const pages = ['README.md', ...readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)]

const ambient = `
import type { FastifyInstance } from 'fastify'
import 'fastify-cached'
declare global { const app: FastifyInstance }
`

interface Block { page: string, line: number, code: string }

/** The blocks fenced as `ts`, with the line that each begins at. */
function blocksOf (page: string): Block[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map((match) => ({
    page,
    line: text.slice(0, match.index).split('\n').length + 1,
    code: match[1] ?? ''
  }))
}

/** The package's own names, from package.json, as the files that they are made from. */
function packagePaths (): Record<string, string[]> {
  const { name, exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { name: string, exports: Record<string, { default?: string }> }
  return Object.fromEntries(Object.entries(exports).flatMap(([subpath, { default: file }]) =>
    file === undefined ? [] : [[name + subpath.slice(1), [join(root, file.replace('./dist/', '').replace(/\.js$/, '.ts'))]]]))
}

/** Compiles all blocks in one program; the faults of each, as `page:line message`. */
function compile (blocks: readonly Block[]): Map<Block, string[]> {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, root)
  const settings: ts.CompilerOptions = { ...options, noEmit: true, paths: packagePaths() }
  const files = new Map([
    [join(root, 'docs/ambient.d.ts'), ambient],
    ...blocks.map((block, index) => [join(root, `docs/block-${index}.ts`), `${block.code}\nexport {}\n`] as const)
  ])

  const host = ts.createCompilerHost(settings)
  const { getSourceFile, fileExists, readFile } = host
  host.fileExists = (file) => files.has(file) || fileExists(file)
  host.readFile = (file) => files.get(file) ?? readFile(file)
  host.getSourceFile = (file, language, ...rest) => {
    const text = files.get(file)
    return text === undefined ? getSourceFile(file, language, ...rest) : ts.createSourceFile(file, text, language, true)
  }
  const program = ts.createProgram([...files.keys()], settings, host)

  return new Map(blocks.map((block, index) => {
    const source = program.getSourceFile(join(root, `docs/block-${index}.ts`))
    const faults = [...program.getSyntacticDiagnostics(source), ...program.getSemanticDiagnostics(source)]
    return [block, faults.map((fault) => {
      const line = source === undefined ? 0 : source.getLineAndCharacterOfPosition(fault.start ?? 0).line
      return `${block.page}:${block.line + line} ${ts.flattenDiagnosticMessageText(fault.messageText, ' ')}`
    })]
  }))
}

t.test('every ts block compiles', async (t) => {
  const blocks = pages.flatMap(blocksOf)
  t.ok(blocks.length >= 15, `${blocks.length} blocks were found`)
  for (const [block, faults] of compile(blocks)) t.same(faults, [], `${block.page}:${block.line}`)
})

t.test('the test would notice a fault', async (t) => {
  const wrong = { page: 'nowhere.md', line: 1, code: "await app.cache.get('key', 'too', 'many')\napp.nothing()\n" }
  t.match(compile([wrong]).get(wrong), [/^nowhere\.md:1 Expected 1 argument/, /^nowhere\.md:2 Property 'nothing'/])
})

t.test('fenced blocks say what they are in', async (t) => {
  for (const page of pages) {
    const fences = readFileSync(join(root, page), 'utf8').match(/^```.*$/gm) ?? []
    const openings = fences.filter((_, index) => index % 2 === 0)
    t.same(openings.filter((fence) => !/^```(ts|console|json|conf)$/.test(fence)), [], relative(root, page))
  }
})
