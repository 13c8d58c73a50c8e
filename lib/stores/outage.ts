/** What a backend answers about one value, while it is well itself: such an error never opens a breaker. */
const ANSWERS = new Set([
  'FST_CACHE_ERR_NOT_A_NUMBER',
  'FST_CACHE_ERR_KEY',
  'FST_CACHE_ERR_VALUE',
  'FST_CACHE_ERR_ARGUMENT',
  'FST_CACHE_ERR_TIMEOUT',
  'FST_CACHE_ERR_UNSUPPORTED'
])

const marked = new WeakSet<Error>()

/** Marks an error as the answer of a backend that works ("no room", "read-only"), and gives it back. */
export function notAnOutage<E extends Error> (error: E): E {
  marked.add(error)
  return error
}

/** Does this failure say that the backend is down? */
export function isOutage (error: unknown): boolean {
  if (!(error instanceof Error)) return true
  return !marked.has(error) && !ANSWERS.has((error as { code?: string }).code ?? '')
}
