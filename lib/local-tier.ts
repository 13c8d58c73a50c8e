import type { LocalSettings } from './options/settings.ts'
import type { GuardedStore } from './stores/guarded.ts'
import { telling } from './stores/telling.ts'
import { isWatchable } from './stores/watch.ts'
import { localCopies } from './versions/local/copies.ts'
import type { RemoteVersions } from './versions/remote.ts'
import { tieredVersions } from './versions/tiered.ts'
import type { Versioned } from './versions/versioned.ts'

export interface LocalTier {
  readonly versioned: Versioned
  readonly store: GuardedStore
}

/** What the tier stands in front of. */
export interface Behind {
  /** The backend itself: does it tell what changes in it? */
  readonly inner: object
  readonly store: GuardedStore
  readonly versioned: RemoteVersions
  /** Before every key of the cache. */
  readonly base: string
  /** Before the keys of its marks. */
  readonly marks: string
  now (): number
  /** A clock in ms that never steps back. */
  clock? (): number
}

/** `CACHE_LOCAL`: copies in this process in front of a remote backend, which go as soon as it tells of a change. */
export function localTier ({ timeout, threshold, maxBytes }: LocalSettings, { inner, store, versioned, base, marks, now, clock }: Behind): LocalTier {
  const copies = localCopies({ timeout: timeout * 1000, threshold, maxBytes, markKey: versioned.markKey, now, ...clock === undefined ? {} : { clock } })
  const watch = !isWatchable(inner)
    ? undefined
    : inner.watch(base, {
      changed (key) {
        if (key.startsWith(marks)) copies.note(key)
        else copies.drop(key)
      },
      lost: copies.dropAll
    })
  // Without news of changes the life of a copy is all that bounds its age
  const mayKeep = watch === undefined ? () => true : () => watch.live
  const tiered = tieredVersions(versioned, copies, mayKeep)
  return {
    store: telling(store, copies),
    versioned: {
      ...tiered,
      close () {
        watch?.close()
        tiered.close()
      }
    }
  }
}
