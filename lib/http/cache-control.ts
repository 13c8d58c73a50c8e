// The syntax of Cache-Control (RFC 9111 §5.2), and no policy: what the directives mean for the store is judged in policy/.
// Everything doubtful is read towards "do not reuse": an unreadable number is 0, of duplicates the most restrictive
// counts, and a member that is no directive by the grammar can only restrict.

export interface ResponseDirectives {
  noStore: boolean
  /** Without field names. */
  noCache: boolean
  noCacheFields: readonly string[]
  /** Without field names. */
  private: boolean
  privateFields: readonly string[]
  public: boolean
  mustRevalidate: boolean
  proxyRevalidate: boolean
  mustUnderstand: boolean
  /** Seconds, as all numbers here; 0 also for a value that cannot be read. */
  maxAge: number | undefined
  sMaxage: number | undefined
  staleWhileRevalidate: number | undefined
  staleIfError: number | undefined
}

export interface RequestDirectives {
  noStore: boolean
  noCache: boolean
  onlyIfCached: boolean
  maxAge: number | undefined
  minFresh: number | undefined
  /** `Infinity` without a value: any staleness is accepted. */
  maxStale: number | undefined
}

const NO_FIELDS: readonly string[] = Object.freeze([])

/** RFC 9111 §1.2.2: a number too large is as good as this one. */
const LARGEST = 2 ** 31

const NOTHING_SAID: Readonly<ResponseDirectives> = Object.freeze({
  noStore: false,
  noCache: false,
  noCacheFields: NO_FIELDS,
  private: false,
  privateFields: NO_FIELDS,
  public: false,
  mustRevalidate: false,
  proxyRevalidate: false,
  mustUnderstand: false,
  maxAge: undefined,
  sMaxage: undefined,
  staleWhileRevalidate: undefined,
  staleIfError: undefined
})

/**
 * Reads a response's `Cache-Control`: one line, or several as an array. The result is shared where there is
 * none: it is not to be changed.
 */
export function parseResponseDirectives (value: string | readonly string[] | number | undefined): Readonly<ResponseDirectives> {
  if (value === undefined) return NOTHING_SAID
  const found: ResponseDirectives = { ...NOTHING_SAID }
  if (typeof value === 'object') {
    for (const line of value) scan(String(line), found, applyResponse)
  } else {
    scan(String(value), found, applyResponse)
  }
  return found
}

const NOTHING_ASKED: RequestDirectives = Object.freeze({
  noStore: false,
  noCache: false,
  onlyIfCached: false,
  maxAge: undefined,
  minFresh: undefined,
  maxStale: undefined
})

/**
 * Reads a request's `Cache-Control`; `Pragma: no-cache` counts only where there is none (RFC 9111 §5.4). The result is
 * shared where nothing was asked: it is not to be changed.
 */
export function parseRequestDirectives (cacheControl: string | undefined, pragma: string | undefined): Readonly<RequestDirectives> {
  if (cacheControl === undefined && pragma === undefined) return NOTHING_ASKED
  const found = { ...NOTHING_ASKED }
  if (cacheControl !== undefined) scan(cacheControl, found, applyRequest)
  else scan(pragma as string, found, applyPragma)
  return found
}

/** `undefined`: without "="; `null`: a member outside the grammar, which may only restrict. */
type Argument = string | undefined | null
type Apply<T> = (found: T, name: string, argument: Argument) => void

function applyResponse (found: ResponseDirectives, name: string, argument: Argument): void {
  switch (name) {
    case 'no-store': found.noStore = true; break
    case 'no-cache':
      if (argument) found.noCacheFields = addFields(found.noCacheFields, argument)
      else found.noCache = true
      break
    case 'private':
      if (argument) found.privateFields = addFields(found.privateFields, argument)
      else found.private = true
      break
    case 'public': if (argument !== null) found.public = true; break
    case 'must-revalidate': found.mustRevalidate = true; break
    case 'proxy-revalidate': found.proxyRevalidate = true; break
    case 'must-understand': found.mustUnderstand = true; break
    case 'max-age': found.maxAge = smaller(found.maxAge, seconds(argument)); break
    case 's-maxage': found.sMaxage = smaller(found.sMaxage, seconds(argument)); break
    case 'stale-while-revalidate': found.staleWhileRevalidate = smaller(found.staleWhileRevalidate, seconds(argument)); break
    case 'stale-if-error': found.staleIfError = smaller(found.staleIfError, seconds(argument)); break
  }
}

function applyRequest (found: RequestDirectives, name: string, argument: Argument): void {
  switch (name) {
    case 'no-store': found.noStore = true; break
    case 'no-cache': found.noCache = true; break
    case 'only-if-cached': found.onlyIfCached = true; break
    case 'max-age': found.maxAge = smaller(found.maxAge, seconds(argument)); break
    // Here the larger number restricts, so that an unreadable one is the largest
    case 'min-fresh': found.minFresh = Math.max(found.minFresh ?? 0, readSeconds(argument) ?? LARGEST); break
    case 'max-stale': found.maxStale = smaller(found.maxStale, argument === undefined ? Infinity : seconds(argument)); break
  }
}

function applyPragma (found: RequestDirectives, name: string): void {
  if (name === 'no-cache') found.noCache = true
}

function smaller (known: number | undefined, value: number): number {
  return known === undefined ? value : Math.min(known, value)
}

function seconds (argument: Argument): number {
  return readSeconds(argument) ?? 0
}

// delta-seconds = 1*DIGIT: no sign, no fraction, no white space
function readSeconds (argument: Argument): number | undefined {
  if (!argument) return undefined
  let value = 0
  for (let i = 0; i < argument.length; i++) {
    const digit = argument.charCodeAt(i) - 48
    if (!(digit >= 0 && digit <= 9)) return undefined
    value = Math.min(value * 10 + digit, LARGEST)
  }
  return value
}

function addFields (known: readonly string[], list: string): readonly string[] {
  const names = list.toLowerCase().split(',').map(name => name.trim()).filter(name => name !== '')
  return [...known, ...names]
}

const COMMA = 44
const QUOTE = 34
const BACKSLASH = 92

/** Hands over the members of the list one by one. */
function scan<T> (line: string, found: T, apply: Apply<T>): void {
  // A quote that is never closed is no quote, or it could hide a no-store behind it. None after it is one either: to
  // look for the end of each would make a hostile line cost the square of its length.
  let quotes = true
  let start = 0
  for (let i = 0; i <= line.length; i++) {
    const code = line.charCodeAt(i)
    if (code === QUOTE && quotes) {
      const close = closingQuote(line, i)
      if (close === -1) quotes = false
      else i = close
    } else if (code === COMMA || i === line.length) {
      member(line.slice(start, i), found, apply)
      start = i + 1
    }
  }
}

function closingQuote (text: string, open: number): number {
  for (let i = open + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === BACKSLASH) i++
    else if (code === QUOTE) return i
  }
  return -1
}

function member<T> (text: string, found: T, apply: Apply<T>): void {
  const equals = text.indexOf('=')
  const name = (equals === -1 ? text : text.slice(0, equals)).trim().toLowerCase()
  if (name === '' && equals === -1) return
  const argument = equals === -1 ? undefined : readArgument(text.slice(equals + 1).trim())
  if (argument !== null && isToken(name)) apply(found, name, argument)
  else restrict(text, found, apply)
}

/** The text of a token or of a quoted string, '' where there is none, `null` where it is neither. */
function readArgument (text: string): string | null {
  if (text.charCodeAt(0) !== QUOTE) return text === '' || isToken(text) ? text : null
  if (closingQuote(text, 0) !== text.length - 1) return null
  const inner = text.slice(1, -1)
  return inner.includes('\\') ? inner.replace(/\\(.)/gs, '$1') : inner
}

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/

function isToken (text: string): boolean {
  return TOKEN.test(text)
}

// `no-store; max-age=60`, `no-store max-age=60`: every word that is a directive's name counts, without its value.
function restrict<T> (text: string, found: T, apply: Apply<T>): void {
  for (const word of text.toLowerCase().split(/[^a-z0-9-]+/)) {
    if (word !== '') apply(found, word, null)
  }
}
