import t from 'tap'
import { formatHttpDate } from '../../../lib/http/http-date.ts'
import { storability } from '../../../lib/http/policy/response.ts'
import type { HeaderValue, Lifetime, LifetimeRules, ReplyFacts } from '../../../lib/http/policy/response.ts'

const NOW = Date.UTC(2026, 5, 15, 12, 0, 0, 450)
const at = (seconds: number): string => formatHttpDate(NOW + seconds * 1000)

type Headers = Record<string, HeaderValue>
const STATUSES: Array<[number, number | true]> = [[200, true], [203, true], [204, true], [300, true], [301, true], [308, true]]

function reply (headers: Headers, facts: Partial<ReplyFacts> = {}): ReplyFacts {
  return {
    status: 200,
    header: name => headers[name],
    failed: false,
    explicit: undefined,
    notFound: false,
    trailers: false,
    cookie: false,
    requestNoStore: false,
    authorized: false,
    ...facts
  }
}

function rules (part: Partial<LifetimeRules> = {}): LifetimeRules {
  return { timeout: 300, hasTimeout: false, statuses: new Map(STATUSES), staleWhileRevalidate: 0, staleIfError: 0, ...part }
}

const ROUTE = rules({ timeout: 60, hasTimeout: true })
const HEADERS = rules({ timeout: 'headers', hasTimeout: true })
const withStatus = (base: LifetimeRules, status: number, own: number | true): LifetimeRules =>
  ({ ...base, statuses: new Map([...STATUSES, [status, own]]) })

/** Seconds of freshness, or why it is not stored. */
function outcome (facts: ReplyFacts, given: LifetimeRules): number | string {
  const result = storability(facts, given, NOW)
  return 'skip' in result ? result.skip : result.fresh / 1000
}

t.test('the order of lifetimes', async t => {
  const table: Array<[string, Headers, Partial<ReplyFacts>, LifetimeRules, number | string]> = [
    ['the plugin\'s default', {}, {}, rules(), 300],
    ['a default of 0 never expires', {}, {}, rules({ timeout: 0 }), Infinity],
    ['Expires before the default', { expires: at(20) }, {}, rules(), 20],
    ['max-age before Expires (RFC 9111 §5.3)', { expires: at(20), 'cache-control': 'max-age=30' }, {}, rules(), 30],
    ['max-age=0 before the default', { 'cache-control': 'max-age=0' }, {}, rules(), 'expired'],
    ['an unreadable max-age is 0', { 'cache-control': 'max-age=abc' }, {}, rules(), 'expired'],
    ['the route before max-age', { 'cache-control': 'max-age=10' }, {}, ROUTE, 60],
    ['the route before max-age=0', { 'cache-control': 'max-age=0' }, {}, ROUTE, 60],
    ['the route before Expires', { expires: '0' }, {}, ROUTE, 60],
    ['a route of 0 never expires', { 'cache-control': 'max-age=10' }, {}, rules({ timeout: 0, hasTimeout: true }), Infinity],
    ['a fraction', {}, {}, rules({ timeout: 0.25, hasTimeout: true }), 0.25],
    ['the status before the route', {}, { status: 404 }, withStatus(ROUTE, 404, 10), 10],
    ['a status of 0 never expires', {}, { status: 404 }, withStatus(ROUTE, 404, 0), Infinity],
    ['a status without its own has the route\'s', {}, { status: 302 }, withStatus(ROUTE, 302, true), 60],
    ['s-maxage before the route', { 'cache-control': 's-maxage=10, max-age=5' }, {}, ROUTE, 10],
    ['s-maxage before the status', { 'cache-control': 's-maxage=20' }, { status: 404 }, withStatus(ROUTE, 404, 10), 20],
    ['s-maxage=0 is not fresh', { 'cache-control': 's-maxage=0' }, {}, ROUTE, 'expired'],
    ['s-maxage less Age', { 'cache-control': 's-maxage=10', age: '4' }, {}, ROUTE, 6],
    ['Age takes nothing from the route', { age: '100' }, {}, ROUTE, 60],
    ['the handler before everything', { 'cache-control': 's-maxage=10', age: '4' }, { explicit: 5 }, ROUTE, 5],
    ['the handler\'s 0 never expires', { 'cache-control': 's-maxage=10' }, { explicit: 0 }, ROUTE, Infinity],
    ['the handler beside max-age=0', { 'cache-control': 'max-age=0' }, { explicit: 5 }, HEADERS, 5],
    ['a lifetime that is none', {}, { explicit: -1 }, ROUTE, 'no-lifetime'],
    ['a lifetime that is no number', {}, {}, rules({ timeout: NaN, hasTimeout: true }), 'no-lifetime']
  ]
  for (const [name, headers, facts, given, expected] of table) t.equal(outcome(reply(headers, facts), given), expected, name)
})

t.test('only what the reply declares: RFC 9111 §4.2.1', async t => {
  const cc = (value: HeaderValue, more: Headers = {}): Headers => ({ 'cache-control': value, ...more })
  const table: Array<[string, Headers, number | string]> = [
    ['nothing declared: no heuristics', { 'last-modified': at(-86400) }, 'no-lifetime'],
    ['public declares nothing', cc('public'), 'no-lifetime'],
    ['max-age', cc('max-age=60'), 60],
    ['several lines', cc(['public', 'max-age=60']), 60],
    ['s-maxage before max-age', cc('max-age=60, s-maxage=5'), 5],
    ['max-age less Age', cc('max-age=60', { age: '20' }), 40],
    ['Age as a number', cc('max-age=60', { age: 20 }), 40],
    ['the first of several Ages (§5.1)', cc('max-age=60', { age: '20, 50' }), 40],
    ['the first of several Age lines (§5.1)', cc('max-age=60', { age: ['20', '50'] }), 40],
    ['no Age line', cc('max-age=60', { age: [] }), 60],
    ['an Age that is none is ignored (§5.1)', cc('max-age=60', { age: '-20' }), 60],
    ['a fraction of an Age', cc('max-age=60', { age: '1.5' }), 60],
    ['a huge Age', cc('max-age=60', { age: '9'.repeat(400) }), 'expired'],
    ['as old as its lifetime', cc('max-age=60', { age: '60' }), 'expired'],
    ['2³² s', cc('max-age=4294967296'), 2 ** 31],
    ['Date in the past (§4.2.3)', cc('max-age=60', { date: at(-15) }), 45],
    ['Date in the future', cc('max-age=60', { date: at(15) }), 60],
    ['an invalid Date is now', cc('max-age=60', { date: 'yesterday' }), 60],
    ['Expires', { expires: at(60) }, 60],
    ['Expires less Date', { expires: at(60), date: at(0) }, 60],
    ['Expires, Date in the past', { expires: at(60), date: at(-30) }, 60],
    ['Expires less Date, both ahead', { expires: at(3660), date: at(3600) }, 60],
    ['Expires less Age', { expires: at(60), date: at(0), age: '10' }, 50],
    ['Expires is Date', { expires: at(0), date: at(0) }, 'expired'],
    ['Expires long ago', { expires: 'Thu, 01 Jan 1970 00:00:00 GMT' }, 'expired'],
    ['Expires in the form of RFC 850', { expires: 'Monday, 15-Jun-26 12:01:00 GMT' }, 60],
    ['several Expires: the earliest', { expires: [at(60), at(10)] }, 10],
    ['several Expires, one invalid', { expires: [at(60), '0'] }, 'expired']
  ]
  for (const [name, headers, expected] of table) t.equal(outcome(reply(headers), HEADERS), expected, name)
})

t.test('an invalid Expires is past (RFC 9111 §5.3), but max-age comes first', async t => {
  for (const expires of ['0', '-1', '', 'never', '2030-01-01T00:00:00Z', 0]) {
    t.equal(outcome(reply({ expires }), HEADERS), 'expired', JSON.stringify(expires))
    t.equal(outcome(reply({ expires, 'cache-control': 'max-age=60' }), HEADERS), 60, `${JSON.stringify(expires)} beside max-age`)
    const stale = storability(reply({ expires }), { ...HEADERS, staleWhileRevalidate: 30 }, NOW) as Lifetime
    t.same([stale.fresh, stale.staleWhileRevalidate], [0, 30_000], `${JSON.stringify(expires)} with a stale window`)
  }
})

t.test('never stored, in any mode and whatever the handler asked for', async t => {
  const cc = (value: string): ReplyFacts => reply({ 'cache-control': value }, { explicit: 10 })
  const table: Array<[string, (more: Headers) => ReplyFacts, string]> = [
    ['RFC 9111 §5.2.2.5', () => cc('s-maxage=60, no-store'), 'no-store'],
    ['RFC 9111 §5.2.2.3', () => cc('s-maxage=60, no-store, must-understand'), 'no-store'],
    ['RFC 9111 §5.2.2.7', () => cc('s-maxage=60, private'), 'private'],
    ['RFC 9111 §5.2.2.7, with fields', () => cc('s-maxage=60, private="x-user"'), 'private'],
    ['RFC 9111 §5.2.2.4', () => cc('s-maxage=60, no-cache'), 'no-cache'],
    ['RFC 9111 §5.2.2.4, with fields', () => cc('s-maxage=60, no-cache="set-cookie"'), 'no-cache'],
    ['private beside public', () => cc('s-maxage=60, public, private'), 'private'],
    ['Set-Cookie', more => reply({ ...more, 'set-cookie': 'a=1' }), 'set-cookie'],
    ['Set-Cookie elsewhere', more => reply(more, { cookie: true }), 'set-cookie'],
    ['RFC 9111 §4.1', more => reply({ ...more, vary: '*' }), 'vary-star'],
    ['RFC 9111 §4.1, in a list', more => reply({ ...more, vary: ['accept', 'x, *'] }), 'vary-star'],
    ['a part', more => reply({ ...more, 'content-range': 'bytes 0-1/2' }), 'content-range'],
    ['trailers', more => reply(more, { trailers: true }), 'trailers'],
    ['a part by its status', more => reply(more, { status: 206 }), 'status'],
    ['not modified', more => reply(more, { status: 304 }), 'status'],
    ['an interim status', more => reply(more, { status: 103 }), 'status'],
    ['no status', more => reply(more, { status: 600 }), 'status'],
    ['after onError', more => reply(more, { failed: true }), 'error'],
    ['after onError, ≥ 400 but not listed', more => reply(more, { failed: true, status: 404 }), 'error'],
    ['callNotFound', more => reply(more, { notFound: true }), 'not-found'],
    ['RFC 9111 §5.2.1.5', more => reply(more, { requestNoStore: true }), 'request-no-store'],
    ['RFC 9111 §5.2.2.3, a status that is not understood', () => reply({ 'cache-control': 's-maxage=60, must-understand' }, { status: 299 }), 'must-understand']
  ]
  const more = { 'cache-control': 's-maxage=60' }
  for (const given of [rules(), ROUTE, HEADERS]) {
    t.equal(outcome(reply(more), given), 60, 'stored without')
    for (const [name, facts, skip] of table) t.equal(outcome(facts(more), given), skip, `${name}, ${given.timeout}`)
  }
})

t.test('statuses', async t => {
  const declared = { 'cache-control': 'max-age=30' }
  for (const status of [200, 203, 204, 300, 301, 308]) t.equal(outcome(reply({}, { status }), ROUTE), 60, `${status}`)
  for (const status of [201, 202, 205, 302, 303, 307, 400, 401, 403, 404, 405, 407, 410, 414, 429, 451, 500, 501, 503]) {
    t.equal(outcome(reply({}, { status }), ROUTE), 'status', `${status} is not listed`)
    t.equal(outcome(reply({ 'cache-control': 's-maxage=30' }, { status }), ROUTE), 'status', `${status} is not listed, whatever it declares`)
    t.equal(outcome(reply({}, { status, explicit: 10 }), ROUTE), 'status', `${status} is not listed, whatever the handler asks`)
    t.equal(outcome(reply(declared, { status }), HEADERS), 30, `${status} as declared (RFC 9111 §3)`)
    t.equal(outcome(reply({}, { status }), HEADERS), 'status', `${status} undeclared`)
    t.equal(outcome(reply({}, { status, explicit: 10 }), HEADERS), 'status', `${status} undeclared, whatever the handler asks`)
  }
  t.equal(outcome(reply({}, { status: 404, failed: true }), withStatus(ROUTE, 404, 10)), 10, 'a listed error after onError')
  t.equal(outcome(reply({}, { status: 500, failed: true }), withStatus(ROUTE, 404, 10)), 'error', 'another one')
  t.equal(outcome(reply({}, { status: 200, failed: true }), withStatus(ROUTE, 200, 10)), 'error', 'an error handler that answers 200')
  t.equal(outcome(reply({}, { status: 404 }), withStatus(HEADERS, 404, 10)), 10, "a status's own lifetime under 'headers'")
  t.equal(outcome(reply({ 'cache-control': 'max-age=30, must-understand' }, { status: 404 }), HEADERS), 30, 'understood')
})

t.test('a credential under \'headers\': RFC 9111 §3.5', async t => {
  for (const value of ['max-age=60', 'public, max-age=60', 's-maxage=60', 'must-revalidate, max-age=60']) {
    t.equal(outcome(reply({ 'cache-control': value }, { authorized: true }), HEADERS), 'authorization', value)
  }
  t.equal(outcome(reply({}, { authorized: true }), ROUTE), 60, 'elsewhere the route decides')
})

t.test('stale windows: RFC 5861, RFC 9111 §4.2.4', async t => {
  const WINDOWS = { staleWhileRevalidate: 7, staleIfError: 9 }
  const table: Array<[string, string | undefined, Headers, LifetimeRules, [number, number, number] | string]> = [
    ['the route\'s', undefined, {}, { ...ROUTE, ...WINDOWS }, [60, 7, 9]],
    ['the reply\'s', 'stale-while-revalidate=1, stale-if-error=2', {}, { ...ROUTE, ...WINDOWS }, [60, 1, 2]],
    ['one of each', 'stale-if-error=20', {}, { ...ROUTE, ...WINDOWS }, [60, 7, 20]],
    ['the reply wants none', 'stale-while-revalidate=0', {}, { ...ROUTE, ...WINDOWS }, [60, 0, 9]],
    ['the reply alone', 'max-age=5, stale-while-revalidate=1', {}, HEADERS, [5, 1, 0]],
    ['must-revalidate (§5.2.2.2)', 'max-age=5, must-revalidate, stale-if-error=20', {}, { ...HEADERS, ...WINDOWS }, [5, 0, 0]],
    ['must-revalidate beside the route\'s timeout', 'must-revalidate', {}, { ...ROUTE, ...WINDOWS }, [60, 0, 0]],
    ['proxy-revalidate (§5.2.2.8)', 'max-age=5, proxy-revalidate', {}, { ...HEADERS, ...WINDOWS }, [5, 0, 0]],
    ['s-maxage alone', 's-maxage=5', {}, { ...ROUTE, ...WINDOWS }, [5, 7, 9]],
    ['s-maxage alone under \'headers\'', 's-maxage=5', {}, { ...HEADERS, ...WINDOWS }, [5, 7, 9]],
    ['only a stale window', 'max-age=0, stale-while-revalidate=5', {}, HEADERS, [0, 5, 0]],
    ['only what is left of it', 'max-age=10, stale-if-error=5', { age: '12' }, HEADERS, [-2, 0, 5]],
    ['past it', 'max-age=10, stale-if-error=5', { age: '15' }, HEADERS, 'expired'],
    ['no lifetime, and stale forbidden', 'max-age=0, must-revalidate', {}, { ...HEADERS, ...WINDOWS }, 'expired']
  ]
  for (const [name, value, headers, given, expected] of table) {
    const result = storability(reply({ ...headers, 'cache-control': value }), given, NOW)
    const seen = 'skip' in result ? result.skip : [result.fresh / 1000, result.staleWhileRevalidate / 1000, result.staleIfError / 1000]
    t.same(seen, expected, name)
  }
})

t.test('the upstream\'s Age is handed on', async t => {
  for (const [age, seconds] of [['7', 7], [undefined, 0], ['x', 0], ['-7', 0], ['99999999999', 2 ** 31]] as const) {
    t.equal((storability(reply({ age }), ROUTE, NOW) as Lifetime).age, seconds, String(age))
  }
})
