// RFC 9110 §5.6.7. Read by the grammar and not by Date.parse, which also takes ISO dates, other zones and bare numbers:
// an Expires that only Date.parse understands is invalid, and an invalid Expires means "already expired".

const MONTHS = 'JanFebMarAprMayJunJulAugSepOctNovDec'
const SHORT_DAYS: ReadonlySet<string> = new Set(['Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat', 'Sun'])
const LONG_DAYS: ReadonlySet<string> = new Set(['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'])

/**
 * The moment that an HTTP-date names, in milliseconds, or `undefined` where the text is none.
 *
 * @param now milliseconds; the obsolete two-digit years are read relative to it
 */
export function parseHttpDate (value: string, now: number): number | undefined {
  if (value.charCodeAt(3) === COMMA) return parseImfFixdate(value)
  if (value.charCodeAt(3) === SPACE) return parseAsctime(value)
  return parseRfc850(value, now)
}

let lastSecond = Number.NaN
let lastText = ''

/** IMF-fixdate, the only form that may be sent. Every reply of one second shares the text. */
export function formatHttpDate (ms: number): string {
  const second = Math.floor(ms / 1000)
  if (second !== lastSecond) {
    lastText = new Date(second * 1000).toUTCString()
    lastSecond = second
  }
  return lastText
}

const SPACE = 32
const COMMA = 44
const COLON = 58

// Sun, 06 Nov 1994 08:49:37 GMT
function parseImfFixdate (s: string): number | undefined {
  if (s.length !== 29 || !SHORT_DAYS.has(s.slice(0, 3)) || !s.endsWith(' GMT')) return undefined
  if (!hasAt(s, SPACE, 4) || !hasAt(s, SPACE, 7) || !hasAt(s, SPACE, 11) || !hasAt(s, SPACE, 16)) return undefined
  return moment(digits(s, 12, 4), month(s, 8), digits(s, 5, 2), timeOfDay(s, 17))
}

// Sun Nov  6 08:49:37 1994
function parseAsctime (s: string): number | undefined {
  if (s.length !== 24 || !SHORT_DAYS.has(s.slice(0, 3))) return undefined
  if (!hasAt(s, SPACE, 7) || !hasAt(s, SPACE, 10) || !hasAt(s, SPACE, 19)) return undefined
  const day = hasAt(s, SPACE, 8) ? digits(s, 9, 1) : digits(s, 8, 2)
  return moment(digits(s, 20, 4), month(s, 4), day, timeOfDay(s, 11))
}

// Sunday, 06-Nov-94 08:49:37 GMT
function parseRfc850 (s: string, now: number): number | undefined {
  const comma = s.indexOf(',')
  if (comma < 0 || s.length !== comma + 24 || !LONG_DAYS.has(s.slice(0, comma)) || !s.endsWith(' GMT')) return undefined
  const at = comma + 2
  if (!hasAt(s, SPACE, comma + 1) || s[at + 2] !== '-' || s[at + 6] !== '-' || !hasAt(s, SPACE, at + 9)) return undefined
  const short = digits(s, at + 7, 2)
  const limit = new Date(now)
  limit.setUTCFullYear(limit.getUTCFullYear() + 50)
  // "More than 50 years in the future" means the past year of the same two digits
  const newest = limit.getUTCFullYear()
  const year = newest - ((newest - short) % 100)
  const time = timeOfDay(s, at + 10)
  const ms = moment(year, month(s, at + 3), digits(s, at, 2), time)
  if (year !== newest || (ms !== undefined && ms <= limit.getTime())) return ms
  return moment(year - 100, month(s, at + 3), digits(s, at, 2), time)
}

function hasAt (s: string, code: number, at: number): boolean {
  return s.charCodeAt(at) === code
}

function digits (s: string, at: number, count: number): number {
  let value = 0
  for (let i = at; i < at + count; i++) {
    const digit = s.charCodeAt(i) - 48
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    value = value * 10 + digit
  }
  return value
}

function month (s: string, at: number): number {
  const index = MONTHS.indexOf(s.slice(at, at + 3))
  return index % 3 === 0 ? index / 3 : Number.NaN
}

// Seconds since midnight. 60 is a leap second, which the grammar allows.
function timeOfDay (s: string, at: number): number {
  const hour = digits(s, at, 2)
  const minute = digits(s, at + 3, 2)
  const second = digits(s, at + 6, 2)
  if (!hasAt(s, COLON, at + 2) || !hasAt(s, COLON, at + 5) || hour > 23 || minute > 59 || second > 60) return Number.NaN
  return hour * 3600 + minute * 60 + second
}

function moment (year: number, monthIndex: number, day: number, seconds: number): number | undefined {
  const date = new Date(0)
  // Not Date.UTC, which reads the years 0 to 99 as 1900 to 1999
  const midnight = date.setUTCFullYear(year, monthIndex, day)
  const ms = midnight + seconds * 1000
  // 31 June is no day: the setter would roll over into July
  return Number.isNaN(ms) || date.getUTCDate() !== day ? undefined : ms
}
