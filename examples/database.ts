// Exercise: database queries behind memoize, each with a lifetime that fits its data. The database is Node's own SQLite.
import type { DatabaseSync } from 'node:sqlite'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../index.ts' // in your project: from 'fastify-cached'
import { isMain, serveWhenMain } from './support/serve.ts'

export interface Options {
  /** A file, or `:memory:`. */
  path?: string
  /** Is told of each query that reaches the database. */
  onQuery?: (sql: string) => void
}

/** @throws where this Node.js has no SQLite */
export function openDatabase (path: string): DatabaseSync {
  const sqlite = process.getBuiltinModule('node:sqlite')
  if (sqlite === undefined) {
    throw new Error(`this example needs node:sqlite, which Node.js has from 22.13 on (22.5 with --experimental-sqlite); this is Node.js ${process.versions.node}`)
  }
  const database = new sqlite.DatabaseSync(path)
  database.exec(`
    CREATE TABLE IF NOT EXISTS country (code TEXT PRIMARY KEY, name TEXT NOT NULL) STRICT;
    CREATE TABLE IF NOT EXISTS city (name TEXT PRIMARY KEY, country TEXT NOT NULL, people INTEGER NOT NULL) STRICT;
    INSERT OR IGNORE INTO country VALUES ('gb', 'United Kingdom'), ('no', 'Norway');
    INSERT OR IGNORE INTO city VALUES ('London', 'gb', 8900000), ('Leeds', 'gb', 812000), ('Oslo', 'no', 717000);
  `)
  return database
}

export async function build ({ path = ':memory:', onQuery = (sql) => console.log(sql) }: Options = {}): Promise<FastifyInstance> {
  const database = openDatabase(path)
  const app = Fastify()
  app.addHook('onClose', async () => { database.close() })

  await app.register(cached, { CACHE_TYPE: 'SimpleCache' })

  function query (sql: string, ...values: string[]): Array<Record<string, unknown>> {
    onQuery(sql)
    return database.prepare(sql).all(...values).map((row) => ({ ...row }))
  }

  // Countries hardly ever change: a day. Cities are counted anew now and then: a minute.
  const countries = app.cache.memoize(async function countries () {
    return query('SELECT code, name FROM country ORDER BY code')
  }, { timeout: 86_400 })

  const citiesOf = app.cache.memoize(async function citiesOf (country: string) {
    return query('SELECT name, people FROM city WHERE country = ? ORDER BY people DESC', country)
  }, { timeout: 60 })

  app.get('/countries', () => countries())

  app.get<{ Params: { code: string } }>('/countries/:code/cities', (request) => citiesOf(request.params.code))

  const schema = { body: { type: 'object', required: ['people'], properties: { people: { type: 'integer', minimum: 0 } } } }
  app.put<{ Params: { code: string, name: string }, Body: { people: number } }>('/countries/:code/cities/:name', { schema }, async (request, reply) => {
    const { code, name } = request.params
    database.prepare('UPDATE city SET people = ? WHERE name = ? AND country = ?').run(request.body.people, name, code)
    await citiesOf.deleteMemoized(code) // this country's cities are read again; the others stay
    return reply.code(204).send()
  })

  return app
}

if (isMain(import.meta.url)) {
  await serveWhenMain(import.meta.url, build, ['/countries', '/countries/gb/cities']).catch((error: Error) => {
    console.error(error.message)
    process.exitCode = 1
  })
}
