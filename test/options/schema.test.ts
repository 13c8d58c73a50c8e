import t from 'tap'
import { readFileSync } from 'node:fs'
import { CacheOptionsSchema, RouteCacheOptionsSchema } from '../../lib/options/schema.ts'

t.test('the text over each option is the description in its schema', async t => {
  const files = { 'cache-schema.ts': CacheOptionsSchema, 'route-schema.ts': RouteCacheOptionsSchema }
  for (const [file, schema] of Object.entries(files)) {
    const source = readFileSync(`${import.meta.dirname}/../../lib/options/${file}`, 'utf8')
    const texts = new Map([...source.matchAll(/^ {2}\/\*\* (.+) \*\/\n {2}(\w+): about\(/gm)].map(match => [match[2], match[1]]))
    t.strictSame([...texts.keys()], Object.keys(schema.properties))
    for (const [name, option] of Object.entries(schema.properties)) {
      t.equal(option.description, texts.get(name), name)
      t.ok(option.takes ?? name === 'CACHE_TYPE', `${name} says what it takes`)
    }
  }
})
