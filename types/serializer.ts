/** Turns a value into bytes and back. `deserialize` throws on bytes that it did not write. */
export interface Serializer {
  serialize (value: unknown): Buffer
  deserialize (bytes: Buffer): unknown
}
