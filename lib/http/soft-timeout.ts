import type { Exchange } from './exchange.ts'
import { find, serve } from './lookup.ts'

/**
 * Inside the `staleIfError` window a slow handler is waited for `softTimeout` long; then the stale entry goes out, and
 * the run, which no client of its own waits for, goes on and fills. `true`: this request is taken care of.
 */
export function slowIsCovered (exchange: Exchange): boolean {
  const { route, fallback, request } = exchange
  const { softTimeout } = route.settings
  if (softTimeout === undefined || fallback === undefined || request.method === 'HEAD') return false
  const { engine } = route
  const stale = (): void => serve(exchange, fallback, exchange.found?.softened ?? Infinity, false, false)
  if (exchange.attempts > 0) {
    // The run that was waited for brought nothing, and the entry is still there: it failed.
    stale()
    return true
  }
  engine.runs.refresh(exchange)
  const flight = engine.flights.get(exchange.key)
  if (flight === undefined) {
    // The last runs failed a moment ago: the origin is not asked again yet.
    stale()
    return true
  }
  let over = false
  const timer = setTimeout(() => {
    if (over) return
    over = true
    stale()
  }, softTimeout * 1000)
  timer.unref()
  flight.outcome.then(() => {
    if (over) return
    over = true
    clearTimeout(timer)
    exchange.attempts = 1
    find(exchange)
  })
  return true
}
