import t from 'tap'
import { build, openDatabase } from '../../examples/database.ts'

const hasSqlite = process.getBuiltinModule('node:sqlite') !== undefined

t.test('without node:sqlite the example says what it needs', { skip: hasSqlite && 'this Node.js has it' }, async (t) => {
  t.throws(() => openDatabase(':memory:'), { message: /needs node:sqlite.*22\.13.*this is Node\.js/ })
  await t.rejects(build(), { message: /needs node:sqlite/ })
})

t.test('queries are memoized by argument, and forgotten when a row changes', { skip: !hasSqlite && 'needs node:sqlite' }, async (t) => {
  const queries: string[] = []
  const app = await build({ onQuery: (sql) => queries.push(sql) })
  t.teardown(() => app.close())
  const cities = async (code: string) => (await app.inject(`/countries/${code}/cities`)).json()

  for (let i = 0; i < 2; i++) t.same((await app.inject('/countries')).json(), [{ code: 'gb', name: 'United Kingdom' }, { code: 'no', name: 'Norway' }])
  t.equal(queries.length, 1)
  for (let i = 0; i < 2; i++) t.same(await cities('no'), [{ name: 'Oslo', people: 717000 }])
  t.equal((await cities('gb')).length, 2)
  t.equal(queries.length, 3)

  const change = await app.inject({ method: 'PUT', url: '/countries/no/cities/Oslo', payload: { people: 720000 } })
  t.equal(change.statusCode, 204)
  t.same(await cities('no'), [{ name: 'Oslo', people: 720000 }])
  await cities('gb')
  t.equal(queries.length, 4, 'one more: the other country stays')
  t.same(await cities("gb' OR '1'='1"), [])
})
