import t from 'tap'
import { headersOf304, notModified, weakTag } from '../../lib/http/conditional.ts'
import { formatHttpDate } from '../../lib/http/http-date.ts'

const T = Date.UTC(2026, 5, 15, 12)
const at = (seconds: number): string => formatHttpDate(T + seconds * 1000)

function asked (request: object, reply: object): boolean {
  return notModified(
    { method: 'GET', ifNoneMatch: undefined, ifModifiedSince: undefined, ...request },
    { status: 200, etag: undefined, lastModified: undefined, date: T, ...reply },
    T + 60_000
  )
}

t.test('If-None-Match: RFC 9110 §13.1.2, weak comparison §8.8.3.2', async t => {
  const table: Array<[string, string | undefined, boolean]> = [
    ['"a"', '"a"', true],
    ['"a"', '"b"', false],
    ['"A"', '"a"', false],
    ['W/"a"', '"a"', true],
    ['"a"', 'W/"a"', true],
    ['W/"a"', 'W/"a"', true],
    ['w/"a"', '"a"', false],
    ['"b", "a"', '"a"', true],
    ['"b","a"', '"a"', true],
    ['"b" ,\t W/"a" , "c"', '"a"', true],
    ['  "a"  ', '"a"', true],
    [', ,"a",,', '"a"', true],
    ['*', '"a"', true],
    [' * ', undefined, true],
    ['""', '""', true],
    ['""', '"a"', false],
    ['', '"a"', false],
    ['', '', false],
    ['"a"', undefined, false],
    // commas, blanks outside and quotes of other kinds inside a tag
    ['"a,b"', '"a,b"', true],
    ['"a,b"', '"b"', false],
    ['"x,\'a\'", "c"', '"c"', true],
    ['"a\\", "b"', '"b"', true],
    ['"a\\"', '"a\\"', true],
    ['"é"', '"é"', true],
    // not a list of tags: the whole reply is never wrong
    ['a', '"a"', false],
    ['"a', '"a"', false],
    ['a"', '"a"', false],
    ['"a" "b"', '"a"', false],
    ['"a"; "b"', '"a"', false],
    ['"a", *', '"a"', false],
    ['"a", b', '"a"', false],
    ['b, "a"', '"a"', false],
    ['W/ "a"', '"a"', false],
    ['"a b", "c"', '"c"', false],
    // a handler's tag outside the grammar is the client's only when it comes back as it is
    ['abc', 'abc', true],
    ['"abc"', 'abc', false],
    ['ab', 'abc', false]
  ]
  for (const [ifNoneMatch, etag, expected] of table) t.equal(asked({ ifNoneMatch }, { etag }), expected, `${ifNoneMatch} for ${etag}`)
})

t.test('If-None-Match first: RFC 9110 §13.1.3, §13.2.2', async t => {
  t.equal(asked({ ifNoneMatch: '"b"', ifModifiedSince: at(10) }, { etag: '"a"', lastModified: at(0) }), false, 'no match, though not modified since')
  t.equal(asked({ ifNoneMatch: '"a"', ifModifiedSince: at(-10) }, { etag: '"a"', lastModified: at(0) }), true, 'match, though modified since')
  t.equal(asked({ ifNoneMatch: 'junk', ifModifiedSince: at(10) }, { lastModified: at(0) }), false, 'a malformed one still counts as there')
})

t.test('If-Modified-Since: RFC 9110 §13.1.3, RFC 9111 §4.3.2', async t => {
  const table: Array<[string, string | undefined, boolean]> = [
    [at(0), at(0), true],
    [at(1), at(0), true],
    [at(-1), at(0), false],
    ['Mon Jun 15 12:00:00 2026', at(0), true],
    ['Monday, 15-Jun-26 12:00:00 GMT', at(0), true],
    ['2030-01-01', at(0), false],
    ['0', at(0), false],
    ['', at(0), false],
    [at(10), 'yesterday', false],
    // without Last-Modified the Date stands in
    [at(0), undefined, true],
    [at(10), undefined, true],
    [at(-1), undefined, false]
  ]
  for (const [ifModifiedSince, lastModified, expected] of table) {
    t.equal(asked({ ifModifiedSince }, { lastModified }), expected, `${ifModifiedSince} for ${lastModified}`)
  }
  t.equal(asked({ ifModifiedSince: at(0) }, { date: T + 999 }), true, 'the Date that a client saw has whole seconds')
})

t.test('RFC 9110 §13.2.1: only for GET and HEAD, only instead of a success', async t => {
  for (const [method, expected] of [['GET', true], ['HEAD', true], ['POST', false], ['QUERY', false], ['OPTIONS', false]] as const) {
    t.equal(asked({ method, ifNoneMatch: '"a"' }, { etag: '"a"' }), expected, method)
  }
  for (const [status, expected] of [[200, true], [203, true], [204, true], [301, false], [404, false], [410, false], [500, false]] as const) {
    t.equal(asked({ ifNoneMatch: '*' }, { status }), expected, String(status))
  }
  t.equal(asked({}, { etag: '"a"', lastModified: at(0) }), false, 'unconditional')
})

t.test('a list without end is read once', async t => {
  t.equal(asked({ ifNoneMatch: '"x",'.repeat(500_000) + '"a"' }, { etag: '"a"' }), true)
  t.equal(asked({ ifNoneMatch: '"x",'.repeat(500_000) + '"a' }, { etag: '"x"' }), false)
})

t.test('the fields of a 304: RFC 9110 §15.4.5', async t => {
  for (const name of ['content-location', 'date', 'etag', 'vary', 'cache-control', 'expires', 'age', 'cache-status']) t.equal(headersOf304(name), true, name)
  for (const name of ['content-type', 'content-length', 'content-encoding', 'link', 'x-any', 'transfer-encoding']) t.equal(headersOf304(name), false, name)
  t.equal(headersOf304('last-modified'), false, 'the ETag says it')
  t.equal(headersOf304('last-modified', false), true, 'nothing else says it')
})

t.test('a generated tag is weak, a tag by the grammar, and the body\'s', async t => {
  const tag = weakTag(Buffer.from('hello'))
  t.match(tag, /^W\/"[\w-]{27}"$/)
  t.equal(tag, weakTag(Buffer.from('hello')))
  t.not(tag, weakTag(Buffer.from('hello ')))
  t.match(weakTag(Buffer.alloc(0)), /^W\/"[\w-]{27}"$/)
  t.equal(asked({ ifNoneMatch: tag }, { etag: tag }), true)
})
