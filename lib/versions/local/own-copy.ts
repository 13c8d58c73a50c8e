import type { Entry, StoredReply } from '../../entry.ts'

/** The entry with bytes of its own: what was read is a view of whatever came over the wire together, and would keep it all. */
export function ownCopy (entry: Entry): Entry {
  if (entry.kind === 'reply') {
    const reply = entry.payload as StoredReply
    return reply.body === null ? entry : { ...entry, payload: { ...reply, body: copied(reply.body) } }
  }
  return entry.payload instanceof Uint8Array ? { ...entry, payload: copied(entry.payload) } : entry
}

function copied (bytes: Uint8Array): Buffer {
  const own = Buffer.allocUnsafeSlow(bytes.length)
  own.set(bytes)
  return own
}
