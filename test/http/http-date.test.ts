import t from 'tap'
import { formatHttpDate, parseHttpDate } from '../../lib/http/http-date.ts'

const NOW = Date.UTC(2026, 5, 15, 12)
const EXAMPLE = Date.UTC(1994, 10, 6, 8, 49, 37)

t.test('RFC 9110 §5.6.7: the three forms', async t => {
  const table: Array<[string, number]> = [
    ['Sun, 06 Nov 1994 08:49:37 GMT', EXAMPLE],
    ['Sunday, 06-Nov-94 08:49:37 GMT', EXAMPLE],
    ['Sun Nov  6 08:49:37 1994', EXAMPLE],
    ['Wed Nov 16 08:49:37 1994', Date.UTC(1994, 10, 16, 8, 49, 37)],
    ['Thu, 01 Jan 1970 00:00:00 GMT', 0],
    ['Thu, 29 Feb 2024 23:59:59 GMT', Date.UTC(2024, 1, 29, 23, 59, 59)],
    // a leap second is the next minute
    ['Sat, 31 Dec 2016 23:59:60 GMT', Date.UTC(2017, 0, 1)],
    ['Fri, 31 Dec 9999 23:59:59 GMT', Date.UTC(9999, 11, 31, 23, 59, 59)],
    ['Sat, 01 Jan 0050 00:00:00 GMT', new Date(0).setUTCFullYear(50, 0, 1)]
  ]
  for (const [text, ms] of table) t.equal(parseHttpDate(text, NOW), ms, text)
})

t.test('RFC 9110 §5.6.7: two-digit years, at most 50 years ahead', async t => {
  const table: Array<[string, number, number]> = [
    ['94', NOW, 1994], ['00', NOW, 2000], ['26', NOW, 2026], ['75', NOW, 2075], ['77', NOW, 1977],
    // 6 November 2076 is more than 50 years from June 2026, and 6 November 2075 less
    ['76', NOW, 1976],
    ['76', Date.UTC(2026, 11, 1), 2076],
    ['01', Date.UTC(2099, 0, 1), 2101],
    ['70', Date.UTC(1999, 0, 1), 1970]
  ]
  for (const [year, now, full] of table) {
    t.equal(parseHttpDate(`Sunday, 06-Nov-${year} 08:49:37 GMT`, now), Date.UTC(full, 10, 6, 8, 49, 37), `${year} in ${new Date(now).getUTCFullYear()}`)
  }
})

t.test('what Date.parse also takes is no HTTP-date', async t => {
  const table = [
    '', '0', '-1', '1', 'never', '1994', '1994-11-06T08:49:37Z', 'Nov 6 1994',
    'Sun, 06 Nov 1994 08:49:37', 'Sun, 06 Nov 1994 08:49:37 UTC', 'Sun, 06 Nov 1994 08:49:37 +0000',
    'Sun, 06 Nov 1994 08:49:37 gmt', 'sun, 06 Nov 1994 08:49:37 GMT', 'Sun, 06 NOV 1994 08:49:37 GMT',
    'Sun, 6 Nov 1994 08:49:37 GMT', 'Sun,  6 Nov 1994 08:49:37 GMT', 'Sun 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 94 08:49:37 GMT', 'Sun, 06 Nov 1994 8:49:37 GMT', 'Sun, 06 Nov 1994 08:49 GMT',
    'Sun, 06 Nov 1994 24:00:00 GMT', 'Sun, 06 Nov 1994 08:60:37 GMT', 'Sun, 06 Nov 1994 08:49:61 GMT',
    'Sun, 06 Nov 1994 08.49.37 GMT', 'Sun, 06-Nov-1994 08:49:37 GMT', 'Sun, 06-Nov-94 08:49:37 GMT',
    'Sun, 31 Jun 1994 08:49:37 GMT', 'Sun, 00 Jun 1994 08:49:37 GMT', 'Wed, 29 Feb 2023 00:00:00 GMT',
    'Sun, 06 Foo 1994 08:49:37 GMT', 'Sun, 06 anF 1994 08:49:37 GMT', 'Foo, 06 Nov 1994 08:49:37 GMT',
    'Sun, +6 Nov 1994 08:49:37 GMT', 'Sun, 06 Nov 1994 08:49:37 GMTx', ' Sun, 06 Nov 1994 08:49:37 GMT',
    'Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT', 'Sun,x06 Nov 1994 08:49:37 GMT',
    'Sunday, 06 Nov 94 08:49:37 GMT', 'Someday, 06-Nov-94 08:49:37 GMT', 'Sunday, 06-Nov-9x 08:49:37 GMT',
    'Sunday, 31-Jun-94 08:49:37 GMT', 'Sunday, 06-Nov-94 08:49:37 CET', 'Sunday,06-Nov-94 08:49:37 GMTT',
    'Sun Nov 6 08:49:37 1994', 'Sun Nov  6 08:49:37 94', 'Sun Nov  6 08:49:37 1994 GMT', 'Sun Nov  6 08:49 1994 abc',
    'Foo Nov  6 08:49:37 1994', 'Sun Nov 32 08:49:37 1994', 'Sun Nov  6x08:49:37 1994', 'Sun Nov  0 08:49:37 1994'
  ]
  for (const text of table) t.equal(parseHttpDate(text, NOW), undefined, JSON.stringify(text))
})

t.test('what is written can be read, second by second', async t => {
  t.equal(formatHttpDate(EXAMPLE), 'Sun, 06 Nov 1994 08:49:37 GMT')
  t.equal(formatHttpDate(EXAMPLE + 999), 'Sun, 06 Nov 1994 08:49:37 GMT')
  t.equal(formatHttpDate(EXAMPLE + 1000), 'Sun, 06 Nov 1994 08:49:38 GMT')
  t.equal(formatHttpDate(EXAMPLE), 'Sun, 06 Nov 1994 08:49:37 GMT')
  for (let day = 0; day < 800; day++) {
    const ms = Date.UTC(2023, 0, day, day % 24, day % 60, day % 60)
    t.equal(parseHttpDate(formatHttpDate(ms), NOW), ms)
  }
})
