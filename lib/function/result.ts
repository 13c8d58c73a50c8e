import type { Packed } from '../entry.ts'
import type { Call, Engine } from './engine.ts'

/**
 * No serializer makes nothing out of something: empty bytes stand for the result `undefined`, which a packed value
 * cannot be.
 */
const NOTHING = new Uint8Array(0)

function isNothing (packed: Packed): boolean {
  return packed instanceof Uint8Array && packed.length === 0
}

/** What can be kept or shared of a result; `undefined` where the serializer cannot keep it (said in the log). */
export function packResult (engine: Engine, call: Call, result: unknown): Packed | undefined {
  if (result === undefined) return NOTHING
  try {
    const packed = engine.packer.pack(result)
    if (!isNothing(packed)) return packed
    engine.complain(call.plan.label, 'its result is returned, but not stored: the serializer made no bytes of it', undefined)
  } catch (error) {
    engine.complain(call.plan.label, 'its result is returned, but not stored: the serializer cannot keep it', error)
  }
  return undefined
}

/** A copy of its own for who asks. Throws where the bytes cannot be read. */
export function unpackResult (engine: Engine, packed: Packed): unknown {
  return isNothing(packed) ? undefined : engine.packer.unpack(packed)
}
