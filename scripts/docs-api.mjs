// Writes docs/api.md from the TSDoc of the public names of index.ts: `npm run docs:api`. With `--check` it writes nothing,
// names what has no TSDoc or is missing from the page, and fails.
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'

const root = join(import.meta.dirname, '..')
const page = join(root, 'docs/api.md')
const entry = process.argv.find((argument, i) => i > 1 && !argument.startsWith('--')) ?? join(root, 'index.ts')

const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, root)
const program = ts.createProgram([entry], options)
const checker = program.getTypeChecker()
const FORMAT = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.WriteArrowStyleSignature | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope

const resolved = (symbol) => symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
const textOf = (parts) => ts.displayPartsToString(parts).trim()
const own = (symbol) => symbol.declarations?.some((declaration) => !declaration.getSourceFile().fileName.includes('/node_modules/')) ?? false

function docOf (symbol) {
  const target = resolved(symbol)
  const text = textOf(target.getDocumentationComment(checker))
  if (text !== '') return text
  // Of `export type X = { … }['call']` and the like, the documentation stands on the export itself.
  return textOf(symbol.getDocumentationComment(checker))
}

function tagsOf (symbol) {
  return resolved(symbol).getJsDocTags(checker)
    .filter(({ name }) => ['param', 'returns', 'throws', 'typeParam', 'typeparam'].includes(name))
    .map(({ name, text }) => ({ name, text: textOf(text) }))
}

function kindOf (symbol) {
  const { flags } = resolved(symbol)
  if (flags & ts.SymbolFlags.Function) return 'function'
  if (flags & ts.SymbolFlags.Interface) return 'interface'
  if (flags & ts.SymbolFlags.TypeAlias) return 'type'
  return 'constant'
}

/** As written, in one line: what a reader of the source sees, without bodies and comments. */
function written (symbol) {
  const declaration = resolved(symbol).declarations?.[0]
  if (declaration === undefined) return ''
  const printer = ts.createPrinter({ removeComments: true, omitTrailingSemicolon: true })
  return printer.printNode(ts.EmitHint.Unspecified, declaration, declaration.getSourceFile()).replace(/\s+/g, ' ').replace(/;?$/, '')
}

function signatureOf (symbol, kind) {
  const target = resolved(symbol)
  if (kind === 'function') return checker.getSignaturesOfType(checker.getTypeOfSymbol(target), ts.SignatureKind.Call).map((signature) => `${symbol.name}${checker.signatureToString(signature, undefined, FORMAT & ~ts.TypeFormatFlags.WriteArrowStyleSignature)}`)
  if (kind === 'type') return [written(symbol).replace(/^export /, '')]
  return []
}

function membersOf (symbol, kind) {
  if (kind !== 'interface') return []
  return checker.getPropertiesOfType(checker.getDeclaredTypeOfSymbol(resolved(symbol))).filter(own).map((member) => {
    const declaration = member.declarations[0]
    const plain = ts.isPropertySignature(declaration) || ts.isMethodSignature(declaration)
    const text = plain ? written(member).replace(/^readonly /, '') : member.name
    return { name: member.name, text, doc: docOf(member) }
  })
}

/** Every public name with what is said of it. */
function publicApi () {
  const source = program.getSourceFile(entry)
  const names = checker.getExportsOfModule(checker.getSymbolAtLocation(source))
  return names.filter(({ name }) => name !== 'module.exports').map((symbol) => {
    const kind = kindOf(symbol)
    return { name: symbol.name, kind, doc: docOf(symbol), tags: tagsOf(symbol), signatures: signatureOf(symbol, kind), members: membersOf(symbol, kind) }
  }).sort((a, b) => order(a) - order(b) || a.name.localeCompare(b.name))
}

const order = ({ name, kind }) => name === 'default' ? 0 : kind === 'function' ? 1 : kind === 'constant' ? 2 : name.endsWith('Options') || name === 'Cache' ? 3 : 4
const code = (text) => text.includes('`') ? `\`\` ${text} \`\`` : `\`${text}\``
// Angle brackets outside code would be taken for markup.
const prose = (text) => text.replace(/\n/g, ' ').split(/(`[^`]*`)/).map((part, i) => i % 2 === 0 ? part.replaceAll('<', '&lt;').replaceAll('{@link ', '{') : part).join('')

function section ({ name, kind, doc, tags, signatures, members }) {
  return [
    `## ${name}`, '', `*${kind}*`, '',
    ...signatures.flatMap((signature) => [code(signature), '']),
    prose(doc), '',
    ...tags.map(({ name, text }) => `- *${name}* ${prose(text)}`), ...tags.length > 0 ? [''] : [],
    ...members.map((member) => `- ${code(member.text)}${member.doc === '' ? '' : `: ${prose(member.doc)}`}`), ...members.length > 0 ? [''] : []
  ].join('\n')
}

function render (api) {
  const head = '# API reference\n\nEvery public name of `fastify-cached`, from its source: `npm run docs:api` writes this page. Timeouts and lifetimes are seconds.\n'
  return `${head}\n${api.map(section).join('\n')}`.replace(/\n{3,}/g, '\n\n').trimEnd() + '\n'
}

const api = publicApi()
if (process.argv.includes('--check')) {
  const silent = [
    ...api.filter(({ doc }) => doc === '').map(({ name }) => name),
    ...api.flatMap(({ name, members }) => members.filter(({ doc }) => doc === '').map((member) => `${name}.${member.name}`))
  ]
  const known = new Set([...readFileSync(page, 'utf8').matchAll(/^## (.*)$/gm)].map(([, name]) => name))
  const missing = api.map(({ name }) => name).filter((name) => !known.has(name))
  if (silent.length > 0) console.log(`no TSDoc: ${silent.join(', ')}`)
  if (missing.length > 0) console.log(`not in docs/api.md (npm run docs:api writes it): ${missing.join(', ')}`)
  console.log(`${api.length} public names`)
  process.exitCode = silent.length + missing.length > 0 ? 1 : 0
} else {
  writeFileSync(page, render(api))
  console.log(`docs/api.md: ${api.length} public names`)
}
