import type { Exchange } from './exchange.ts'
import { refusesStale, standing } from './fallback.ts'
import { find, serve } from './lookup.ts'
import { resumed } from './resume.ts'

/**
 * Inside the `staleIfError` window a slow handler is waited for `softTimeout` long; then the stale entry goes out, and
 * the run, which no client of its own waits for, goes on and fills. `true`: this request is taken care of.
 */
export function slowIsCovered (exchange: Exchange): boolean {
  const { route, fallback, request } = exchange
  const { softTimeout } = route.settings
  if (softTimeout === undefined || fallback === undefined || request.method === 'HEAD' || refusesStale(exchange)) return false
  const { engine } = route
  if (exchange.attempts > 0 || engine.runs.pausing(exchange.key, engine.now())) {
    // The run that was waited for brought nothing, or the last ones failed a moment ago: the origin is left alone.
    serve(exchange, fallback, exchange.found?.softened ?? Infinity, engine.now(), false, false)
    return true
  }
  engine.runs.refresh(exchange)
  const flight = engine.flights.get(exchange.key)
  // Closing, or too many runs: the handler runs in front of the client.
  if (flight === undefined) return false
  let over = false
  const timer = setTimeout(resumed(exchange, () => {
    if (over) return
    over = true
    standing(exchange, (entry) => {
      if (entry !== undefined) return serve(exchange, entry, exchange.found?.softened ?? Infinity, engine.now(), false, false)
      exchange.attempts = 1
      find(exchange)
    })
  }), softTimeout * 1000)
  timer.unref()
  flight.outcome.then(resumed(exchange, () => {
    if (over) return
    over = true
    clearTimeout(timer)
    exchange.attempts = 1
    find(exchange)
  }))
  return true
}
