import { OP, STATUS } from './protocol.ts'
import type { Reply } from './protocol.ts'

/** Extras, and value, of a successful reply; `undefined` = any length. */
const SHAPES: ReadonlyMap<number, readonly [extras: number, value: number | undefined]> = new Map([
  [OP.get, [4, undefined]], [OP.set, [0, 0]], [OP.add, [0, 0]], [OP.delete, [0, 0]],
  [OP.increment, [0, 8]], [OP.decrement, [0, 8]], [OP.touch, [4, undefined]], [OP.noop, [0, 0]]
])

/**
 * Can this be the answer to a request with that opcode and key? The opaque alone does not say it: a stream that has
 * lost or altered bytes can bring any number there.
 *
 * @returns what does not fit
 */
export function mismatch (op: number, key: Buffer, reply: Reply): string | undefined {
  if (reply.op !== op) return `a reply to operation ${reply.op} where ${op} was asked for`
  if (op === OP.get && (reply.status === STATUS.ok || reply.status === STATUS.notFound) && !reply.key.equals(key)) return 'a reply with another key'
  if (op !== OP.get && reply.key.length > 0) return 'a reply with a key that it cannot have'
  if (reply.status !== STATUS.ok) {
    const misplaced = reply.extras.length > 0 || (op === OP.get && reply.status === STATUS.notFound && reply.value.length > 0)
    return misplaced ? 'a failure with content' : undefined
  }
  const shape = SHAPES.get(op)
  if (shape === undefined) return undefined
  const [extras, value] = shape
  return reply.extras.length === extras && (value === undefined || reply.value.length === value) ? undefined : 'a reply of the wrong shape'
}
