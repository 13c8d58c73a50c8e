import { normalQuery } from './query.ts'

export { listedQuery, normalQuery } from './query.ts'

/** What of a request its key is made from. */
export interface KeyFacts {
  method: string
  /** `request.protocol`. */
  scheme: string
  host: string
  /** The target as the client sent it (`originalUrl`). */
  target: string
  /** The target after `rewriteUrl` (`url`). */
  rewritten: string
}

/** Only `https`, in any case, is `https`: the value may come from a proxy's header. */
export function normalScheme (protocol: string): 'http' | 'https' {
  return protocol === 'https' || protocol.toLowerCase() === 'https' ? 'https' : 'http'
}

/** Lower case, without the scheme's default port and a final dot (RFC 3986 §6.2.2.1, §6.2.3). '' stays ''. */
export function normalHost (host: string, scheme: 'http' | 'https'): string {
  let colon = -1
  for (let i = 0; i < host.length; i++) {
    const code = host.charCodeAt(i)
    if (code === COLON) colon = i
    else if (code >= 65 && code <= 90) return normalHost(host.toLowerCase(), scheme)
  }
  // The colons of an IPv6 literal come before its bracket
  if (colon !== -1 && host.charCodeAt(host.length - 1) !== CLOSING) {
    const port = host.slice(colon + 1)
    const name = withoutFinalDot(host.slice(0, colon))
    if (port === '' || port === (scheme === 'https' ? '443' : '80')) return name
    return name.length === colon ? host : `${name}:${port}`
  }
  return withoutFinalDot(host)
}

function withoutFinalDot (name: string): string {
  return name.charCodeAt(name.length - 1) === DOT ? name.slice(0, -1) : name
}

const DOT = 46
const COLON = 58
const CLOSING = 93

const QUESTION = 63
const HASH = 35
const SEMICOLON = 59

/**
 * Path and query of a target in origin form; `undefined` for any other form. A target whose query begins in another way
 * (a fragment, or ";" where the router takes it for "?") is all path: sorting what stands behind a later "?" would mix
 * parts of one parameter, and two requests that the router reads differently would share a key.
 */
export function splitTarget (target: string, useSemicolonDelimiter = false): { path: string, query: string } | undefined {
  if (target.charCodeAt(0) !== 47) return undefined
  const question = target.indexOf('?')
  if (question === -1) return { path: target, query: '' }
  const hash = target.indexOf('#')
  if (hash !== -1 && hash < question) return { path: target, query: '' }
  if (useSemicolonDelimiter) {
    const semicolon = target.indexOf(';')
    if (semicolon !== -1 && semicolon < question) return { path: target, query: '' }
  }
  return { path: target.slice(0, question), query: target.slice(question + 1) }
}

/**
 * Percent-encoding in one form (RFC 3986 §6.2.2): unreserved characters plain, the rest in upper-case hex. Nothing that
 * has a meaning of its own is decoded (`%2F` stays), and what is no encoding stays as it is.
 */
export function normalPath (path: string): string {
  const first = path.indexOf('%')
  return first === -1 ? path : normalEncoding(path, first)
}

const PERCENT = 37

function normalEncoding (text: string, first: number): string {
  let out = text.slice(0, first)
  // Where the last "%" without two hex digits stands in `out`: what is decoded right behind it must not complete it
  let dangling = -3
  for (let i = first; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code !== PERCENT) {
      out += text[i]
      continue
    }
    const byte = hexByte(text, i)
    if (byte === -1) {
      dangling = out.length
      out += '%'
      continue
    }
    if (isUnreserved(byte) && out.length - dangling > 2) out += String.fromCharCode(byte)
    else out += text.slice(i, i + 3).toUpperCase()
    i += 2
  }
  return out
}

function hexByte (text: string, percent: number): number {
  const high = hexDigit(text.charCodeAt(percent + 1))
  const low = hexDigit(text.charCodeAt(percent + 2))
  return high === -1 || low === -1 ? -1 : high * 16 + low
}

function hexDigit (code: number): number {
  if (code >= 48 && code <= 57) return code - 48
  const lower = code | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}

function isUnreserved (code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57) ||
    code === 45 || code === 46 || code === 95 || code === 126
}

/**
 * One text for several parts, each with its length: no part can be taken for another or for two.
 *
 * Joined in one go: text made by concatenation stays a tree of its pieces for as long as an entry holds it, which took
 * 600 bytes more per entry.
 */
export function joinParts (parts: readonly string[], start = ''): string {
  const pieces: Array<string | number> = [start]
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i] as string
    pieces.push(part.length, ':', part)
  }
  return pieces.join('')
}

/** The router options that decide which spellings are one path. */
export interface RouterSpelling {
  caseSensitive: boolean
  ignoreTrailingSlash: boolean
  ignoreDuplicateSlashes: boolean
  useSemicolonDelimiter?: boolean
}

/**
 * One text for every spelling of a path that the router takes for one: what a purge names. It may take more for one than
 * the router does (`/a%2Fb` is a parameter to it, but the same as `/a/b` to a wildcard), which costs misses only.
 */
export function canonicalPath (path: string, router: RouterSpelling): string {
  let text = decoded(path.slice(0, endOfPath(path, router.useSemicolonDelimiter === true)))
  if (router.ignoreDuplicateSlashes && text.includes('//')) text = text.replace(/\/{2,}/g, '/')
  // All of them, not the last: the router decodes `%2F` only after it has cut the last slash
  if (router.ignoreTrailingSlash) text = withoutTrailingSlashes(text)
  return router.caseSensitive ? text : text.toLowerCase()
}

/**
 * Path and query of a target as a purge names them: `canonicalPath`, and the query sorted and in one form of
 * percent-encoding, split where the router splits. `undefined` for any form but the origin form.
 */
export function canonicalTarget (target: string, router: RouterSpelling): { path: string, query: string } | undefined {
  if (target.charCodeAt(0) !== 47) return undefined
  const end = endOfPath(target, router.useSemicolonDelimiter === true)
  const query = target.slice(end + 1).replaceAll('+', '%20')
  return { path: canonicalPath(target.slice(0, end), router), query: normalQuery(normalPath(query)) }
}

function endOfPath (path: string, useSemicolonDelimiter: boolean): number {
  for (let i = 1; i < path.length; i++) {
    const code = path.charCodeAt(i)
    if (code === QUESTION || code === HASH || (useSemicolonDelimiter && code === SEMICOLON)) return i
  }
  return path.length
}

// Once, as the router does (`%2541` is the text "%41"). It refuses a path that cannot be decoded, so that no reply of
// one is stored; a literal path in a call of the application may hold a bare "%".
function decoded (path: string): string {
  if (!path.includes('%')) return path
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}

function withoutTrailingSlashes (path: string): string {
  let end = path.length
  while (end > 1 && path.charCodeAt(end - 1) === 47) end--
  return end === path.length ? path : path.slice(0, end)
}
