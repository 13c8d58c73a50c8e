import type { HeaderValue } from './policy/response.ts'

/**
 * The nonces in a `Content-Security-Policy` or `Content-Security-Policy-Report-Only` (CSP Level 3 §2.3.1).
 */
export function nonceOf (csp: HeaderValue): string[] {
  if (csp === undefined) return []
  const text = typeof csp === 'object' ? csp.join(',') : String(csp)
  const nonces = new Set<string>()
  for (const [, nonce] of text.matchAll(/'nonce-([^'\s;,]+)'/gi)) {
    if (nonce !== undefined) nonces.add(nonce)
  }
  return [...nonces]
}

/** A run of so many letters and digits does not stand in a page by chance. */
const TELLING = 8

/**
 * Does the body hold one of these nonces, and so belong to one reply only? Template engines escape "+", "/" and "=" in
 * several ways, so that the longest run of a nonce without these is enough.
 */
export function carriesNonce (nonces: readonly string[], body: Buffer | string): boolean {
  return nonces.some(nonce => body.includes(nonce) || body.includes(longestRun(nonce)))
}

function longestRun (nonce: string): string {
  let longest = ''
  for (const run of nonce.split(/[^A-Za-z0-9]+/)) {
    if (run.length > longest.length) longest = run
  }
  return longest.length >= TELLING ? longest : nonce
}
