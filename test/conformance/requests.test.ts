import { get, runCases, stored, notStored } from './run.ts'
import type { Case, Script, Step } from './run.ts'
import { requestText } from '../helpers/client.ts'

const minute = { timeout: 60 }
const lang = (value: string): { headers: Record<string, string> } => ({ headers: { 'accept-language': value } })
const varies = (value: string | string[]): Script[] => [{ headers: { vary: value } }]

const vary: Case[] = [
  ...['*', ' * ', '*, accept', 'accept, *', 'accept,*', ',*', '*,', ', , *', 'accept,,*,', '\t*'].map((value): Case => ({
    name: `Vary ${JSON.stringify(value)} is not stored`, section: '§4.1', route: minute, replies: varies(value), steps: notStored()
  })),
  { name: 'Vary * on the second line', section: '§4.1, 9110 §5.3', route: minute, replies: varies(['accept', '*']), steps: notStored() },
  { name: 'Vary * on the first line', section: '§4.1, 9110 §5.3', route: minute, replies: varies(['*', 'accept']), steps: notStored() },
  { name: 'Vary * under timeout: \'headers\'', section: '§4.1', route: { timeout: 'headers' }, replies: [{ headers: { vary: '*', 'cache-control': 'public, max-age=60' } }], steps: notStored() },
  {
    name: 'variants stand side by side',
    section: '§4.1',
    route: minute,
    replies: varies('accept-language'),
    steps: [
      get(1, lang('en'), { headers: { vary: 'accept-language' } }), get(2, lang('de')), get(1, lang('en'), { headers: { vary: 'accept-language' } }), get(2, lang('de'))]
  },
  { name: 'names in any case', section: '9110 §5.1', route: minute, replies: varies('ACCEPT-Language'), steps: [get(1, lang('en')), get(2, lang('de')), get(1, lang('en'))] },
  {
    name: 'a field that is absent is not a field that is empty',
    section: '§4.1',
    route: minute,
    replies: varies('accept-language'),
    steps: [
      get(1), get(2, lang('')), get(1), get(2, lang(''))]
  },
  {
    name: 'values are compared as sent: the order of a list',
    section: '§4.1',
    route: minute,
    replies: varies('accept-language'),
    steps: [
      get(1, lang('en, de')), get(2, lang('de, en')), get(1, lang('en, de'))]
  },
  {
    name: 'values are compared with their case',
    section: '§4.1',
    route: minute,
    replies: varies('x-tenant'),
    steps: [
      get(1, { headers: { 'x-tenant': 'A' } }), get(2, { headers: { 'x-tenant': 'a' } })]
  },
  {
    name: 'two lines count as one list',
    section: '§4.1, 9110 §5.2',
    route: minute,
    replies: varies('x-tenant'),
    steps: [
      get(1, { headers: { 'x-tenant': ['a', 'b'] } }), get(1, { headers: { 'x-tenant': 'a, b' } }), get(2, { headers: { 'x-tenant': 'a' } })]
  },
  {
    name: 'the second line counts',
    section: '§4.1, 9110 §5.2',
    route: minute,
    replies: varies('accept-encoding'),
    steps: [
      { request: requestText('GET /r HTTP/1.1', 'Host: a.test', 'Accept-Encoding: gzip', 'Accept-Encoding: br'), expect: { run: 1 } },
      { request: requestText('GET /r HTTP/1.1', 'Host: a.test', 'Accept-Encoding: gzip'), expect: { run: 2 } }]
  },
  {
    name: 'several names in one line',
    section: '§4.1',
    route: minute,
    replies: varies('accept, accept-language'),
    steps: [
      get(1, { headers: { accept: 'a', 'accept-language': 'en' } }), get(2, { headers: { accept: 'a', 'accept-language': 'de' } }),
      get(3, { headers: { accept: 'b', 'accept-language': 'en' } }), get(1, { headers: { accept: 'a', 'accept-language': 'en' } })]
  },
  {
    name: 'several lines',
    section: '§4.1',
    route: minute,
    replies: varies(['accept', 'accept-language']),
    steps: [
      get(1, { headers: { accept: 'a', 'accept-language': 'en' } }), get(2, { headers: { accept: 'a', 'accept-language': 'de' } }), get(1, { headers: { accept: 'a', 'accept-language': 'en' } })]
  },
  {
    name: 'one value cannot pass for two',
    section: '§4.1',
    route: minute,
    replies: varies('x-one, x-two'),
    steps: [
      get(1, { headers: { 'x-one': 'a', 'x-two': 'b' } }), get(2, { headers: { 'x-one': 'a, b' } }), get(3, { headers: { 'x-one': 'ab' } }), get(4, { headers: { 'x-one': 'a;x-two=b' } })]
  },
  { name: 'an empty Vary makes no variants', section: '§4.1', route: minute, replies: varies(''), steps: [get(1, lang('en')), get(1, lang('de'))] },
  { name: 'a field that Vary does not name makes no variants', section: '§4.1', route: minute, replies: varies('accept'), steps: [get(1, lang('en')), get(1, lang('de'))] },
  {
    name: 'each variant has its own lifetime',
    section: '§4.1, §4.2',
    route: { timeout: 'headers' },
    replies: [{ headers: { vary: 'accept-language', 'cache-control': 'max-age=10' } }, { headers: { vary: 'accept-language', 'cache-control': 'max-age=100' } }],
    steps: [
      get(1, lang('en')), get(2, lang('de')), get(2, { advance: 20, ...lang('de') }), get(3, lang('en'))]
  },
  { name: 'Vary: __proto__ is a name like any other', section: '§4.1', route: minute, replies: varies('__proto__, constructor'), steps: stored() },
  {
    name: 'maxVariants: the least recently used goes',
    section: '§4.1',
    route: { ...minute, maxVariants: 2 },
    replies: varies('accept-language'),
    steps: [
      get(1, lang('en')), get(2, lang('de')), get(1, lang('en')), get(3, lang('fr')), get(3, lang('fr')), get(1, lang('en')), get(4, lang('de'))]
  },
  {
    name: 'declared vary: entries of their own, named in Vary',
    section: '§4.1',
    route: { ...minute, vary: ['accept-language'] },
    steps: [
      get(1, lang('en'), { headers: { vary: /accept-language/i } }), get(2, lang('de')), get(1, lang('en'), { headers: { vary: /accept-language/i } }), get(3), get(3)]
  },
  { name: 'declared vary: names in any case', section: '9110 §5.1', route: { ...minute, vary: ['Accept-Language'] }, steps: [get(1, lang('en')), get(2, lang('de')), get(1, lang('en'))] },
  { name: 'declared vary: absent is not empty', section: '§4.1', route: { ...minute, vary: ['accept-language'] }, steps: [get(1), get(2, lang('')), get(1)] },
  {
    name: 'declared vary is merged with the handler\'s',
    section: '§4.1',
    route: { ...minute, vary: ['accept-language'] },
    replies: varies('accept'),
    steps: [
      get(1, { headers: { accept: 'a', 'accept-language': 'en' } }, { headers: { vary: /accept(?!-).*accept-language|accept-language.*accept(?!-)/i } }),
      get(2, { headers: { accept: 'b', 'accept-language': 'en' } }), get(3, { headers: { accept: 'a', 'accept-language': 'de' } }), get(1, { headers: { accept: 'a', 'accept-language': 'en' } })]
  }
]

const tagged: Script[] = [{ headers: { etag: '"v1"' } }]
const inm = (value: string | string[]): { headers: Record<string, string | string[]> } => ({ headers: { 'if-none-match': value } })
/** Warm, then a conditional request that is answered without a run. */
function conditional (name: string, section: string, headers: Record<string, string | string[]>, status: number, replies: Script[] = tagged, expect: Step['expect'] = {}): Case {
  return {
    name, section, route: { ...minute, statuses: { 404: true } }, replies, steps: [get(1), { request: { headers }, expect: { runs: 1, status, ...(status === 304 && { body: '' }), ...expect } }, get(1)]
  }
}
const modified = 'Mon, 23 Nov 2026 08:00:00 GMT'
const dated: Script[] = [{ headers: { 'last-modified': modified } }]
const conditionals: Case[] = [
  ...([
    ['"v1"', 304], ['W/"v1"', 304], ['"v0", "v1"', 304], ['"v0","v1","v2"', 304], ['"v0" , W/"v1"', 304], [', "v1",', 304], ['*', 304], ['"a,b", "v1"', 304],
    ['"v0"', 200], ['"V1"', 200], ['"v1 "', 200], ['"v0, v1"', 200], ['"', 200], ['w/"v1"', 200]
  ] as const).map(([value, status]) => conditional(`If-None-Match ${value}: ${status}`, '9110 §13.1.2', { 'if-none-match': value }, status)),
  conditional('If-None-Match on two lines', '9110 §13.1.2, §5.3', { 'if-none-match': ['"v0"', '"v1"'] }, 304),
  conditional('a weak tag of the handler against a strong one', '9110 §8.8.3.2', { 'if-none-match': '"v1"' }, 304, [{ headers: { etag: 'W/"v1"' } }]),
  conditional('a comma inside the tag', '9110 §8.8.3', { 'if-none-match': '"x", "a,b"' }, 304, [{ headers: { etag: '"a,b"' } }]),
  conditional('half of a tag with a comma', '9110 §8.8.3', { 'if-none-match': '"a"' }, 200, [{ headers: { etag: '"a,b"' } }]),
  conditional('an empty tag', '9110 §8.8.3', { 'if-none-match': '""' }, 304, [{ headers: { etag: '""' } }]),
  conditional('If-None-Match before If-Modified-Since: no match', '9110 §13.1.3, §13.2.2', { 'if-none-match': '"v0"', 'if-modified-since': modified }, 200, [{ headers: { etag: '"v1"', 'last-modified': modified } }]),
  conditional('If-None-Match before If-Modified-Since: match', '9110 §13.1.3, §13.2.2', { 'if-none-match': '"v1"', 'if-modified-since': 'Mon, 01 Jan 2001 00:00:00 GMT' }, 304, [{ headers: { etag: '"v1"', 'last-modified': modified } }]),
  conditional('If-Modified-Since of the same second', '9110 §13.1.3', { 'if-modified-since': modified }, 304, dated),
  conditional('If-Modified-Since of a later second', '9110 §13.1.3', { 'if-modified-since': 'Mon, 23 Nov 2026 08:00:01 GMT' }, 304, dated),
  conditional('If-Modified-Since of an earlier second', '9110 §13.1.3', { 'if-modified-since': 'Mon, 23 Nov 2026 07:59:59 GMT' }, 200, dated),
  conditional('If-Modified-Since as RFC 850 writes it', '9110 §5.6.7', { 'if-modified-since': 'Monday, 23-Nov-26 08:00:00 GMT' }, 304, dated),
  ...['yesterday', '2026-11-24T00:00:00Z', '', '0', '99999999999999'].map((value) => conditional(`If-Modified-Since ${JSON.stringify(value)} is no date`, '9110 §13.1.3', { 'if-modified-since': value }, 200, dated)),
  conditional('If-Match is the origin\'s affair', '§4.3.2', { 'if-match': '"v1"' }, 200),
  conditional('a 404 that is stored is not conditional', '9110 §13.2.1', { 'if-none-match': '"v1"' }, 404, [{ status: 404, headers: { etag: '"v1"' } }]),
  conditional('a redirect that is stored is not conditional', '9110 §13.2.1', { 'if-none-match': '"v1"' }, 301, [{ status: 301, headers: { etag: '"v1"', location: '/x' } }]),
  conditional('the 304 carries what it must', '9110 §15.4.5', { 'if-none-match': '"v1"' }, 304, [{
    headers: {
      etag: '"v1"', vary: 'accept', 'cache-control': 'public, max-age=60', expires: 'Mon, 01 Jan 2035 00:00:00 GMT', 'content-location': '/r.en', 'content-type': 'text/plain', 'content-language': 'en'
    }
  }], {
    headers: { etag: '"v1"', vary: 'accept', 'cache-control': 'public, max-age=60', expires: 'Mon, 01 Jan 2035 00:00:00 GMT', 'content-location': '/r.en', date: /GMT$/ },
    absent: ['content-type', 'content-language', 'content-encoding', 'transfer-encoding']
  }),
  {
    name: 'a 304 has no body and no length that says otherwise',
    section: '9110 §15.4.5',
    route: minute,
    replies: tagged,
    steps: [
      get(1),
      { request: { headers: { 'if-none-match': '"v1"' } }, expect: { status: 304, body: '', check: (reply) => [undefined, '5'].includes(reply.headers['content-length'] as string) ? undefined : `content-length ${reply.headers['content-length']}` } }
    ]
  },
  { name: 'a tag is made where the handler set none, weak, the same on miss and hit', section: '9110 §8.8.3', route: minute, steps: [get(1, {}, { headers: { etag: /^W\/"[^"]+"$/ } }), get(1, {}, { headers: { etag: /^W\/"[^"]+"$/ } })] },
  {
    name: 'equal bodies have equal tags, others others',
    section: '9110 §8.8.3',
    route: minute,
    url: '/t/:n',
    path: '/t/1',
    replies: [{ body: 'same' }, { body: 'same' }, { body: 'other' }],
    steps: (() => {
      const seen: unknown[] = []
      const note = (wanted: (tag: unknown) => boolean) => (reply: { headers: Record<string, unknown> }): string | undefined => {
        const { etag } = reply.headers
        const right = wanted(etag)
        seen.push(etag)
        return right ? undefined : `tags ${seen.join(' ')}`
      }
      return [get(1, {}, { check: note((tag) => tag !== undefined) }), get(2, { path: '/t/2' }, { check: note((tag) => tag === seen[0]) }), get(3, { path: '/t/3' }, { check: note((tag) => tag !== seen[0]) })]
    })()
  },
  { name: 'a tag of the handler is kept', section: '9110 §8.8.3', route: minute, replies: tagged, steps: [get(1, {}, { headers: { etag: '"v1"' } }), get(1, {}, { headers: { etag: '"v1"' } })] },
  { name: 'etag: false makes none', section: '9110 §8.8.3', route: { ...minute, etag: false }, steps: [get(1, {}, { absent: ['etag'] }), get(1, {}, { absent: ['etag'] })] },
  { name: 'a conditional request on a cold key fills the cache: no match', section: '§4.3.2', route: minute, replies: tagged, steps: [get(1, inm('"v0"'), { status: 200, body: 'run 1' }), get(1, {}, { status: 200, body: 'run 1' })] },
  {
    name: 'a conditional request on a cold key fills the cache: match',
    section: '§4.3.2',
    route: minute,
    replies: tagged,
    steps: [
      { request: inm('"v1"'), expect: { runs: 1, status: [200, 304] } }, get(1, {}, { status: 200, body: 'run 1' })]
  },
  {
    name: 'a conditional request on a cold key fills the cache: *',
    section: '§4.3.2',
    route: minute,
    replies: tagged,
    steps: [
      { request: inm('*'), expect: { runs: 1, status: [200, 304] } }, get(1, {}, { status: 200, body: 'run 1' })]
  },
  {
    name: 'a conditional request on a cold key fills the cache: If-Modified-Since',
    section: '§4.3.2',
    route: minute,
    replies: dated,
    steps: [
      { request: { headers: { 'if-modified-since': modified } }, expect: { runs: 1, status: [200, 304] } }, get(1, {}, { status: 200, body: 'run 1' })]
  },
  {
    name: 'a 304 that the handler sends is passed on, not stored',
    section: '§4.3.4',
    route: minute,
    replies: [{ status: 304, body: '', headers: { etag: '"v1"' } }, { headers: { etag: '"v1"' } }],
    steps: [
      { request: inm('"v1"'), expect: { runs: 1, status: 304 } }, get(2, {}, { status: 200, body: 'run 2' })]
  },
  { name: 'HEAD is conditional too', section: '9110 §13.1.2', route: minute, replies: tagged, steps: [get(1), { request: { method: 'HEAD', headers: { 'if-none-match': '"v1"' } }, expect: { runs: 1, status: 304, body: '' } }] },
  {
    name: 'each variant answers for its own tag',
    section: '§4.1, §4.3.2',
    route: minute,
    replies: [{ headers: { vary: 'accept-language', etag: '"en"' } }, { headers: { vary: 'accept-language', etag: '"de"' } }],
    steps: [
      get(1, lang('en')), get(2, lang('de')),
      { request: { headers: { 'accept-language': 'de', 'if-none-match': '"en"' } }, expect: { runs: 2, status: 200, body: 'run 2' } },
      { request: { headers: { 'accept-language': 'de', 'if-none-match': '"de"' } }, expect: { runs: 2, status: 304 } }]
  }
]

const head: Case[] = [
  { name: 'HEAD never fills', section: '9110 §9.3.2', route: minute, steps: [get(1, { method: 'HEAD' }), get(2, { method: 'HEAD' }), get(3), get(3)] },
  { name: 'HEAD is answered by a stored GET, with its length', section: '9110 §9.3.2', route: minute, steps: [get(1), get(1, { method: 'HEAD', advance: 5 }, { headers: { 'content-length': '5', age: '5', etag: /./ }, body: '' })] },
  {
    name: 'HEAD on the wire has no body',
    section: '9110 §9.3.2',
    route: minute,
    steps: [
      { request: requestText('GET /r HTTP/1.1', 'Host: a.test'), expect: { run: 1, body: 'run 1' } },
      { request: requestText('HEAD /r HTTP/1.1', 'Host: a.test'), expect: { runs: 1, body: '', headers: { 'content-length': '5' } } }]
  },
  { name: 'a cold HEAD says the length of the GET', section: '9110 §9.3.2', route: minute, steps: [get(1, { method: 'HEAD' }, { headers: { 'content-length': '5' } })] },
  { name: 'methods: [\'GET\'] leaves HEAD to the handler', section: '§4', route: { ...minute, methods: ['GET'] }, steps: [get(1), get(2, { method: 'HEAD' }), get(1)] },
  {
    name: 'HEAD does not disturb the variants',
    section: '§4.1',
    route: minute,
    replies: varies('accept-language'),
    steps: [
      get(1, lang('en')), get(2, { method: 'HEAD', ...lang('de') }), get(3, lang('de')), get(3, { method: 'HEAD', ...lang('de') }), get(1, lang('en'))]
  },
  {
    name: 'an own HEAD route without a cache runs',
    section: '§4',
    route: minute,
    fastify: { exposeHeadRoutes: false } as object,
    setup: (app, origin) => {
      app.head('/r', async (request, reply) => reply.header('x-head', String(origin.ran('head'))).send())
    },
    steps: [get(1), { request: { method: 'HEAD' }, expect: { runs: 1, headers: { 'x-head': '1' } } }, { request: { method: 'HEAD' }, expect: { runs: 1, headers: { 'x-head': '2' } } }]
  }
]

const range = { headers: { range: 'bytes=0-1' } }
const ranges: Case[] = [
  { name: 'a request with Range goes round a warm entry', section: '9110 §14.2', route: minute, steps: [get(1), get(2, range), get(1)] },
  { name: 'a request with Range does not fill', section: '9110 §14.2', route: minute, steps: [get(1, range), get(2), get(2)] },
  { name: 'a partial reply is nobody else\'s', section: '§3.3', route: minute, replies: [{ status: 206, headers: { 'content-range': 'bytes 0-1/5' }, body: 'ru' }, {}], steps: [get(1, range, { status: 206, body: 'ru' }), get(2, {}, { status: 200, body: 'run 2' }), get(2)] },
  { name: 'If-Range does not change it', section: '9110 §13.1.5', route: minute, replies: tagged, steps: [get(1), get(2, { headers: { range: 'bytes=0-1', 'if-range': '"v1"' } }), get(1)] }
]

const credentials = ['authorization', 'proxy-authorization', 'x-api-key', 'x-auth-token', 'x-forwarded-user', 'x-remote-user', 'cf-access-jwt-assertion', 'x-amzn-oidc-data', 'x-goog-iap-jwt-assertion']
const as = (user: string, name = 'authorization'): { headers: Record<string, string> } => ({ headers: { [name]: user } })
const bypassed = { headers: { 'cache-status': 'fastify-cached; fwd=bypass; detail=authorization' } }
const authorization: Case[] = [
  ...credentials.flatMap((name): Case[] => [
    { name: `${name} neither reads nor fills`, section: '§3.5', route: minute, steps: [get(1, as('alice', name), bypassed), get(2), get(3, as('alice', name), bypassed), get(2)] },
    { name: `${name} under timeout: 'headers' and public`, section: '§3.5', route: { timeout: 'headers' }, replies: [{ headers: { 'cache-control': 'public, s-maxage=60, must-revalidate' } }], steps: [get(1, as('alice', name)), get(2), get(3, as('bob', name)), get(2)] },
    {
      name: `${name} with authorization: 'vary'`,
      section: '§3.5, §4.1',
      route: { ...minute, authorization: 'vary' },
      steps: [
        get(1, as('alice', name), { headers: { vary: new RegExp(name, 'i') } }), get(2, as('bob', name)), get(3), get(1, as('alice', name)), get(2, as('bob', name)), get(3)]
    }
  ]),
  { name: 'authorization: \'ignore\' shares', section: '§3.5', route: { ...minute, authorization: 'ignore' }, steps: [get(1, as('alice')), get(1, as('bob')), get(1)] },
  { name: 'an empty Authorization is one', section: '§3.5', route: minute, steps: [get(1), get(2, as(''))] },
  { name: 'CACHE_CREDENTIAL_HEADERS', section: '§3.5', route: minute, cache: { CACHE_CREDENTIAL_HEADERS: ['X-Me'] }, steps: [get(1), get(2, as('alice', 'x-me')), get(3, as('alice'))] },
  {
    name: 'two credentials are a key of both',
    section: '§4.1',
    route: { ...minute, authorization: 'vary' },
    steps: [
      get(1, { headers: { authorization: 'a', 'x-api-key': '1' } }), get(2, { headers: { authorization: 'a', 'x-api-key': '2' } }), get(3, { headers: { authorization: 'a' } }), get(4, { headers: { 'x-api-key': 'a' } }), get(1, { headers: { authorization: 'a', 'x-api-key': '1' } })]
  }
]

const cookie = (value: string): { headers: Record<string, string> } => ({ headers: { cookie: value } })
const byLang = { ...minute, cookies: ['lang'] }
const cookies: Case[] = [
  { name: 'Cookie neither reads nor fills', section: '§7.3', route: minute, steps: [get(1, cookie('sid=1')), get(2), get(3, cookie('sid=1'), { headers: { 'cache-status': /^fastify-cached; fwd=bypass/ } }), get(2)] },
  { name: 'cookies: \'ignore\' shares', section: '§7.3', route: { ...minute, cookies: 'ignore' }, steps: [get(1, cookie('sid=1')), get(1, cookie('sid=2')), get(1)] },
  { name: 'cookies: [] shares', section: '§7.3', route: { ...minute, cookies: [] }, steps: [get(1, cookie('sid=1')), get(1, cookie('sid=2')), get(1)] },
  { name: 'cookies: \'vary\' keeps apart', section: '§4.1', route: { ...minute, cookies: 'vary' }, steps: [get(1, cookie('sid=1'), { headers: { vary: /cookie/i } }), get(2, cookie('sid=2')), get(3), get(1, cookie('sid=1'))] },
  {
    name: 'a list of cookies is the key',
    section: '§4.1',
    route: byLang,
    steps: [
      get(1, cookie('lang=en; sid=1'), { headers: { vary: /cookie/i } }), get(1, cookie('sid=2; lang=en')), get(2, cookie('lang=de; sid=1')), get(3, cookie('sid=3')), get(3), get(1, cookie('lang=en'))]
  },
  {
    name: 'every value of a cookie counts, in order',
    section: '§4.1',
    route: byLang,
    steps: [
      get(1, cookie('lang=en; lang=de')), get(2, cookie('lang=de; lang=en')), get(3, cookie('lang=en')), get(4, cookie('lang=de')), get(1, cookie('lang=en; x=1; lang=de'))]
  },
  { name: 'a cookie that ends like it is another', section: '§4.1', route: byLang, steps: [get(1), get(1, cookie('xlang=de')), get(1, cookie('Lang=de')), get(2, cookie('lang=de'))] },
  { name: 'an empty cookie is not an absent one', section: '§4.1', route: byLang, steps: [get(1), get(2, cookie('lang=')), get(1), get(2, cookie('lang='))] },
  { name: 'a value cannot pass for another cookie', section: '§4.1', route: { ...minute, cookies: ['a', 'b'] }, steps: [get(1, cookie('a=1; b=2')), get(2, cookie('a=1b=2')), get(3, cookie('b=1; a=2')), get(4, cookie('a="1; b=2"'))] },
  {
    name: 'cookies on two lines',
    section: '§4.1',
    route: byLang,
    steps: [
      { request: requestText('GET /r HTTP/1.1', 'Host: a.test', 'Cookie: sid=1', 'Cookie: lang=de'), expect: { run: 1 } },
      { request: requestText('GET /r HTTP/1.1', 'Host: a.test', 'Cookie: sid=1'), expect: { run: 2 } },
      { request: requestText('GET /r HTTP/1.1', 'Host: a.test', 'Cookie: lang=de'), expect: { run: 1 } }]
  },
  { name: 'Vary: Cookie under a list means those cookies', section: '§4.1', route: byLang, replies: varies('cookie'), steps: [get(1, cookie('lang=en; sid=1')), get(1, cookie('lang=en; sid=2')), get(2, cookie('lang=de; sid=1'))] },
  { name: 'Vary: Cookie under \'ignore\' makes variants', section: '§4.1', route: { ...minute, cookies: 'ignore' }, replies: varies('cookie'), steps: [get(1, cookie('sid=1')), get(2, cookie('sid=2')), get(1, cookie('sid=1'))] }
]

const cc = (value: string): { headers: Record<string, string> } => ({ headers: { 'cache-control': value } })
const asked = { ...minute, requestDirectives: true }
// A run behind the stale reply is the cache's own affair.
const staleHit = (value: string): Step => ({ advance: 70, request: cc(value), expect: { headers: { 'x-run': '1', age: '70' } } })
const directives: Case[] = [
  ...['no-cache', 'max-age=0', 'no-cache, max-age=0', 'min-fresh=1000', 'max-age=1'].map((value): Case => ({
    name: `request ${value} does not skip the cache by default`, section: '§5.2.1 (by configuration)', route: minute, steps: [get(1), get(1, { advance: 5, ...cc(value) })]
  })),
  { name: 'request Pragma: no-cache does not skip the cache', section: '§5.4', route: minute, steps: [get(1), get(1, { headers: { pragma: 'no-cache' } })] },
  { name: 'request max-stale does not make it serve what is past', section: '§5.2.1.2 (by configuration)', route: minute, steps: [get(1), get(2, { advance: 100, ...cc('max-stale=1000') })] },
  { name: 'only-if-cached on a miss', section: '§5.2.1.7', route: minute, steps: [{ request: cc('only-if-cached'), expect: { status: 504, runs: 0 } }, get(1), get(1, cc('only-if-cached'), { status: 200 })] },
  { name: 'only-if-cached past its lifetime', section: '§5.2.1.7', route: minute, steps: [get(1), { advance: 100, request: cc('only-if-cached'), expect: { status: 504, runs: 1 } }] },
  { name: 'only-if-cached for another variant', section: '§5.2.1.7', route: minute, replies: varies('accept-language'), steps: [get(1, lang('en')), { request: { headers: { 'accept-language': 'de', 'cache-control': 'only-if-cached' } }, expect: { status: 504, runs: 1 } }] },
  { name: 'the 504 of only-if-cached is not stored', section: '§5.2.1.7', route: { ...minute, statuses: { 504: 60 } }, steps: [{ request: cc('only-if-cached'), expect: { status: 504, runs: 0 } }, get(1, {}, { status: 200 })] },
  { name: 'requestDirectives: no-cache runs and stores', section: '§5.2.1.4', route: asked, steps: [get(1), get(2, cc('no-cache')), get(2)] },
  { name: 'requestDirectives: no-store does not store', section: '§5.2.1.5', route: asked, steps: [get(1, cc('no-store')), get(2), get(2)] },
  { name: 'requestDirectives: max-age', section: '§5.2.1.1', route: asked, steps: [get(1), get(1, { advance: 20, ...cc('max-age=30') }), get(2, cc('max-age=10')), get(2)] },
  { name: 'requestDirectives: max-age=0', section: '§5.2.1.1', route: asked, steps: [get(1), get(2, { advance: 1, ...cc('max-age=0') }), get(2)] },
  { name: 'requestDirectives: min-fresh', section: '§5.2.1.3', route: asked, steps: [get(1), get(1, { advance: 20, ...cc('min-fresh=30') }), get(2, cc('min-fresh=50')), get(2)] },
  { name: 'requestDirectives: max-stale within a stale window', section: '§5.2.1.2', route: { ...asked, staleIfError: 3600 }, steps: [get(1), staleHit('max-stale=60'), get(2, cc('max-stale=5'))] },
  { name: 'requestDirectives: max-stale without a value', section: '§5.2.1.2', route: { ...asked, staleIfError: 3600 }, steps: [get(1), staleHit('max-stale'), get(2)] },
  { name: 'requestDirectives: must-revalidate before max-stale', section: '§5.2.2.2', route: { ...asked, staleIfError: 3600 }, replies: [{ headers: { 'cache-control': 'must-revalidate' } }], steps: [get(1), get(2, { advance: 70, ...cc('max-stale=60') })] }
]

const writes = ['POST', 'PUT', 'PATCH', 'DELETE']
const put = (path = '/r', method = 'PUT', status?: number): Step => ({ request: { method, path, headers: { 'content-type': 'text/plain' }, body: 'x' }, expect: { ...(status !== undefined && { status }) } })
const write = (headers: Record<string, string> = {}, status = 200): { write: NonNullable<Case['write']> } => ({ write: { status, headers, body: status === 204 ? '' : 'done' } })
const unsafe: Case[] = [
  ...writes.map((method): Case => ({ name: `${method} removes what is stored`, section: '§4.4', route: minute, ...write(), steps: [get(1), put('/r', method, 200), get(2), get(2)] })),
  ...[201, 202, 204, 301, 303, 307].map((status): Case => ({ name: `a ${status} removes`, section: '§4.4', route: minute, ...write({}, status), steps: [get(1), put('/r', 'POST', status), get(2)] })),
  ...[400, 401, 403, 404, 409, 412, 500, 503].map((status): Case => ({ name: `a ${status} removes nothing`, section: '§4.4', route: minute, ...write({}, status), steps: [get(1), put('/r', 'POST', status), get(1)] })),
  { name: 'a method of no route removes nothing', section: '§4.4', route: minute, steps: [get(1), put('/r', 'PUT', 404), get(1)] },
  { name: 'OPTIONS removes nothing', section: '9110 §9.2.1', route: minute, setup: (app) => { app.options('/r', async () => 'ok') }, steps: [get(1), { request: { method: 'OPTIONS' }, expect: { status: 200 } }, get(1)] },
  ...['PROPFIND', 'REPORT', 'SEARCH', 'TRACE'].map((method): Case => ({
    name: `${method} removes nothing`,
    section: '9110 §9.2.1',
    route: minute,
    setup: (app) => {
      app.addHttpMethod(method)
      app.route({ method: method as 'GET', url: '/r', handler: async () => 'ok' })
    },
    steps: [get(1), { request: { method }, expect: { status: 200 } }, get(1)]
  })),
  ...['MKCOL', 'PROPPATCH', 'LOCK', 'MOVE'].map((method): Case => ({
    name: `${method} removes`,
    section: '§4.4',
    route: minute,
    setup: (app) => {
      app.addHttpMethod(method)
      app.route({ method: method as 'GET', url: '/r', handler: async () => 'ok' })
    },
    steps: [get(1), { request: { method }, expect: { status: 200 } }, get(2)]
  })),
  { name: 'all variants go', section: '§4.4', route: minute, replies: varies('accept-language'), ...write(), steps: [get(1, lang('en')), get(2, lang('de')), put(), get(3, lang('en')), get(4, lang('de'))] },
  { name: 'its query is part of the URI', section: '§4.4', route: minute, ...write(), steps: [get(1, { path: '/r?a=1' }), get(2, { path: '/r?a=2' }), put('/r?a=1'), get(2, { path: '/r?a=2' }), get(3, { path: '/r?a=1' })] },
  { name: 'the query in any order', section: '§4.4', route: minute, ...write(), steps: [get(1, { path: '/r?a=1&b=2' }), put('/r?b=2&a=1'), get(2, { path: '/r?a=1&b=2' })] },
  { name: 'any query where the query is no part of the key', section: '§4.4', route: { ...minute, queryString: false }, ...write(), steps: [get(1, { path: '/r?a=1' }), put('/r?z=9'), get(2, { path: '/r?a=1' })] },
  { name: 'another path stays', section: '§4.4', route: minute, url: '/*', path: '/a', ...write(), steps: [get(1), put('/b'), put('/a/'), put('/ab'), get(1)] },
  { name: 'another host stays', section: '§4.4', route: minute, ...write(), steps: [get(1, { headers: { host: 'a.test' } }), { request: { method: 'PUT', headers: { host: 'b.test' } } }, get(1, { headers: { host: 'a.test' } }), { request: { method: 'PUT', headers: { host: 'A.test:80' } } }, get(2, { headers: { host: 'a.test' } })] },
  { name: 'another spelling of the path', section: '§4.4, 3986 §6.2.2', route: minute, ...write(), steps: [get(1), put('/%72'), get(2)] },
  { name: 'all key prefixes go', section: '§4.4', route: { ...minute, keyPrefix: (request: { headers: Record<string, string> }) => request.headers['x-p'] ?? 'none' }, ...write(), steps: [get(1, { headers: { 'x-p': 'a' } }), get(2, { headers: { 'x-p': 'b' } }), get(1, { headers: { 'x-p': 'a' } }), put(), get(3, { headers: { 'x-p': 'a' } }), get(4, { headers: { 'x-p': 'b' } })] },
  { name: 'entries under makeCacheKey that this URI filled go', section: '§4.4', route: { ...minute, makeCacheKey: () => 'one' }, ...write(), steps: [get(1), get(1), put(), get(2)] },
  { name: 'all credentials\' entries go', section: '§4.4', route: { ...minute, authorization: 'vary' }, ...write(), steps: [get(1, as('alice')), get(2, as('bob')), put(), get(3, as('alice')), get(4, as('bob'))] },
  { name: 'a stale entry goes too', section: '§4.4, 5861 §4', route: { ...minute, staleIfError: 3600 }, replies: [{}, { status: 500 }], ...write(), steps: [get(1), put(), get(2, {}, { status: 500 })] },
  ...(['location', 'content-location'] as const).flatMap((name): Case[] => [
    { name: `${name}: a path`, section: '§4.4', url: '/*', route: minute, path: '/b', ...write({ [name]: '/b' }, 201), steps: [get(1), put('/a', 'POST'), get(2)] },
    { name: `${name}: a relative reference`, section: '§4.4, 3986 §5.2', url: '/*', route: minute, path: '/a/c', ...write({ [name]: 'c' }, 201), steps: [get(1), put('/a/b', 'POST'), get(2)] },
    { name: `${name}: with a query`, section: '§4.4', url: '/*', route: minute, path: '/b?x=1', ...write({ [name]: '/b?x=1' }, 201), steps: [get(1), put('/a', 'POST'), get(2)] },
    {
      name: `${name}: absolute, of the same host`,
      section: '§4.4',
      url: '/*',
      route: minute,
      path: '/b',
      ...write({ [name]: 'http://a.test/b' }, 201),
      steps: [
        get(1, { headers: { host: 'a.test' } }), { request: { method: 'POST', path: '/a', headers: { host: 'a.test' } } }, get(2, { headers: { host: 'a.test' } })]
    },
    {
      name: `${name}: of another host`,
      section: '§4.4',
      url: '/*',
      route: minute,
      path: '/b',
      ...write({ [name]: 'http://b.test/b' }, 201),
      steps: [
        get(1, { headers: { host: 'b.test' } }), get(2, { headers: { host: 'a.test' } }), { request: { method: 'POST', path: '/a', headers: { host: 'a.test' } } }, get(1, { headers: { host: 'b.test' } }), get(2, { headers: { host: 'a.test' } })]
    },
    {
      name: `${name}: //another host`,
      section: '§4.4',
      url: '/*',
      route: minute,
      path: '/b',
      ...write({ [name]: '//b.test/b' }, 201),
      steps: [
        get(1, { headers: { host: 'b.test' } }), { request: { method: 'POST', path: '/a', headers: { host: 'a.test' } } }, get(1, { headers: { host: 'b.test' } })]
    },
    ...['http://[', 'http://a.test:99999/b', '%', '::::'].map((value): Case => ({
      name: `${name}: ${value} is no reference, and does no harm`,
      section: '§4.4',
      url: '/*',
      route: minute,
      path: '/b',
      ...write({ [name]: value }, 201),
      steps: [
        get(1), get(2, { path: '/a' }), put('/a', 'POST', 201), get(1), get(3, { path: '/a' })]
    })),
    { name: `${name} of an error removes nothing`, section: '§4.4', url: '/*', route: minute, path: '/b', ...write({ [name]: '/b' }, 400), steps: [get(1), put('/a', 'POST'), get(1)] }
  ])
]

await runCases('requests and invalidation', [...vary, ...conditionals, ...head, ...ranges, ...authorization, ...cookies, ...directives, ...unsafe])
