import t from 'tap'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { CacheOptionsSchema, RouteCacheOptionsSchema } from '../../index.ts'

const root = join(import.meta.dirname, '../..')
const read = (page: string): string => readFileSync(join(root, page), 'utf8')
const pages = [...readdirSync(root), ...readdirSync(join(root, 'docs')).map((name) => `docs/${name}`)].filter((name) => name.endsWith('.md'))

/** The first cells of the table that follows a heading. */
function firstCells (page: string, heading: string): string[] {
  const section = read(page).split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map((match) => match[1] ?? '')
}

/** As GitHub makes them from headings. */
function anchors (page: string): string[] {
  return [...read(page).matchAll(/^#+ (.*)$/gm)].map((match) => (match[1] ?? '').toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, '').replaceAll(' ', '-'))
}

t.test("the README's table names exactly the options that exist", async (t) => {
  t.same(firstCells('README.md', 'Options').sort(), Object.keys(CacheOptionsSchema.properties).sort())
})

t.test('so does the table of route options', async (t) => {
  const known = Object.keys(RouteCacheOptionsSchema.properties).filter((name) => name !== 'policy') // stands under "Policies"
  t.same(firstCells('docs/routes-and-keys.md', 'Options of a route').sort(), known.sort())
})

t.test('every link within the project leads somewhere', async (t) => {
  for (const page of pages) {
    const links = [...read(page).matchAll(/\]\((?!https?:|mailto:)([^)\s]+)\)/g)].map((match) => match[1] ?? '')
    const broken = links.filter((link) => {
      const [path = '', anchor] = link.split('#')
      const target = path === '' ? page : join(dirname(page), path)
      return !existsSync(join(root, target)) || (anchor !== undefined && !anchors(target).includes(anchor))
    })
    t.same(broken, [], page)
  }
})

t.test('docs/examples.md has a line for every example', async (t) => {
  const examples = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.ts'))
  const listed = [...read('docs/examples.md').matchAll(/^\| \[([^\]]+)\]\(\.\.\/examples\/([^)]+)\) \| .+ \|$/gm)]
  t.same(listed.map(([, , file]) => file).sort(), examples.sort())
  for (const [, name, file] of listed) t.equal(`${name}.ts`, file)
})
