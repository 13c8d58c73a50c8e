const START = 8192
const KEEP = 1 << 20

/** One scratch buffer is lent from call to call: growing one anew for each value costs more than writing it. */
let spare: Buffer | undefined

/** Bytes being written. */
export class Output {
  bytes: Buffer
  at = 0

  constructor () {
    this.bytes = spare ?? Buffer.allocUnsafeSlow(START)
    spare = undefined // a `toJSON` that packs something itself must not write into this one
  }

  room (more: number): void {
    if (this.at + more <= this.bytes.length) return
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + more))
    this.bytes.copy(grown, 0, 0, this.at)
    this.bytes = grown
  }

  u8 (value: number): void {
    this.room(1)
    this.bytes[this.at++] = value
  }

  u32 (value: number): void {
    this.room(4)
    this.at = this.bytes.writeUInt32BE(value, this.at)
  }

  raw (bytes: Uint8Array): void {
    this.room(bytes.length)
    this.bytes.set(bytes, this.at)
    this.at += bytes.length
  }

  /** The bytes in memory of their own, as long as they are: a slice would keep the whole scratch buffer alive. */
  finish (): Buffer {
    const own = Buffer.allocUnsafeSlow(this.at)
    this.bytes.copy(own, 0, 0, this.at)
    this.release()
    return own
  }

  release (): void {
    if (this.bytes.length <= KEEP) spare = this.bytes
  }
}
