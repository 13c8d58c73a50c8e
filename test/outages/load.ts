import type { Test } from 'tap'
import { guarded } from '../../lib/stores/guarded.ts'
import type { GuardedStore } from '../../lib/stores/guarded.ts'
import { ends } from '../helpers/patience.ts'
import { redisStore } from '../../lib/stores/redis.ts'
import type { RedisStoreSettings } from '../../lib/stores/redis.ts'

/** The long version: `OUTAGES=full`. */
export const FULL = process.env['OUTAGES'] === 'full'
export const REQUESTS = FULL ? 10_000 : 300

const DEADLINE = 500
/** Where a server says what it is at once: an operation that is late by that much is none of what is tested. */
export const AMPLE = 10_000

/** From when the server is there again; ms. Generous: it is for what never ends. */
const LONGEST_OUTAGE = 30_000

const WORKERS = 20
const KEYS = 300

export interface Outcome {
  requests: number
  /** Requests that got no answer at all, not even by going round the cache. */
  failed: number
  /** Answers with another key's bytes. */
  wrong: number
  hits: number
  /** Longest operation of the cache, ms. */
  slowest: number
  /** From the moment that the server could answer again to the first hit, ms. */
  recovered: number
  /** Begin and end of outages in the log. */
  lines: string[]
}

export interface Subject {
  readonly guard: GuardedStore
  readonly lines: string[]
}

export async function subject (settings: Partial<RedisStoreSettings>, deadline = DEADLINE): Promise<Subject> {
  const lines: string[] = []
  const line = (level: string) => (_data: object, message: string) => { lines.push(`${level}: ${message}`) }
  const log = { warn: line('warn'), info: line('info'), error: line('error') }
  const store = await redisStore({ kind: 'plain', host: '127.0.0.1', operationTimeout: deadline, log, ...settings })
  return { guard: guarded(store, { name: 'Redis', timeout: deadline, log }), lines }
}

export const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/**
 * Cached requests, twenty at a time, while `disturb` does its worst; it resolves when the server is whole again, and
 * the requests go on until the cache hits again. A request reads its key and, on a miss or a fault, writes it: it
 * cannot fail unless the guard lets something through that it should not.
 */
export async function underLoad ({ guard, lines }: Subject, disturb: () => Promise<void>): Promise<Outcome> {
  const outcome: Outcome = { requests: 0, failed: 0, wrong: 0, hits: 0, slowest: 0, recovered: NaN, lines }
  let over = false
  let back = Infinity
  let n = 0

  async function timed<T> (work: Promise<T>): Promise<T | undefined> {
    const started = performance.now()
    try {
      return await work
    } catch (error) {
      if (!String((error as { code?: string }).code).startsWith('FST_CACHE_ERR_BACKEND')) throw error
      return undefined
    } finally {
      outcome.slowest = Math.max(outcome.slowest, performance.now() - started)
    }
  }

  async function request (): Promise<void> {
    const key = `load:${n++ % KEYS}`
    const found = await timed(Promise.resolve(guard.get(key)))
    if (found !== undefined) {
      outcome.hits++
      if (!found.toString('latin1').startsWith(`${key}=`)) outcome.wrong++
      return
    }
    await timed(Promise.resolve(guard.set(key, Buffer.from(`${key}=${'x'.repeat(n % 2000)}`), 60_000)))
  }

  async function worker (): Promise<void> {
    for (;;) {
      if (over && outcome.requests >= REQUESTS && (outcome.hits > 0 || performance.now() > back + LONGEST_OUTAGE)) return
      outcome.requests++
      await request().catch(() => { outcome.failed++ })
      await pause(1)
    }
  }

  const workers = Array.from({ length: WORKERS }, worker)
  try {
    await disturb()
  } catch (error) {
    over = true
    outcome.requests = Infinity
    outcome.hits++
    await Promise.all(workers)
    throw error
  }
  back = performance.now()
  for (;;) {
    const hit = await Promise.resolve(guard.set('load:back', Buffer.from('1'))).then(() => guard.get('load:back')).catch(() => undefined)
    if (hit !== undefined) break
    if (performance.now() - back > LONGEST_OUTAGE) break
    await pause(5)
  }
  outcome.recovered = performance.now() - back
  over = true
  await Promise.all(workers)
  return outcome
}

const table: Array<{ case: string } & Omit<Outcome, 'lines'>> = []

/** The figures, where they are worth reading. */
export function printTable (): void {
  if (!FULL) return
  console.table(table.map(({ slowest, recovered, ...row }) => ({ ...row, 'slowest ms': Math.round(slowest), 'recovered ms': Math.round(recovered) })))
}

/** What holds in every outage: nothing fails, nothing hangs, nobody gets another key's bytes, and it ends. */
export function judge (t: Test, name: string, outcome: Outcome): Outcome {
  const { lines, ...figures } = outcome
  table.push({ case: name, ...figures })
  t.equal(outcome.failed, 0, 'no request fails')
  t.equal(outcome.wrong, 0, "no reply is another key's")
  t.ok(outcome.hits > 0)
  t.ok(outcome.slowest < 15_000, `nothing hangs: slowest ${Math.round(outcome.slowest)} ms`)
  t.ok(outcome.recovered < LONGEST_OUTAGE, `it is back: ${Math.round(outcome.recovered)} ms`)
  const begun = lines.filter((line) => /is down, the cache is gone round/.test(line)).length
  t.ok(begun <= 1 + lines.filter((line) => /is back after/.test(line)).length, 'one line for an outage')
  return outcome
}

export async function close (t: Test, { guard }: Subject): Promise<void> {
  await ends('close()', guard.close())
  t.pass('it closes, whatever its server does')
}
