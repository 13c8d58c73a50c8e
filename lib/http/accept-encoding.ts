/**
 * The content coding to send (RFC 9110 §12.5.3). Of equal weights the first in `available` wins, and any of them before
 * identity. `'identity'` also where the client refuses it and everything else: an answer is better than a 406.
 *
 * @param available the codings that the server has, in its order of preference, in lower case
 */
export function preferredEncoding (acceptEncoding: string | undefined, available: readonly string[]): string {
  if (acceptEncoding === undefined || acceptEncoding === '' || available.length === 0) return 'identity'
  const weights = parseWeights(acceptEncoding)
  const others = weights.get('*')
  let best = 'identity'
  // Named by nothing, identity is acceptable, but less than any coding that the client took the trouble to name
  let highest = weights.get('identity') ?? others ?? 0
  for (let i = 0; i < available.length; i++) {
    const coding = available[i] as string
    const weight = weights.get(coding) ?? others ?? 0
    const ties = best === 'identity' && weight > 0 && weight === highest
    if (weight > highest || ties) {
      best = coding
      highest = weight
    }
  }
  return best
}

function parseWeights (list: string): Map<string, number> {
  const weights = new Map<string, number>()
  for (const member of list.split(',')) {
    const semicolon = member.indexOf(';')
    const name = (semicolon === -1 ? member : member.slice(0, semicolon)).trim().toLowerCase()
    if (name === '') continue
    const weight = semicolon === -1 ? 1 : parseWeight(member.slice(semicolon + 1))
    // RFC 9110 §8.4.1.3: x-gzip is gzip. A coding that is named twice is taken as its lower weight.
    const coding = name === 'x-gzip' ? 'gzip' : name
    weights.set(coding, Math.min(weight, weights.get(coding) ?? 1))
  }
  return weights
}

const WEIGHT = /^\s*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?)\s*$/i

// RFC 9110 §12.4.2. What cannot be read is a refusal: identity is what every client understands.
function parseWeight (parameter: string): number {
  const match = WEIGHT.exec(parameter)
  return match === null ? 0 : Number(match[1])
}
