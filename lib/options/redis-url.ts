import { Fault } from './fault.ts'
import { isPort } from './servers.ts'

/** `CACHE_REDIS_URL` in parts; user name and password are decoded, once. */
export interface RedisAddress {
  readonly tls: boolean
  /** A unix socket; then `host` and `port` mean nothing. */
  readonly path: string | undefined
  readonly host: string
  readonly port: number
  readonly username: string | undefined
  readonly password: string | undefined
  readonly db: number
}

const ESCAPES = "in a user name or password write '#' as %23, '/' as %2F, '?' as %3F, '@' as %40 and '%' as %25"

/**
 * Reads `redis://[user[:password]@]host[:port][/db]`, `rediss://…` (TLS) or `unix://[user[:password]@]/path[?db=n]`.
 * No message repeats any part of the URL: a slip in one place can make a password look like a host or a port.
 *
 * @throws {Fault} when it cannot be read in exactly one way
 */
export function parseRedisUrl (text: string): RedisAddress {
  const scheme = /^(redis|rediss|unix):\/\//i.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined) throw new Fault('takes a URL that begins with redis://, rediss:// or unix://; got another text (not shown)')
  // A raw '#' begins the fragment, so that half of the password would be lost without a word.
  if (text.includes('#')) throw new Fault(`holds a raw '#' (not shown): ${ESCAPES}`)
  // eslint-disable-next-line no-control-regex
  if (/[\s\x00-\x1f\x7f]/.test(text)) throw new Fault('holds white space or a control character (not shown)')
  const url = parse(scheme, text)
  const parts = { username: decode(url.username), password: decode(url.password) }
  return scheme === 'unix' ? unixSocket(url, parts) : server(url, scheme === 'rediss', parts)
}

interface Login { readonly username: string | undefined, readonly password: string | undefined }

function parse (scheme: string, text: string): URL {
  const afterScheme = text.slice(scheme.length + 3)
  // Generic URLs may not have a user without a host, which is just what a socket's URL is.
  const rest = scheme === 'unix' ? afterScheme.replace(/^([^/?]*@)?(?=\/)/, '$1socket') : afterScheme
  try {
    return new URL(`${scheme === 'unix' ? 'unix' : 'redis'}://${rest}`)
  } catch { // its error carries the whole input
    throw new Fault(`is not a URL that can be read (not shown): ${ESCAPES}; the port is 1–65535`)
  }
}

function server (url: URL, tls: boolean, login: Login): RedisAddress {
  // '@' behind the first '/' or '?': the password held one of these unescaped, and its first half became host and port.
  if (url.pathname.includes('@') || url.search.includes('@')) throw new Fault(`has a '/' or '?' before the '@' (not shown): ${ESCAPES}`)
  const port = url.port === '' ? 6379 : Number(url.port)
  if (!isPort(port)) throw new Fault('has a port outside 1–65535')
  const inPath = url.pathname.replace(/^\//, '')
  const query = parameters(url, ['db'])
  const db = inPath === '' ? query.get('db') : inPath
  if (inPath !== '' && query.has('db')) throw new Fault('names the database twice, in its path and as ?db=')
  const host = url.hostname === '' ? 'localhost' : url.hostname.replace(/^\[(.*)\]$/, '$1')
  return { tls, path: undefined, host, port, ...login, db: database(db) }
}

function unixSocket (url: URL, login: Login): RedisAddress {
  const path = decode(url.pathname)
  if (url.hostname !== 'socket' || url.port !== '' || path === undefined || path === '/') throw new Fault('needs an absolute path: unix:///path/to/redis.sock')
  const query = parameters(url, ['db', 'username', 'password'])
  return {
    tls: false,
    path,
    host: 'localhost',
    port: 6379,
    username: login.username ?? query.get('username'),
    password: login.password ?? query.get('password'),
    db: database(query.get('db'))
  }
}

function parameters (url: URL, allowed: readonly string[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const pair of url.search.slice(1).split('&')) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const name = equals === -1 ? pair : pair.slice(0, equals)
    if (!allowed.includes(name)) throw new Fault(`has a parameter behind '?' that is not ${allowed.join(', ')}: other settings go into CACHE_OPTIONS`)
    const value = decode(equals === -1 ? '' : pair.slice(equals + 1))
    if (value !== undefined) found.set(name, value)
  }
  return found
}

function database (text: string | undefined): number {
  if (text === undefined) return 0
  if (!/^\d{1,9}$/.test(text)) throw new Fault('has a database that is not a whole number: redis://host:6379/0')
  return Number(text)
}

/** Empty is absent. */
function decode (text: string): string | undefined {
  if (text === '') return undefined
  try {
    return decodeURIComponent(text)
  } catch {
    throw new Fault(`has a '%' that begins no escape (not shown): ${ESCAPES}`)
  }
}
