import { randomBytes } from 'node:crypto'
import type { Store } from './stores/store.ts'

/** One process fills, the others wait: a lock with a token and a lifetime, released by its owner only. */
export interface Locks {
  /** The token, or `undefined` where another process holds the lock. Rejects when the backend is down. `ttl`: ms */
  acquire (key: string, ttl: number): Promise<string | undefined>
  /** Releases only what this token holds. Never rejects: an unreleased lock dies by its lifetime. */
  release (key: string, token: string): Promise<void>
}

/** Locks whose release failed are remembered, the latest of them. */
const MOST_LEFT = 1_000

/** @param prefix before every lock's key */
export function storeLocks (store: Store<Buffer>, prefix: string): Locks {
  /** Tokens that this process could not take back: it must not wait for itself. */
  const left = new Map<string, string>()

  function leave (key: string, token: string): void {
    if (left.size >= MOST_LEFT) left.delete(left.keys().next().value!)
    left.set(key, token)
  }

  return {
    async acquire (key, ttl) {
      const token = randomBytes(16).toString('base64url')
      const add = async (): Promise<boolean> => await store.add(prefix + key, Buffer.from(token), ttl)
      if (await add()) return token
      const own = left.get(key)
      if (own === undefined) return undefined
      const gone = await store.deleteIf?.(prefix + key, Buffer.from(own))
      left.delete(key)
      return gone === true && await add() ? token : undefined
    },
    async release (key, token) {
      try {
        // Without an atomic comparison the lock may be the next owner's: it is left to die by its lifetime.
        await store.deleteIf?.(prefix + key, Buffer.from(token))
      } catch {
        leave(key, token)
      }
    }
  }
}
