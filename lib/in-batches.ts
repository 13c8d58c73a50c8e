/** Operations of one call that are under way at a time: more would wait for one another longer than each may take. */
const AT_ONCE = 64

/** As `Promise.allSettled` over `each` of the items, a batch at a time, in their order. */
export async function inBatches<T, R> (items: readonly T[], each: (item: T) => Promise<R>): Promise<Array<PromiseSettledResult<R>>> {
  const results: Array<PromiseSettledResult<R>> = []
  for (let i = 0; i < items.length; i += AT_ONCE) {
    results.push(...await Promise.allSettled(items.slice(i, i + AT_ONCE).map(each)))
  }
  return results
}
