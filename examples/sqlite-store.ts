// A backend of your own: a Store over SQLite, with what Node.js has built in from 22.5 on.
import { DatabaseSync } from 'node:sqlite'
import Fastify from 'fastify'
import type { FastifyInstance } from 'fastify'
import cached from '../index.ts' // in your project: from 'fastify-cached'
import type { Store } from '../index.ts'
import { serveWhenMain } from './support/serve.ts'

/** Every statement is atomic, between processes too: SQLite locks the file. */
const TABLE = `
  PRAGMA journal_mode = WAL;
  PRAGMA busy_timeout = 300;
  CREATE TABLE IF NOT EXISTS cache (key BLOB PRIMARY KEY, value BLOB NOT NULL, until REAL) WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS ends ON cache (until) WHERE until IS NOT NULL`

// Keys as bytes: no collation, no NUL that ends a text, and UTF-16 keeps every string apart.
const bytesOf = (key: string): Buffer => Buffer.from(key, 'utf16le')
const endOf = (ttl: number | undefined): number | null => ttl === undefined ? null : Date.now() + ttl

export function sqliteStore (file: string): Store {
  const db = new DatabaseSync(file)
  db.exec(TABLE)
  const alive = '(until IS NULL OR until > ?)'
  const select = db.prepare(`SELECT value FROM cache WHERE key = ? AND ${alive}`)
  const replace = db.prepare('INSERT OR REPLACE INTO cache (key, value, until) VALUES (?, ?, ?)')
  const insert = db.prepare(`INSERT INTO cache (key, value, until) VALUES (?, ?, ?)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value, until = excluded.until WHERE NOT (cache.until IS NULL OR cache.until > ?)`)
  const remove = db.prepare(`DELETE FROM cache WHERE key = ? AND ${alive}`)
  const removeIf = db.prepare(`DELETE FROM cache WHERE key = ? AND value = ? AND ${alive}`)
  const replaceIf = db.prepare(`UPDATE cache SET value = ?, until = ? WHERE key = ? AND value = ? AND ${alive}`)
  const prolong = db.prepare('UPDATE cache SET until = CASE WHEN until IS NULL OR ?2 IS NULL THEN NULL ELSE max(until, ?2) END WHERE key = ?1 AND (until IS NULL OR until > ?3)')
  const removePrefix = db.prepare('DELETE FROM cache WHERE substr(key, 1, ?) = ?')
  const sweep = db.prepare('DELETE FROM cache WHERE until <= ?')

  function get (key: string): Buffer | undefined {
    const row = select.get(bytesOf(key), Date.now()) as { value: Uint8Array } | undefined
    return row === undefined ? undefined : Buffer.from(row.value)
  }

  function add (key: string, value: Uint8Array, ttl?: number): boolean {
    return Number(insert.run(bytesOf(key), value, endOf(ttl), Date.now()).changes) === 1
  }

  /** What was read is replaced only while it still is what was read: the lifetime stays. */
  function increment (key: string, delta: number, ttl?: number): number {
    db.exec('BEGIN IMMEDIATE')
    try {
      const there = get(key)
      const text = there?.toString('latin1') ?? '0'
      if (!/^(0|-?[1-9]\d*)$/.test(text)) throw new TypeError(`${JSON.stringify(key)} holds no whole number`)
      const value = Buffer.from(String(Number(text) + delta))
      if (there === undefined) replace.run(bytesOf(key), value, endOf(ttl))
      else db.prepare('UPDATE cache SET value = ? WHERE key = ?').run(value, bytesOf(key))
      db.exec('COMMIT')
      return Number(text) + delta
    } catch (error) {
      db.exec('ROLLBACK')
      throw error
    }
  }

  function deleteByPrefix (prefix: string): number {
    const start = bytesOf(prefix)
    return Number(removePrefix.run(start.length, start).changes)
  }

  // What has expired takes room until it is swept; the timer keeps no process alive.
  const timer = setInterval(() => { try { sweep.run(Date.now()) } catch {} }, 60_000)
  timer.unref()

  return {
    get,
    set: (key, value, ttl) => { replace.run(bytesOf(key), value, endOf(ttl)); return true },
    add,
    delete: (key) => Number(remove.run(bytesOf(key), Date.now()).changes) === 1,
    increment,
    clear: (prefix) => { deleteByPrefix(prefix); return true },
    getMany: (keys) => keys.map(get),
    deleteByPrefix,
    deleteIf: (key, value) => Number(removeIf.run(bytesOf(key), value, Date.now()).changes) === 1,
    replaceIf: (key, expected, value, ttl) => Number(replaceIf.run(value, endOf(ttl), bytesOf(key), expected, Date.now()).changes) === 1,
    touch: (key, ttl) => Number(prolong.run(bytesOf(key), endOf(ttl), Date.now()).changes) === 1,
    close () {
      clearInterval(timer)
      db.close()
    }
  }
}

export async function build ({ file = ':memory:' }: { file?: string } = {}): Promise<FastifyInstance> {
  const app = Fastify()
  await app.register(cached, { CACHE_TYPE: () => sqliteStore(file) })
  app.get('/', { config: { cache: { timeout: 60 } } }, async () => `rendered at ${new Date().toISOString()}`)
  return app
}

await serveWhenMain(import.meta.url, build, ['/'])
