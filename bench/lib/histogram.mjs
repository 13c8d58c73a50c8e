/** Latencies in buckets of 2 %: no memory that grows while the load runs. */
export class Histogram {
  #buckets = new Uint32Array(1024)
  #count = 0

  /** @param milliseconds from 1 µs on */
  add (milliseconds) {
    const bucket = Math.log(Math.max(milliseconds, 0.001) * 1000) / Math.log(1.02)
    this.#buckets[Math.min(1023, Math.round(bucket))]++
    this.#count++
  }

  /** In ms. */
  quantile (share) {
    let left = this.#count * share
    const bucket = this.#buckets.findIndex((count) => (left -= count) <= 0)
    return bucket === -1 ? NaN : 1.02 ** bucket / 1000
  }
}
