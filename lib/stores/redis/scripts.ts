import { createHash } from 'node:crypto'
import { isScriptMissing } from './faults.ts'
import type { Argument, Link } from './link.ts'

/** One atomic step on one key. Redis runs a script as a whole, on every version since 2.6. */
export interface Script {
  readonly text: string
  readonly sha: string
}

const script = (text: string): Script => ({ text, sha: createHash('sha1').update(text).digest('hex') })

/** Counts; a key that this creates gets the lifetime ARGV[2]. */
export const INCREMENT = script(`
local created = redis.call('EXISTS', KEYS[1]) == 0
local sum = redis.pcall('INCRBY', KEYS[1], ARGV[1])
if type(sum) == 'table' then return sum end
if created then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return redis.call('GET', KEYS[1])`)

export const DELETE_IF = script(`
if redis.pcall('GET', KEYS[1]) == ARGV[1] then return redis.call('UNLINK', KEYS[1]) end
return 0`)

export const REPLACE_IF = script(`
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
return 1`)

/**
 * Makes a lifetime longer, never shorter (PEXPIRE … GT needs Redis 7). Half as long again as was asked for, so that a
 * key that is asked for more with every write is changed once in a while only: each change is told to whoever watches
 * the key. A double is exact up to where that ends.
 */
export const TOUCH = script(`
local left = redis.call('PTTL', KEYS[1])
if left == -2 then return 0 end
if left == -1 then return 1 end
if ARGV[1] == '' then redis.call('PERSIST', KEYS[1])
elseif left < tonumber(ARGV[1]) then
  redis.call('PEXPIRE', KEYS[1], string.format('%.0f', math.min(math.floor(tonumber(ARGV[1]) * 1.5), 2 ^ 52)))
end
return 1`)

/** Runs a script by its digest, with its text where the server does not know it (yet, or after a restart). */
export async function runScript (link: Link, { text, sha }: Script, key: string | Buffer, ...args: Argument[]): Promise<unknown> {
  try {
    return await link.send(['EVALSHA', sha, 1, key, ...args])
  } catch (error) {
    if (!isScriptMissing(error)) throw error
    return await link.send(['EVAL', text, 1, key, ...args])
  }
}
