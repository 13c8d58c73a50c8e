import { errors } from '../../errors.ts'

/** Where a server is and who asks: the part of the options that a URL can say. */
export interface Address {
  host?: string
  port?: number
  /** A unix socket. */
  path?: string
  username?: string
  password?: string
  db?: number
  tls?: object
}

const FORMS = 'CACHE_REDIS_URL takes redis://[[user]:password@]host[:port][/db], rediss://… or unix://[[user]:password@]/path/to/socket[?db=n]'

/**
 * Reads a URL. User and password are percent-decoded once; a raw `#`, `/` or `?` in a password has to be written
 * as %23, %2F, %3F, since it ends the authority (RFC 3986 §3.2), and is refused here rather than cut off.
 */
export function parseRedisUrl (text: string): Address {
  const match = /^(rediss?|unix):\/\/(?:([^@/?#]*)@)?([^@]*)$/i.exec(text)
  if (match === null) throw refused('is not such a URL; an @, / or # inside a password is written %40, %2F or %23')
  const [, scheme = '', userinfo, rest = ''] = match
  const address: Address = {}
  if (userinfo !== undefined) readUser(userinfo, address)
  if (scheme.toLowerCase() === 'unix') readSocket(rest, address)
  else readServer(rest, address)
  if (scheme.toLowerCase() === 'rediss') address.tls = {}
  return address
}

function readUser (userinfo: string, address: Address): void {
  const colon = userinfo.indexOf(':')
  const username = decode(colon < 0 ? userinfo : userinfo.slice(0, colon))
  if (username !== '') address.username = username
  if (colon >= 0) {
    const password = decode(userinfo.slice(colon + 1))
    if (password !== '') address.password = password
  }
}

function readSocket (rest: string, address: Address): void {
  const { path, db } = splitDb(rest)
  if (path === '') throw refused('names no socket')
  address.path = decode(path)
  if (db !== undefined) address.db = db
}

function readServer (rest: string, address: Address): void {
  const { path, db } = splitDb(rest)
  const match = /^(?:\[([0-9a-f:.%]+)\]|([^:/[\]]*))(?::(\d{1,5}))?(?:\/(\d*))?$/i.exec(path)
  if (match === null) throw refused('has no readable host, port or database number')
  const [, v6, host, port, number] = match
  address.host = v6 ?? (decode(host ?? '') || 'localhost')
  if (port !== undefined) address.port = portOf(port)
  if (db !== undefined) address.db = db
  else if (number !== undefined && number !== '') address.db = Number(number)
}

/** Takes `?db=n` off; any other parameter is refused, so that none is silently without effect. */
function splitDb (rest: string): { path: string, db: number | undefined } {
  if (rest.includes('#')) throw refused('has a fragment; a # inside a password is written %23')
  const mark = rest.indexOf('?')
  if (mark < 0) return { path: rest, db: undefined }
  const path = rest.slice(0, mark)
  let db: number | undefined
  for (const [name, value] of new URLSearchParams(rest.slice(mark + 1))) {
    if (name !== 'db') throw refused(`has a parameter '${name}'; only db is known, the rest belongs into CACHE_OPTIONS`)
    if (!/^\d+$/.test(value)) throw refused('has a db that is not a whole number')
    db = Number(value)
  }
  return { path, db }
}

function portOf (text: string): number {
  const port = Number(text)
  if (port < 1 || port > 65535) throw refused(`has the port ${text}; a port is 1 to 65535`)
  return port
}

function decode (text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw refused('has a % that begins no percent-encoding; a % itself is written %25')
  }
}

/** Never shows the URL: it may hold a password. */
function refused (why: string): Error {
  return new errors.FST_CACHE_ERR_OPTIONS(`CACHE_REDIS_URL ${why}. ${FORMS}`)
}
