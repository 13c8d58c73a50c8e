import t from 'tap'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { format } from 'node:util'
import ts from 'typescript'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../../index.ts'
import { request } from '../helpers/client.ts'

// What README and docs claim as output is what comes out. A listing claims it in a comment right behind console.log();
// a console block that begins with curl claims the headers of a reply of the server listed before it.

const root = join(import.meta.dirname, '../..')
const pages = ['README.md', ...readdirSync(join(root, 'docs')).filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`)]

interface Block { page: string, line: number, language: string, text: string }

function blocksOf (page: string): Block[] {
  const text = readFileSync(join(root, page), 'utf8')
  return [...text.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map((match) => ({
    page, line: text.slice(0, match.index).split('\n').length + 1, language: match[1] ?? '', text: match[2] ?? ''
  }))
}

/** `// …` lines right behind a console.log(). */
function claims ({ text }: Block): string[] {
  const lines = text.split('\n')
  return lines.flatMap((line, i) => /^console\.log\(/.test(lines[i - 1] ?? '') && line.startsWith('// ') ? [line.slice(3)] : [])
}

type Run = (app: FastifyInstance, Fastify: unknown, cached: unknown, console: unknown) => Promise<FastifyInstance>

/** Runs a listing as a user would, with `app` and the imports handed in; gives its `app` and what it printed. */
async function run (block: Block, given: FastifyInstance): Promise<{ app: FastifyInstance, printed: string[] }> {
  const imports = [...block.text.matchAll(/^import (?!type)(.*) from '(.*)'$/gm)].map(([, what, from]) => `${what} ${from}`)
  const known = imports.every((one) => ['Fastify fastify', 'cached fastify-cached'].includes(one))
  if (!known) throw new Error(`${block.page}:${block.line} imports ${imports.join(', ')}: teach this test about it`)
  const { outputText } = ts.transpileModule(block.text.replaceAll(/^import .*$/gm, '').replace('port: 3000', 'port: 0'), { compilerOptions: { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext } })
  const own = outputText.includes('const app = ')
  const body = `return (async () => { ${own ? '' : 'const app = given'}\n${outputText.replace(/^export \{\};$/m, '')}\nreturn app })()`
  // eslint-disable-next-line no-new-func
  const listing = new Function('given', 'Fastify', 'cached', 'console', body) as Run
  const printed: string[] = []
  const app = await listing(given, () => Fastify(), cached, { log: (...values: unknown[]) => printed.push(format(...values)) })
  return { app, printed }
}

async function fresh (): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(cached, { CACHE_TYPE: 'SimpleCache' })
  return app
}

const blocks = pages.flatMap(blocksOf)

t.test('what console.log() is said to print', async (t) => {
  const claiming = blocks.filter((block) => block.language === 'ts' && claims(block).length > 0)
  t.ok(claiming.length >= 2)
  for (const block of claiming) {
    const given = await fresh()
    const { app, printed } = await run(block, given)
    t.same(printed, claims(block), `${block.page}:${block.line}`)
    await Promise.all([app.close(), given.close()])
  }
})

/** Numbers of seconds depend on when one asks. */
const shape = (line: string) => line.replace(/(age: |ttl=)\d+/g, '$1N')

t.test('the headers that curl is said to show', async (t) => {
  const sessions = blocks.filter(({ language, text }) => language === 'console' && text.startsWith('$ curl'))
  t.ok(sessions.length >= 1)
  for (const session of sessions) {
    const server = blocks.findLast(({ page, line, language, text }) => page === session.page && line < session.line && language === 'ts' && text.includes('.listen('))
    if (server === undefined) { t.fail(`${session.page}:${session.line} asks a server that is not listed before`); continue }
    const given = await fresh()
    const { app } = await run(server, given)
    const { port } = app.server.address() as { port: number }
    for (const exchange of session.text.trim().split('\n\n')) {
      const [command = '', ...expected] = exchange.split('\n')
      const path = /^\$ curl -i http:\/\/localhost:3000(\/\S*)$/.exec(command)?.[1]
      if (path === undefined) { t.fail(`${session.page}: ${command}: teach this test about it`); continue }
      const { headers } = await request(port, { path })
      for (const line of expected) t.equal(shape(`${line.split(':')[0]}: ${headers[line.split(':')[0] ?? '']}`), shape(line), `${session.page}: ${line}`)
    }
    await Promise.all([app.close(), given.close()])
  }
})

t.test('the README\'s server does what its comments say', async (t) => {
  const [block] = blocksOf('README.md')
  const given = await fresh()
  const { app } = await run(block!, given)
  t.teardown(() => Promise.all([app.close(), given.close()]))
  const { port } = app.server.address() as { port: number }
  const ask = async (path: string, headers = {}) => await request(port, { path, headers })
  t.equal((await ask('/')).text, 'Hello, World!')
  t.equal((await ask('/')).headers['cache-status'], 'fastify-cached; hit; ttl=60')
  t.match((await ask('/', { cookie: 'a=b' })).headers['cache-status'], 'fwd=bypass; detail=cookie')
  const alice = (await ask('/user/alice')).text
  t.equal((await ask('/user/alice')).text, alice)
  t.equal(JSON.parse((await ask('/user/bob')).text).name, 'bob')
})
