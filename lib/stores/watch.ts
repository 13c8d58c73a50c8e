/** Who wants to know what changes in a backend, whoever changes it. */
export interface Watcher {
  /** What stands under the key was written, removed, or has expired. */
  changed (key: string): void
  /** Something may have changed without a word: everything that is known is old. */
  lost (): void
}

export interface Watch {
  /** `false`: changes may go unseen now. The turn to `true` comes after a `lost()`. */
  readonly live: boolean
  close (): void
}

/** A backend that tells what changes in it. */
export interface Watchable {
  /** @param prefix only keys that begin so */
  watch (prefix: string, watcher: Watcher): Watch
}

export function isWatchable (store: object): store is Watchable {
  return typeof (store as Partial<Watchable>).watch === 'function'
}
