import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { clock, httpDate } from '../helpers/clock.ts'
import { get, notStored, runCases, stored } from './run.ts'
import type { Case, HeaderValue, Step } from './run.ts'

const headersMode = { timeout: 'headers' }

/** Stored, reused until `seconds` have passed, and then run anew. */
function livesFor (seconds: number): Step[] {
  return [get(1), get(1), get(1, { advance: seconds - 1 }), get(2, { advance: 2 })]
}

function declared (name: string, section: string, headers: Record<string, HeaderValue>, steps: Step[], more: Partial<Case> = {}): Case {
  return { name, section, route: headersMode, replies: [{ headers }], steps, ...more }
}

function cacheControl (value: string | string[], section: string, steps: Step[], name = `Cache-Control ${JSON.stringify(value)}`): Case {
  return declared(name, section, { 'cache-control': value }, steps)
}

const rfc850 = (seconds: number): string => {
  const [day = '', date, month, year = '', time] = httpDate(seconds).replace(',', '').split(' ')
  const long = { Mon: 'Monday', Tue: 'Tuesday', Wed: 'Wednesday', Thu: 'Thursday', Fri: 'Friday', Sat: 'Saturday', Sun: 'Sunday' }[day]
  return `${long}, ${date}-${month}-${year.slice(2)} ${time} GMT`
}
const asctime = (seconds: number): string => {
  const [day = '', date = '', month, year, time] = httpDate(seconds).replace(',', '').split(' ')
  return `${day} ${month} ${date.replace(/^0/, ' ')} ${time} ${year}`
}

const explicit: Case[] = [
  cacheControl('max-age=60', '§4.2.1', livesFor(60)),
  cacheControl('s-maxage=60', '§5.2.2.10', livesFor(60)),
  cacheControl('s-maxage=60, max-age=1', '§5.2.2.10', livesFor(60)),
  cacheControl('max-age=600, s-maxage=10', '§5.2.2.10', livesFor(10)),
  cacheControl('s-maxage=0, max-age=60', '§5.2.2.10', notStored()),
  cacheControl('max-age=0', '§5.2.2.1', notStored()),
  cacheControl('MAX-AGE=60', '§5.2', stored()),
  cacheControl('S-MaxAge=60', '§5.2', stored()),
  cacheControl('public, max-age=60', '§5.2.2.9', stored()),
  cacheControl('public', '§5.2.2.9 (declares no lifetime)', notStored()),
  cacheControl(['public', 'max-age=60'], '9110 §5.3', stored()),
  cacheControl(['max-age=60', 'no-store'], '9110 §5.3', notStored()),
  cacheControl(', , max-age=60, ,', '9110 §5.6.1.2', stored()),
  cacheControl('foo, max-age=60, bar=baz', '§5.2.3', stored()),
  cacheControl('max-age=60,foo=1', '§5.2.3', stored()),
  declared('nothing is declared', '§4.2.2 (no heuristics)', {}, notStored()),
  declared('Last-Modified alone declares no lifetime', '§4.2.2 (no heuristics)', { 'last-modified': () => httpDate(-864_000) }, notStored()),
  declared('Pragma: no-cache in a reply means nothing', '§5.4', { pragma: 'no-cache', 'cache-control': 'max-age=60' }, stored())
]

const parsing: Case[] = [
  cacheControl('max-age="60"', '§5.2', livesFor(60), 'a quoted max-age is understood'),
  cacheControl("max-age='60'", '§4.2.1', notStored(), 'single quotes are no quotes'),
  ...['-1', '-60', '60.5', '1e3', 'abc', '60s', 'a60', '', '0x3c', '6 0', '"abc"', '"-60"'].map((value) =>
    cacheControl(`max-age=${value}`, '§4.2.1 (invalid: stale)', notStored())),
  cacheControl('max-age', '§4.2.1 (invalid: stale)', notStored()),
  cacheControl('s-maxage', '§4.2.1 (invalid: stale)', notStored()),
  cacheControl('s-maxage=abc', '§4.2.1 (invalid: stale)', notStored()),
  ...['2147483647', '2147483648', '4294967296', '99999999999999999999'].map((value) =>
    cacheControl(`max-age=${value}`, '§1.2.2 (overflow)', [get(1), get(1), get(1, { advance: 1_000_000 })])),
  cacheControl('max-age=10, max-age=600', '§4.2.1 (duplicates: the first, or stale)', [get(1), get(2, { advance: 20 })]),
  cacheControl(['max-age=10', 'max-age=600'], '§4.2.1 (duplicates: the first, or stale)', [get(1), get(2, { advance: 20 })]),
  cacheControl('ext="max-age=60"', '§5.2 (inside a quoted string)', notStored()),
  cacheControl('ext="no-store", max-age=60', '§5.2 (inside a quoted string)', stored()),
  cacheControl('ext="a, no-store, b", max-age=60', '§5.2 (inside a quoted string)', stored()),
  cacheControl('ext="a\\", no-store, \\"b", max-age=60', '9110 §5.6.4 (escaped quotes)', stored()),
  cacheControl('no-storex, max-age=60', '§5.2.3 (another name)', stored()),
  cacheControl('xmax-age=60', '§5.2.3 (another name)', notStored()),
  cacheControl('max-age=60, NO-STORE', '§5.2', notStored())
]

const expires: Case[] = [
  declared('Expires with Date', '§4.2.1', { date: () => httpDate(), expires: () => httpDate(60) }, livesFor(60)),
  declared('Expires without Date', '§4.2.1', { expires: () => httpDate(60) }, livesFor(60)),
  declared('Expires counts from Date, not from the clock', '§4.2.1', { date: () => httpDate(-30), expires: () => httpDate(30) }, livesFor(30)),
  declared('Expires in the past', '§5.3', { expires: () => httpDate(-60) }, notStored()),
  declared('Expires equal to Date', '§5.3', { date: () => httpDate(), expires: () => httpDate() }, notStored()),
  declared('Expires as RFC 850 writes it', '9110 §5.6.7', { expires: () => rfc850(60) }, livesFor(60)),
  declared('Expires as asctime writes it', '9110 §5.6.7', { expires: () => asctime(60) }, livesFor(60)),
  declared('max-age wins over Expires in the past', '§5.3', { expires: () => httpDate(-60), 'cache-control': 'max-age=60' }, livesFor(60)),
  declared('max-age=0 wins over Expires in the future', '§5.3', { expires: () => httpDate(600), 'cache-control': 'max-age=0' }, notStored()),
  declared('s-maxage wins over Expires', '§5.3', { expires: () => httpDate(600), 'cache-control': 's-maxage=10' }, livesFor(10)),
  ...['0', '-1', '', 'never', '2094-11-06T08:49:37Z', '6 Nov 2094 08:49:37', 'Sat, 06 Nov 2094 08:49:37 +0100', 'Sat, 06 Nov 2094 08:49:37', '9999999999'].flatMap((value) => [
    declared(`Expires ${JSON.stringify(value)} is past`, '§5.3', { expires: value }, notStored()),
    declared(`Expires ${JSON.stringify(value)} beside max-age=60`, '§5.3', { expires: value, 'cache-control': 'max-age=60' }, livesFor(60))
  ]),
  declared('two lines of Expires: the first, or past', '§4.2.1', { expires: [httpDate(-60), httpDate(-50)] }, notStored())
]

const age: Case[] = [
  declared('Age shortens what is left', '§4.2.3', { age: '4', 'cache-control': 'max-age=10' }, [
    get(1), get(1, { advance: 5 }, { headers: { age: '9' } }), get(2, { advance: 2 })]),
  declared('Age beyond the lifetime', '§4.2.3', { age: '20', 'cache-control': 'max-age=10' }, notStored()),
  declared('Age equal to the lifetime', '§4.2 (fresh means greater)', { age: '10', 'cache-control': 'max-age=10' }, notStored()),
  declared('Age beside Expires', '§4.2.3', { age: '20', date: () => httpDate(), expires: () => httpDate(60) }, livesFor(40)),
  declared('Date in the past ages the reply', '§4.2.3', { date: () => httpDate(-40), 'cache-control': 'max-age=60' }, [
    get(1), get(1, { advance: 10 }, { headers: { age: '50' } }), get(2, { advance: 12 })]),
  declared('Date too old for the lifetime', '§4.2.3', { date: () => httpDate(-100), 'cache-control': 'max-age=60' }, notStored()),
  declared('Date a little ahead: no negative Age', '§4.2.3', { date: () => httpDate(2), 'cache-control': 'max-age=60' }, [
    get(1), get(1, {}, { headers: { age: '0' } })]),
  declared('Age grows, in one field', '§5.1', { 'cache-control': 'max-age=60' }, [
    get(1, {}, { absent: ['age'] }), get(1, {}, { headers: { age: '0' } }), get(1, { advance: 7 }, { headers: { age: '7' } }), get(1, { advance: 20 }, { headers: { age: '27' } })]),
  declared('Date of a hit is the origin\'s', '9110 §6.6.1', { date: 'Mon, 23 Nov 2026 08:49:37 GMT', 'cache-control': 'max-age=999999999' }, [
    get(1), get(1, { advance: 7 }, { headers: { date: 'Mon, 23 Nov 2026 08:49:37 GMT' } })]),
  {
    name: 'Date is fixed at the capture',
    section: '9110 §6.6.1',
    route: { timeout: 60 },
    steps: [get(1), get(1, { advance: 30 }, {
      check: (reply) => Date.parse(String(reply.headers.date)) === clock.now() - 30_000 ? undefined : `date ${reply.headers.date}, expected ${httpDate(-30)}`
    })]
  }
]

function numeric (name: string, route: Case['route'], headers: Record<string, HeaderValue>, steps: Step[], cache: Case['cache'] = {}): Case {
  return { name, section: '§4.2 (explicit configuration)', route: route ?? true, replies: [{ headers }], steps, cache }
}

const configured: Case[] = [
  numeric('timeout: 60 alone', { timeout: 60 }, {}, livesFor(60)),
  numeric('timeout: 60 with max-age=10', { timeout: 60 }, { 'cache-control': 'max-age=10' }, livesFor(60)),
  numeric('timeout: 60 with max-age=0', { timeout: 60 }, { 'cache-control': 'max-age=0' }, livesFor(60)),
  numeric('timeout: 60 with s-maxage=10', { timeout: 60 }, { 'cache-control': 's-maxage=10' }, livesFor(10)),
  numeric('timeout: 60 with s-maxage=10 and Age: 4', { timeout: 60 }, { 'cache-control': 's-maxage=10', age: '4' }, livesFor(6)),
  numeric('timeout: 60 with s-maxage=0', { timeout: 60 }, { 'cache-control': 's-maxage=0' }, notStored()),
  numeric('timeout: 60 with s-maxage=600', { timeout: 60 }, { 'cache-control': 's-maxage=600' }, livesFor(600)),
  numeric('timeout: 60 with Expires in the past', { timeout: 60 }, { expires: '0' }, livesFor(60)),
  numeric('no timeout: the default of 300', true, {}, livesFor(300)),
  numeric('no timeout: CACHE_DEFAULT_TIMEOUT', true, {}, livesFor(20), { CACHE_DEFAULT_TIMEOUT: 20 }),
  numeric('no timeout: CACHE_ROUTE_DEFAULTS', true, {}, livesFor(20), { CACHE_ROUTE_DEFAULTS: { timeout: 20 } }),
  numeric('no timeout: max-age before the default', true, { 'cache-control': 'max-age=10' }, livesFor(10)),
  numeric('no timeout: Expires before the default', true, { expires: () => httpDate(10) }, livesFor(10)),
  numeric('no timeout: max-age=0', true, { 'cache-control': 'max-age=0' }, notStored()),
  numeric('timeout: 0 never expires', { timeout: 0 }, {}, [get(1), get(1), get(1, { advance: 315_360_000 })]),
  numeric('CACHE_DEFAULT_TIMEOUT: 0 never expires', true, {}, [get(1), get(1), get(1, { advance: 315_360_000 })], { CACHE_DEFAULT_TIMEOUT: 0 }),
  numeric('timeout: 2^32', { timeout: 2 ** 32 }, {}, [get(1), get(1), get(1, { advance: 2 ** 31 })]),
  numeric('timeout: 2,592,000 (30 days)', { timeout: 2_592_000 }, {}, livesFor(2_592_000)),
  numeric('timeout: 0.5', { timeout: 0.5 }, {}, [get(1), get(1, { advance: 0.4 }), get(2, { advance: 0.2 })]),
  numeric('a function: 10', { timeout: () => 10 }, {}, livesFor(10)),
  numeric('a function that reads the reply', { timeout: (request: FastifyRequest, reply: FastifyReply) => Number(reply.getHeader('x-life')) }, { 'x-life': '10' }, livesFor(10)),
  numeric('a function: 0 never expires', { timeout: () => 0 }, {}, [get(1), get(1), get(1, { advance: 315_360_000 })]),
  numeric('a function: -1', { timeout: () => -1 }, {}, notStored()),
  numeric('a function: NaN', { timeout: () => NaN }, {}, notStored()),
  numeric('a function: a promise', { timeout: async () => 60 }, {}, notStored()),
  numeric('a function that throws', { timeout: () => { throw new Error('scripted') } }, {}, notStored())
]

const inHandler: Case[] = [
  { name: 'reply.cache({ timeout: 10 }) before s-maxage and timeout', section: '§4.2 (explicit configuration)', call: { timeout: 10 }, steps: livesFor(10) },
  { name: 'reply.cache({ timeout: 0 }) never expires', section: '§4.2 (explicit configuration)', call: { timeout: 0 }, steps: [get(1), get(1), get(1, { advance: 315_360_000 })] },
  { name: 'reply.cache(false)', section: '§3', call: false, steps: notStored() }
].map(({ call, ...kase }) => ({
  ...kase,
  url: '/unused',
  path: '/r',
  setup (app, origin) {
    app.get('/r', { config: { cache: { timeout: 60 } } as object }, async (request, reply) => {
      const run = origin.ran();
      (reply as unknown as { cache: (options: unknown) => void }).cache(call)
      return reply.header('x-run', String(run)).header('cache-control', 's-maxage=30').send(`run ${run}`)
    })
  }
}) satisfies Case as Case)

const statusLifetimes: Case[] = [
  { name: 'a status\'s own lifetime before the route\'s', section: '§4.2 (explicit configuration)', route: { timeout: 60, statuses: { 404: 10 } }, replies: [{ status: 404 }], steps: livesFor(10) },
  { name: 's-maxage before a status\'s own lifetime', section: '§5.2.2.10', route: { timeout: 60, statuses: { 404: 10 } }, replies: [{ status: 404, headers: { 'cache-control': 's-maxage=20' } }], steps: livesFor(20) },
  { name: 'a status added with the route\'s lifetime', section: '§3', route: { timeout: 60, statuses: { 302: true } }, replies: [{ status: 302, headers: { location: '/x' } }], steps: livesFor(60) },
  { name: 'a status removed', section: '§3', route: { timeout: 60, statuses: { 301: false } }, replies: [{ status: 301, headers: { location: '/x' } }], steps: notStored() },
  { name: '503 with a lifetime of its own', section: '§3', route: { timeout: 60, statuses: { 503: 5 } }, replies: [{ status: 503 }], steps: livesFor(5) }
]

const byDefault = [200, 203, 204, 300, 301, 308]
const others = [201, 202, 205, 299, 302, 303, 307, 400, 401, 403, 404, 405, 410, 414, 418, 422, 429, 451, 500, 501, 502, 503, 504]
const bodyOf = (status: number): object => [204, 205, 304].includes(status) ? { body: '' } : {}
const statuses: Case[] = [
  ...byDefault.map((status): Case => ({ name: `${status} is stored`, section: '9110 §15.1', route: { timeout: 60 }, replies: [{ status, ...bodyOf(status) }], steps: [get(1, {}, { status }), get(1, {}, { status })] })),
  ...others.map((status): Case => ({ name: `${status} is not stored by a timeout, nor by s-maxage`, section: '§3', route: { timeout: 60 }, replies: [{ status, headers: { 'cache-control': 's-maxage=60' }, ...bodyOf(status) }], steps: [get(1, {}, { status }), get(2, {}, { status })] })),
  ...[...byDefault, ...others].map((status): Case => declared(`${status} with max-age is stored`, '§3, §4.2.1', { 'cache-control': 'max-age=60' }, [get(1, {}, { status }), get(1, {}, { status })],
    { replies: [{ status, headers: { 'cache-control': 'max-age=60' }, ...bodyOf(status) }] })),
  ...[206, 304].flatMap((status): Case[] => [headersMode, { timeout: 60 }].map((route) => ({
    name: `${status} is never stored (${JSON.stringify(route)})`, section: '§3.3, §4.3.4', route, replies: [{ status, headers: { 'cache-control': 'public, max-age=60' }, ...bodyOf(status) }], steps: [get(1, {}, { status }), get(2, {}, { status })]
  }))),
  declared('Content-Range on a 200 is not stored', '§3.3', { 'cache-control': 'max-age=60', 'content-range': 'bytes 0-4/10' }, notStored()),
  declared('must-understand with a known status', '§5.2.2.3', { 'cache-control': 'must-understand, max-age=60' }, stored()),
  declared('must-understand with an unknown status', '§5.2.2.3', {}, notStored(), { replies: [{ status: 299, headers: { 'cache-control': 'must-understand, max-age=60' } }] })
]

const refusals: Case[] = [
  ...['no-store', 'No-Store', 'private', 'PRIVATE', 'no-cache', 'private, max-age=60', 'no-store, max-age=60', 'no-cache, s-maxage=60', 'no-store, public', 'max-age=60, no-store=1'].flatMap((value): Case[] =>
    [headersMode, { timeout: 60 }, { timeout: 0 }].map((route) => ({
      name: `Cache-Control ${JSON.stringify(value)} is not stored (${JSON.stringify(route)})`, section: '§5.2.2', route, replies: [{ headers: { 'cache-control': value } }], steps: notStored()
    }))),
  ...['no-cache="x-mine"', 'private="x-mine"', 'private="X-Mine, x-other"', 'no-cache="x-other,x-mine"', 'no-cache=x-mine', 'private=x-mine'].flatMap((value): Case[] =>
    [headersMode, { timeout: 60 }].map((route) => ({
      name: `${value} never gives that field to another (${JSON.stringify(route)})`,
      section: '§5.2.2.4, §5.2.2.7',
      route,
      differs: ['x-mine', 'x-other'],
      replies: [{ headers: { 'cache-control': `${value}, max-age=60`, 'x-mine': 'alice' } }, { headers: { 'cache-control': `${value}, max-age=60`, 'x-mine': 'bob' } }],
      steps: [get(1, {}, { headers: { 'x-mine': 'alice' } }), { expect: { check: (reply) => reply.headers['x-mine'] === 'alice' ? 'the first client\'s field came to the second' : undefined } }]
    }))),
  ...[headersMode, { timeout: 60 }].map((route): Case => ({ name: `Set-Cookie is not stored (${JSON.stringify(route)})`, section: '§7.3', route, replies: [{ headers: { 'set-cookie': 'sid=1', 'cache-control': 'public, max-age=60' } }], steps: notStored() })),
  { name: 'a request with no-store does not fill', section: '§5.2.1.5', route: { timeout: 60 }, steps: [get(1, { headers: { 'cache-control': 'no-store' } }), get(2), get(2)] },
  { name: 'a request with no-store is answered from the store', section: '§5.2.1.5', route: { timeout: 60 }, steps: [get(1), get(1, { headers: { 'cache-control': 'no-store' } })] },
  { name: 'a request with no-store in a list does not fill', section: '§5.2.1.5', route: { timeout: 60 }, steps: [get(1, { headers: { 'cache-control': 'max-age=0, No-Store' } }), get(2)] }
]

const body = (run: number): string => `run ${run} `.repeat(50)
const lengths: Case[] = [
  { name: 'a stream as long as its content-length', section: '9112 §6.3', differs: ['etag'], route: { timeout: 60 }, replies: [{ headers: { 'content-length': '5' }, body: () => Readable.from([Buffer.from('hello')]) }], steps: [get(1, {}, { body: 'hello' }), get(1, {}, { body: 'hello' })] },
  {
    name: 'a stream shorter than its content-length',
    section: '§3.3 (incomplete)',
    route: { timeout: 60 },
    replies: [{ headers: { 'content-length': '10' }, body: () => Readable.from([Buffer.from('hello')]) }],
    steps: [
      { broken: true }, { broken: true, expect: { runs: 2 } }, { broken: true, expect: { runs: 3 } }]
  },
  {
    name: 'a stream longer than its content-length',
    section: '§3.3 (incomplete)',
    route: { timeout: 60 },
    replies: [{ headers: { 'content-length': '3' }, body: () => Readable.from([Buffer.from('hello')]) }],
    steps: [
      { broken: true }, { broken: true, expect: { runs: 2 } }]
  },
  {
    name: 'a stream that fails',
    section: '§3.3 (incomplete)',
    route: { timeout: 60 },
    replies: [{ body: () => Readable.from((async function * () { yield 'half'; throw new Error('scripted') })()) }, { body: 'whole' }],
    steps: [
      { broken: true }, get(2, {}, { body: 'whole' }), get(2, {}, { body: 'whole' })]
  },
  { name: 'a stream without a length', section: '9112 §7.1', route: { timeout: 60 }, replies: [{ body: (run: number) => Readable.from([Buffer.from('a'), Buffer.from(body(run))]) }], steps: [get(1, {}, { body: `a${body(1)}` }), get(1, {}, { body: `a${body(1)}` })] },
  { name: 'an empty body', section: '9112 §6.3', route: { timeout: 60 }, replies: [{ body: '' }], steps: [get(1, {}, { body: '' }), get(1, {}, { body: '', headers: { 'content-length': '0' } })] },
  { name: 'an empty stream', section: '9112 §6.3', differs: ['etag'], route: { timeout: 60 }, replies: [{ body: () => Readable.from([]) }], steps: [get(1, {}, { body: '' }), get(1, {}, { body: '' })] },
  { name: 'a body at the bound', section: '§3', route: { timeout: 60, maxEntryBytes: 100 }, replies: [{ body: 'x'.repeat(100) }], steps: stored() },
  { name: 'a body past the bound', section: '§3', route: { timeout: 60, maxEntryBytes: 100 }, replies: [{ body: 'x'.repeat(101) }], steps: [get(1, {}, { body: 'x'.repeat(101) }), get(2, {}, { body: 'x'.repeat(101) })] },
  { name: 'a stream past the bound', section: '§3', route: { timeout: 60, maxEntryBytes: 100 }, replies: [{ body: () => Readable.from(['x'.repeat(60), 'y'.repeat(60)]) }], steps: [get(1, {}, { body: 'x'.repeat(60) + 'y'.repeat(60) }), get(2, {}, { body: 'x'.repeat(60) + 'y'.repeat(60) })] },
  {
    name: 'trailers',
    section: '9110 §6.5',
    url: '/unused',
    path: '/r',
    setup (app, origin) {
      app.get('/r', { config: { cache: { timeout: 60 } } as object }, async (request, reply) => {
        reply.trailer('x-sum', async () => 'abc')
        return reply.header('x-run', String(origin.ran())).send('hello')
      })
    },
    steps: notStored()
  }
]

await runCases('lifetimes and what may be stored', [
  ...explicit, ...parsing, ...expires, ...age, ...configured, ...inHandler, ...statusLifetimes, ...statuses, ...refusals, ...lengths
])
