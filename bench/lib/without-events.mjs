// A module hook: the plugin as it would be if it could publish no event.
const replacement = 'export function emit () {}\nexport function emitError () {}\n'

export async function load (url, context, next) {
  return url.endsWith('/dist/lib/events.js') ? { format: 'module', source: replacement, shortCircuit: true } : await next(url, context)
}
