/** Turns a value into bytes and back. `deserialize` throws on bytes that it did not write. */
export interface Serializer {
  /** Throws for what it cannot keep. */
  serialize (value: unknown): Buffer
  /** Throws on bytes that it did not write. */
  deserialize (bytes: Buffer): unknown
}
