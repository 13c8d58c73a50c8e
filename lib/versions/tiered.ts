import type { Awaitable } from '../stores/store.ts'
import type { Copy, LocalCopies } from './local/copies.ts'
import { sameNames } from './names.ts'
import type { RemoteVersions } from './remote.ts'
import type { Found, Versioned } from './versioned.ts'

/**
 * Versions over a remote backend with copies in this process in front: a look-up that finds a copy answers at once.
 * Copies are made by reads alone. Whatever changes here drops its copies before it is sent, and once more when it is
 * through: what was read in between may be from before it.
 *
 * @param mayKeep are changes by others heard of now?
 */
export function tieredVersions (remote: RemoteVersions, copies: LocalCopies, mayKeep: () => boolean): Versioned {
  function local (key: string): Copy | undefined {
    const copy = copies.get(key)
    return copy === undefined || remote.doubtful(key, copy.entry.names) ? undefined : copy
  }

  async function through (key: string, names: readonly string[]): Promise<Found> {
    const keeps = mayKeep()
    const reading = copies.begin(key)
    try {
      const found = await remote.lookup(key, names)
      if (keeps && mayKeep()) copies.keep(reading, found)
      return found
    } finally {
      copies.end(reading)
    }
  }

  async function throughMany (keys: readonly string[]): Promise<Found[]> {
    const keeps = mayKeep()
    const readings = keys.map((key) => copies.begin(key))
    try {
      const found = await remote.lookupMany(keys)
      if (keeps && mayKeep()) readings.forEach((reading, i) => { copies.keep(reading, found[i]!) })
      return found
    } finally {
      for (const reading of readings) copies.end(reading)
    }
  }

  function foundOf ({ entry, softened, names, marks }: Copy, key: string, asked: readonly string[]): Found {
    const known = sameNames(names, asked) ? marks : asked.map((name) => marks[names.indexOf(name)] ?? entry.marks[entry.names.indexOf(name)])
    return { key, entry, softened, names: asked, marks: known, sequence: remote.sequence() }
  }

  async function around<T> (drop: () => void, work: () => Awaitable<T>): Promise<T> {
    drop()
    try {
      return await work()
    } finally {
      drop()
    }
  }

  const changing = <T>(key: string, work: () => Awaitable<T>): Promise<T> => around(() => { copies.drop(key) }, work)
  const moving = <T>(names: readonly string[], work: () => Awaitable<T>): Promise<T> => {
    const marks = names.map(remote.markKey)
    return around(() => { for (const mark of marks) copies.note(mark) }, work)
  }

  return {
    immediate: false,
    sequence: remote.sequence,
    group: remote.group,
    lookup (key, names) {
      const copy = local(key)
      return copy === undefined ? through(key, names) : foundOf(copy, key, names)
    },
    async lookupMany (keys) {
      const here = keys.map(local)
      const there = keys.filter((_, i) => here[i] === undefined)
      const read = there.length === 0 ? [] : await throughMany(there)
      let next = 0
      return here.map((copy, i) => copy === undefined ? read[next++]! : foundOf(copy, keys[i]!, []))
    },
    begin: (found, life) => remote.begin(found, life),
    outdated: (key, stamp) => remote.outdated(key, stamp),
    write: (key, draft, stamp) => changing(key, () => remote.write(key, draft, stamp)),
    put: (key, draft) => changing(key, () => remote.put(key, draft)),
    add: (key, draft) => changing(key, () => remote.add(key, draft)),
    touchKey (key) {
      copies.drop(key)
      return remote.touchKey(key)
    },
    touchKeys (start) {
      copies.dropPrefix(start)
      remote.touchKeys(start)
    },
    distrust (key) {
      copies.drop(key)
      remote.distrust(key)
    },
    distrustKeys (start, retry) {
      copies.dropPrefix(start)
      remote.distrustKeys(start, retry)
    },
    purge: (names) => moving(names, () => remote.purge(names)),
    soften: (names) => moving(names, () => remote.soften(names)),
    anyDependent: (names) => remote.anyDependent(names),
    remove: (key) => changing(key, () => remote.remove(key)),
    clear: (prefix) => around(() => { copies.dropAll() }, () => remote.clear(prefix)),
    close () {
      copies.close()
      remote.close()
    }
  }
}
