/**
 * Longer than anything takes that is not hanging, on any machine, also one that stands still for seconds: for what must
 * end by itself. Whether it is quick is no matter of tests; what it did not wait for is shown by what is still so when
 * it has ended: the server is still frozen.
 */
const HANGING = 15_000

/** What `work` brings; rejects when it hangs. */
export async function ends<T> (what: string, work: PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const hanging = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => { reject(new Error(`${what} has not ended within ${HANGING} ms`)) }, HANGING)
  })
  try {
    return await Promise.race([work, hanging])
  } finally {
    clearTimeout(timer)
  }
}
