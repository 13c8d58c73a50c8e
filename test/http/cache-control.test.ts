import t from 'tap'
import { parseRequestDirectives, parseResponseDirectives } from '../../lib/http/cache-control.ts'
import type { RequestDirectives, ResponseDirectives } from '../../lib/http/cache-control.ts'

const NOTHING: ResponseDirectives = {
  noStore: false,
  noCache: false,
  noCacheFields: [],
  private: false,
  privateFields: [],
  public: false,
  mustRevalidate: false,
  proxyRevalidate: false,
  mustUnderstand: false,
  maxAge: undefined,
  sMaxage: undefined,
  staleWhileRevalidate: undefined,
  staleIfError: undefined
}

type Value = string | readonly string[] | number | undefined

t.test('response directives, RFC 9111 §5.2.2', async t => {
  const table: Array<[Value, Partial<ResponseDirectives>]> = [
    [undefined, {}],
    ['', {}],
    [5, {}],
    [[], {}],
    [', ,,', {}],
    ['foo, bar=1, baz="no-store"', {}],
    ['no-store', { noStore: true }],
    ['NO-Store', { noStore: true }],
    ['no-store=false', { noStore: true }],
    ['public, max-age=60', { public: true, maxAge: 60 }],
    ['\tpublic\t,\t max-age=60 ', { public: true, maxAge: 60 }],
    ['must-revalidate,proxy-revalidate,must-understand', { mustRevalidate: true, proxyRevalidate: true, mustUnderstand: true }],
    ['stale-while-revalidate=10, stale-if-error=20', { staleWhileRevalidate: 10, staleIfError: 20 }],
    // RFC 9111 §5.2: both forms of an argument are to be accepted
    ['max-age="60"', { maxAge: 60 }],
    ['max-age="6\\0"', { maxAge: 60 }],
    ['Max-Age=60', { maxAge: 60 }],
    ['max-age=060', { maxAge: 60 }],
    ['max-age = 60', { maxAge: 60 }],
    // several lines
    [['max-age=60', 'no-store'], { maxAge: 60, noStore: true }],
    [['foo="', 'no-store'], { noStore: true }]
  ]
  for (const [value, expected] of table) t.same(parseResponseDirectives(value), { ...NOTHING, ...expected }, JSON.stringify(value))
})

t.test('numbers that cannot be read are 0, and present', async t => {
  for (const text of ['-1', '+60', '1.5', '60.0', '1e3', '0x10', 'abc', '60s', '', '""', "'60'", '60 60', '"60"x', '"60', '٦٠', '60;', '"6 0"', 'Infinity', 'NaN', ' ']) {
    t.equal(parseResponseDirectives(`max-age=${text}`).maxAge, 0, `max-age=${text}`)
    t.equal(parseResponseDirectives(`public, s-maxage=${text}`).sMaxage, 0, `s-maxage=${text}`)
  }
  t.equal(parseResponseDirectives('max-age').maxAge, 0, 'without a value')
})

t.test('RFC 9111 §1.2.2: what is too large is 2³¹', async t => {
  for (const text of ['2147483648', '2147483649', '4294967296', '99999999999999999999', '9'.repeat(5000)]) {
    t.equal(parseResponseDirectives(`max-age=${text}`).maxAge, 2 ** 31, text.slice(0, 30))
  }
  t.equal(parseResponseDirectives('max-age=2147483647').maxAge, 2 ** 31 - 1)
})

t.test('of duplicates the most restrictive counts', async t => {
  const table: Array<[Value, Partial<ResponseDirectives>]> = [
    ['max-age=60, max-age=10', { maxAge: 10 }],
    ['max-age=10, max-age=60', { maxAge: 10 }],
    [['max-age=10', 'max-age=60'], { maxAge: 10 }],
    ['max-age=60, max-age=x', { maxAge: 0 }],
    ['s-maxage=5, S-MAXAGE=3', { sMaxage: 3 }],
    ['public, private', { public: true, private: true }],
    ['no-cache, no-cache="set-cookie"', { noCache: true, noCacheFields: ['set-cookie'] }]
  ]
  for (const [value, expected] of table) t.same(parseResponseDirectives(value), { ...NOTHING, ...expected }, JSON.stringify(value))
})

t.test('quoted strings and field names', async t => {
  const table: Array<[Value, Partial<ResponseDirectives>]> = [
    ['private="X-A, x-b"', { privateFields: ['x-a', 'x-b'] }],
    ['no-cache="Set-Cookie", max-age=5', { noCacheFields: ['set-cookie'], maxAge: 5 }],
    ['private="a", private="b"', { privateFields: ['a', 'b'] }],
    ['private=x-a', { privateFields: ['x-a'] }],
    ['private=""', { private: true }],
    ['no-cache=', { noCache: true }],
    ['foo="a, no-store", max-age=5', { maxAge: 5 }],
    ['foo="a\\", no-store", max-age=5', { maxAge: 5 }],
    // a quote that is never closed hides nothing
    ['foo="a, no-store', { noStore: true }],
    ['foo="a\\", no-store', { noStore: true }],
    ['private="x-a, max-age=60', { private: true, maxAge: 60 }],
    ['private="x"y', { private: true }],
    // single quotes are no quotes
    ["foo='a, no-store, b'", { noStore: true }],
    ["private='x-a'", { privateFields: ["'x-a'"] }],
    ["'no-store'", {}]
  ]
  for (const [value, expected] of table) t.same(parseResponseDirectives(value), { ...NOTHING, ...expected }, JSON.stringify(value))
})

t.test('a member outside the grammar can only restrict', async t => {
  const table: Array<[Value, Partial<ResponseDirectives>]> = [
    ['no-store; max-age=60', { noStore: true, maxAge: 0 }],
    ['max-age=60; private', { maxAge: 0, private: true }],
    ['public max-age=60', { maxAge: 0 }],
    ['public; s-maxage=600', { sMaxage: 0 }],
    ['no-cache must-revalidate', { noCache: true, mustRevalidate: true }],
    ['=no-store', { noStore: true }]
  ]
  for (const [value, expected] of table) t.same(parseResponseDirectives(value), { ...NOTHING, ...expected }, JSON.stringify(value))
})

t.test('a hostile line costs no more than its length', async t => {
  // Squared, a line of 8 MB would take hours
  for (const part of ['\\",', 'a=",', '",', ' ,', '=', '"']) {
    const { noStore } = parseResponseDirectives(`"${part.repeat(2_000_000)},no-store`)
    t.equal(noStore, true, part)
  }
})

const ASKED_NOTHING: RequestDirectives = { noStore: false, noCache: false, onlyIfCached: false, maxAge: undefined, minFresh: undefined, maxStale: undefined }

t.test('request directives, RFC 9111 §5.2.1 and §5.4', async t => {
  const table: Array<[string | undefined, string | undefined, Partial<RequestDirectives>]> = [
    [undefined, undefined, {}],
    ['', undefined, {}],
    ['no-cache', undefined, { noCache: true }],
    ['no-store', undefined, { noStore: true }],
    ['Only-If-Cached', undefined, { onlyIfCached: true }],
    ['max-age=0', undefined, { maxAge: 0 }],
    ['max-age=x', undefined, { maxAge: 0 }],
    ['max-age=9, max-age=5', undefined, { maxAge: 5 }],
    ['min-fresh=5, min-fresh=9', undefined, { minFresh: 9 }],
    ['min-fresh=-5', undefined, { minFresh: 2 ** 31 }],
    ['max-stale', undefined, { maxStale: Infinity }],
    ['max-stale=5', undefined, { maxStale: 5 }],
    ['max-stale, max-stale=5', undefined, { maxStale: 5 }],
    ['max-stale=', undefined, { maxStale: 0 }],
    ['max-stale=1.5', undefined, { maxStale: 0 }],
    ['private, s-maxage=5, must-revalidate', undefined, {}],
    [undefined, 'no-cache', { noCache: true }],
    [undefined, 'x, No-Cache', { noCache: true }],
    [undefined, 'no-store', {}],
    // Pragma counts only without Cache-Control
    ['max-age=5', 'no-cache', { maxAge: 5 }]
  ]
  for (const [cacheControl, pragma, expected] of table) {
    t.same(parseRequestDirectives(cacheControl, pragma), { ...ASKED_NOTHING, ...expected }, `${cacheControl} | ${pragma}`)
  }
  t.equal(parseRequestDirectives(undefined, undefined), parseRequestDirectives(undefined, undefined), 'nothing is built where nothing is asked')
})
