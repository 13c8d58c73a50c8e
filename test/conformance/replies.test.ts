import { Readable } from 'node:stream'
import type { FastifyRequest } from 'fastify'
import { requestText } from '../helpers/client.ts'
import type { ClientReply } from '../helpers/client.ts'
import { get, runCases, stored } from './run.ts'
import type { Case, Script, Step } from './run.ts'

const minute = { timeout: 60 }
const says = (value: string | RegExp): { headers: Record<string, string | RegExp> } => ({ headers: { 'cache-status': value } })
const miss = says('fastify-cached; fwd=uri-miss; stored')

const cacheStatus: Case[] = [
  {
    name: 'a miss that is stored, a hit, what is left',
    section: '9211 §2',
    route: minute,
    steps: [
      get(1, {}, miss), get(1, {}, says('fastify-cached; hit; ttl=60')), get(1, { advance: 18 }, says('fastify-cached; hit; ttl=42'))]
  },
  { name: 'what never expires has no ttl', section: '9211 §2.4', route: { timeout: 0 }, steps: [get(1, {}, miss), get(1, {}, says('fastify-cached; hit'))] },
  { name: 'a miss that is not stored says no stored', section: '9211 §2.5', route: minute, replies: [{ headers: { 'cache-control': 'no-store' } }], steps: [get(1, {}, says(/^fastify-cached; fwd=uri-miss(?!.*stored)/)), get(2, {}, says(/^fastify-cached; fwd=(?!.*stored)/))] },
  { name: 'Set-Cookie: no stored', section: '9211 §2.5', route: minute, replies: [{ headers: { 'set-cookie': 'a=1' } }], steps: [get(1, {}, says(/^fastify-cached; fwd=uri-miss(?!.*stored)/))] },
  { name: 'a status that is not stored: no stored', section: '9211 §2.5', route: minute, replies: [{ status: 500 }], steps: [get(1, {}, says(/^fastify-cached; fwd=uri-miss(?!.*stored)/))] },
  {
    name: 'another variant',
    section: '9211 §2.2',
    route: minute,
    replies: [{ headers: { vary: 'accept-language' } }],
    steps: [
      get(1, { headers: { 'accept-language': 'en' } }, miss), get(2, { headers: { 'accept-language': 'de' } }, says('fastify-cached; fwd=vary-miss; stored')), get(2, { headers: { 'accept-language': 'de' } }, says('fastify-cached; hit; ttl=60'))]
  },
  { name: 'past its lifetime, still at hand', section: '9211 §2.2', route: { ...minute, staleIfError: 600 }, steps: [get(1), get(2, { advance: 70 }, says('fastify-cached; fwd=stale; stored')), get(2, {}, says('fastify-cached; hit; ttl=60'))] },
  { name: 'a stale hit has a negative ttl', section: '9211 §2.4', route: { timeout: 10, staleWhileRevalidate: 60 }, steps: [get(1), { advance: 13, request: {}, expect: { headers: { 'x-run': '1', 'cache-status': 'fastify-cached; hit; ttl=-3' } } }] },
  { name: 'bypass: authorization', section: '9211 §2.2', route: minute, steps: [get(1, { headers: { authorization: 'x' } }, says('fastify-cached; fwd=bypass; detail=authorization'))] },
  { name: 'bypass: cookie', section: '9211 §2.2', route: minute, steps: [get(1, { headers: { cookie: 'a=1' } }, says(/^fastify-cached; fwd=bypass(; detail=\S+)?$/))] },
  { name: 'bypass: range', section: '9211 §2.2', route: minute, steps: [get(1, { headers: { range: 'bytes=0-1' } }, says(/^fastify-cached; fwd=bypass(; detail=\S+)?$/))] },
  { name: 'bypass: unless', section: '9211 §2.2', route: { ...minute, unless: () => true }, steps: [get(1, {}, says(/^fastify-cached; fwd=bypass(; detail=\S+)?$/))] },
  { name: 'a method that the route does not cache', section: '9211 §2.2', route: { ...minute, methods: ['GET'] }, steps: [get(1, { method: 'HEAD' }, says('fastify-cached; fwd=method'))] },
  { name: 'forcedUpdate: no hit, stored', section: '9211 §2', route: { ...minute, forcedUpdate: () => true }, steps: [get(1, {}, says(/^fastify-cached; fwd=\S+; stored/)), get(2, {}, says(/^fastify-cached; fwd=\S+; stored/))] },
  { name: 'a 304 says hit', section: '9211 §2.1', route: minute, replies: [{ headers: { etag: '"v1"' } }], steps: [get(1), { request: { headers: { 'if-none-match': '"v1"' } }, expect: { status: 304, headers: { 'cache-status': 'fastify-cached; hit; ttl=60' } } }] },
  { name: 'HEAD from the store says hit', section: '9211 §2.1', route: minute, steps: [get(1), get(1, { method: 'HEAD' }, says('fastify-cached; hit; ttl=60'))] },
  { name: 'a name of its own', section: '9211 §2', route: minute, cache: { CACHE_STATUS_HEADER: 'edge-1' }, steps: [get(1, {}, says('edge-1; fwd=uri-miss; stored')), get(1, {}, says('edge-1; hit; ttl=60'))] },
  { name: 'a name that is no token is quoted', section: '9211 §2, 8941 §3.3.3', route: minute, cache: { CACHE_STATUS_HEADER: 'my "edge"' }, steps: [get(1, {}, says('"my \\"edge\\""; fwd=uri-miss; stored'))] },
  { name: 'CACHE_STATUS_HEADER: false', section: '9211 §2', route: minute, cache: { CACHE_STATUS_HEADER: false }, steps: [get(1, {}, { absent: ['cache-status'] }), get(1, {}, { absent: ['cache-status'] })] },
  {
    name: 'an upstream\'s member stands in front',
    section: '9211 §2',
    route: minute,
    replies: [{ headers: { 'cache-status': 'Origin; hit' } }],
    steps: [
      get(1, {}, says('Origin; hit, fastify-cached; fwd=uri-miss; stored')), get(1, {}, says('Origin; hit, fastify-cached; hit; ttl=60')), get(1, { advance: 10 }, says('Origin; hit, fastify-cached; hit; ttl=50'))]
  },
  {
    name: 'an upstream\'s two lines stand in front',
    section: '9211 §2, 9110 §5.3',
    route: minute,
    replies: [{ headers: { 'cache-status': ['A; hit', 'B; fwd=miss'] } }],
    steps: [
      get(1), get(1, {}, says('A; hit, B; fwd=miss, fastify-cached; hit; ttl=60'))]
  },
  { name: 'a route without a cache says nothing', section: '9211 §2', route: false, steps: [get(1, {}, { absent: ['cache-status', 'age'] }), get(2, {}, { absent: ['cache-status', 'age'] })] },
  { name: 'a failing handler says so', section: '9211 §2', route: minute, replies: [{ throws: true }], steps: [{ expect: { status: 500, runs: 1, headers: { 'cache-status': /^fastify-cached; fwd=uri-miss(?!.*stored)/ } } }, { expect: { status: 500, runs: 2 } }] },
  { name: 'the key is never shown', section: '9211 §2.7', route: { ...minute, keyPrefix: 'secret-prefix' }, steps: [get(1, {}, { check: (reply) => /secret-prefix|key=/.test(JSON.stringify(reply.rawHeaders)) ? 'the key stands in the reply' : undefined }), get(1, {}, { check: (reply) => /secret-prefix|key=/.test(JSON.stringify(reply.rawHeaders)) ? 'the key stands in the reply' : undefined })] }
]

const gone = (...names: string[]): NonNullable<Step['expect']> => ({ absent: names })
const fields: Case[] = [
  {
    name: 'fields that Connection names, and Connection',
    section: '§3.1, 9110 §7.6.1',
    route: minute,
    differs: ['x-hop', 'x-hop2'],
    replies: [{ headers: { connection: 'x-hop, X-Hop2', 'x-hop': '1', 'x-hop2': '2', 'x-stays': '3' } }],
    steps: [
      get(1), get(1, {}, { ...gone('x-hop', 'x-hop2'), headers: { 'x-stays': '3' }, check: (reply) => /x-hop/i.test(String(reply.headers.connection)) ? 'connection replayed' : undefined })]
  },
  ...['proxy-authenticate', 'proxy-authentication-info', 'proxy-connection', 'te', 'upgrade', 'keep-alive'].map((name): Case => ({
    name: `${name} is not stored`,
    section: '§3.1, 9110 §7.6.1',
    route: minute,
    differs: [name],
    replies: [{ headers: { [name]: 'scripted=1', 'x-stays': '3' } }],
    steps: [get(1), get(1, {}, { headers: { 'x-stays': '3' }, check: (reply) => String(reply.headers[name]).includes('scripted') ? `${name}: ${reply.headers[name]}` : undefined })]
  })),
  {
    name: 'a stream\'s Transfer-Encoding: one framing on a hit',
    section: '9112 §6.1',
    route: minute,
    replies: [{ body: () => Readable.from(['hello']) }],
    steps: [get(1), get(1, {}, { check: (reply) => reply.headers['content-length'] !== undefined && reply.headers['transfer-encoding'] !== undefined ? 'both framings' : undefined })]
  },
  {
    name: 'two lines of Link stay two',
    section: '9110 §5.3',
    route: minute,
    replies: [{ headers: { link: ['</a>; rel=preload', '</b>; rel=preload'] } }],
    steps: [
      get(1), get(1, {}, { check: (reply) => Array.isArray(reply.headers.link) && reply.headers.link.length === 2 ? undefined : `link: ${reply.headers.link}` })]
  },
  { name: 'two lines of an unknown field', section: '9110 §5.3', route: minute, replies: [{ headers: { 'x-two': ['a', 'b'] } }], steps: stored() },
  { name: 'a number, an empty value, blanks inside', section: '9110 §5.5', route: minute, replies: [{ headers: { 'x-number': 42, 'x-empty': '', 'x-blanks': 'a  b', 'x-comma': 'a,b, c' } }], steps: [get(1), get(1, {}, { headers: { 'x-number': '42', 'x-empty': '', 'x-blanks': 'a  b' } })] },
  { name: 'values that are not ASCII', section: '9110 §5.5', route: minute, replies: [{ headers: { 'x-latin': 'caf\u00e9 \u00ff' } }], steps: stored() },
  { name: '__proto__ and constructor as names', section: '9110 §5.1', route: minute, replies: [{ headers: { constructor: 'a', __proto__x: 'b' } }], steps: stored() },
  { name: 'Content-Type with its parameters', section: '9110 §8.3', route: minute, replies: [{ headers: { 'content-type': 'text/html; charset="utf-8"' }, body: '<p>' }], steps: stored() },
  { name: 'Content-Encoding of the handler is kept', section: '9110 §8.4', route: minute, replies: [{ headers: { 'content-encoding': 'gzip' }, body: Buffer.from([31, 139, 8, 0]) }], steps: stored() },
  { name: 'a Location of a redirect', section: '9110 §10.2.2', route: minute, replies: [{ status: 301, headers: { location: '/elsewhere' } }], steps: [get(1, {}, { status: 301 }), get(1, {}, { status: 301, headers: { location: '/elsewhere' } })] },
  { name: 'a Warning of the handler is kept', section: '§5.5', route: minute, replies: [{ headers: { warning: '199 - "x"' } }], steps: stored() },
  { name: 'JSON', section: '9110 §8', route: minute, replies: [{ body: { a: 1, b: ['é'] } }], steps: [get(1, {}, { body: '{"a":1,"b":["é"]}', headers: { 'content-type': /^application\/json/ } }), get(1, {}, { body: '{"a":1,"b":["é"]}' })] },
  { name: 'bytes', section: '9110 §8', route: minute, replies: [{ body: Buffer.from([0, 255, 13, 10, 0]) }], steps: stored() },
  { name: 'a view of a larger buffer', section: '9110 §8', route: minute, replies: [{ body: () => Buffer.from('xxhelloxx').subarray(2, 7) }], steps: [get(1, {}, { body: 'hello' }), get(1, {}, { body: 'hello' })] },
  { name: '204', section: '9110 §15.3.5', route: minute, replies: [{ status: 204, body: '' }], steps: [get(1, {}, { status: 204, body: '' }), get(1, {}, { status: 204, body: '' })] },
  { name: 'cacheControl: a string', section: '§5.2', route: { ...minute, cacheControl: 'public, max-age=5' }, differs: ['cache-control'], steps: [get(1, {}, { headers: { 'cache-control': 'public, max-age=5' } }), get(1, { advance: 10 }, { headers: { 'cache-control': 'public, max-age=5' } })] },
  { name: 'cacheControl: what is left', section: '§5.2.2.1', route: { ...minute, cacheControl: true }, differs: ['cache-control'], steps: [get(1, {}, { headers: { 'cache-control': 'public, max-age=60' } }), get(1, { advance: 18 }, { headers: { 'cache-control': 'public, max-age=42' } })] },
  { name: 'cacheControl: private where the key holds a cookie', section: '§5.2.2.7', route: { ...minute, cookies: ['lang'], cacheControl: true }, differs: ['cache-control'], steps: [get(1, { headers: { cookie: 'lang=en' } }, { headers: { 'cache-control': 'private, max-age=60' } })] },
  { name: 'cacheControl: private where the key holds a credential', section: '§5.2.2.7', route: { ...minute, authorization: 'vary', cacheControl: true }, differs: ['cache-control'], steps: [get(1, { headers: { authorization: 'a' } }, { headers: { 'cache-control': 'private, max-age=60' } }), get(1, { headers: { authorization: 'a' } }, { headers: { 'cache-control': 'private, max-age=60' } })] }
]

const on = (host: string): Omit<Step, 'expect'> & { headers: Record<string, string> } => ({ headers: { host } })
const at = (path: string): { path: string } => ({ path })
const raw = (line: string, ...headers: string[]): string => requestText(line, ...headers)
const keys: Case[] = [
  { name: 'the query sorted by name', section: '§2 (cache key)', route: minute, steps: [get(1, at('/r?b=2&a=1')), get(1, at('/r?a=1&b=2')), get(2, at('/r?a=2&b=1'))] },
  { name: 'equal names keep their order', section: '§2', route: minute, steps: [get(1, at('/r?a=2&a=1')), get(2, at('/r?a=1&a=2')), get(3, at('/r?a=1&b=2&a=3')), get(3, at('/r?b=2&a=1&a=3')), get(4, at('/r?b=2&a=3&a=1'))] },
  { name: 'pairs cannot run together', section: '§2', route: minute, steps: [get(1, at('/r?a=bc&d=e')), get(2, at('/r?a=b&cd=e')), get(3, at('/r?ab=c&d=e')), get(4, at('/r?a=bc%26d=e')), get(5, at('/r?a=bc&d%3De')), get(1, at('/r?d=e&a=bc'))] },
  { name: '?a and ?a= differ', section: '§2', route: minute, steps: [get(1, at('/r?a')), get(2, at('/r?a=')), get(1, at('/r?a'))] },
  { name: 'an empty query is none', section: '§2', route: minute, steps: [get(1, at('/r?')), get(1, at('/r'))] },
  { name: '+ and %20 differ', section: '3986 §6.2.2', route: minute, steps: [get(1, at('/r?q=a+b')), get(2, at('/r?q=a%20b')), get(3, at('/r?q=a%2Bb'))] },
  { name: 'upper-case hex', section: '3986 §6.2.2.1', route: minute, url: '/*', path: '/caf%c3%a9', steps: [get(1), get(1, at('/caf%C3%A9'))] },
  { name: 'unreserved characters plain', section: '3986 §6.2.2.2', route: minute, url: '/*', path: '/%7euser/%61', steps: [get(1), get(1, at('/~user/a'))] },
  { name: 'an encoded slash is no slash', section: '3986 §6.2.2.2', route: minute, url: '/*', path: '/a%2Fb', steps: [get(1), get(2, at('/a/b')), get(1, at('/a%2fb'))] },
  { name: 'an encoded question mark is none', section: '3986 §6.2.2.2', route: minute, url: '/*', path: '/a%3Fb', steps: [get(1), get(2, at('/a?b')), get(3, at('/a'))] },
  { name: 'paths keep their case', section: '3986 §6.2.2.1', route: minute, url: '/*', path: '/A', steps: [get(1), get(2, at('/a'))] },
  { name: 'a trailing slash counts', section: '§2', route: minute, url: '/*', path: '/a', steps: [get(1), get(2, at('/a/')), get(3, at('//a'))] },
  { name: 'path and query cannot run together', section: '§2', route: minute, url: '/*', path: '/get?name=x', steps: [get(1), get(2, at('/?getname=x')), get(3, at('/getname=x'))] },
  { name: 'a fragment is part of it', section: '§2', route: minute, steps: [{ request: raw('GET /r HTTP/1.1', 'Host: a.test'), expect: { run: 1 } }, { request: raw('GET /r?x#y HTTP/1.1', 'Host: a.test'), expect: { run: 2 } }, { request: raw('GET /r?x HTTP/1.1', 'Host: a.test'), expect: { run: 3 } }] },
  { name: 'queryString: false', section: '§2', route: { ...minute, queryString: false }, steps: [get(1, at('/r?a=1')), get(1, at('/r?a=2')), get(1, at('/r'))] },
  { name: 'queryString: a list', section: '§2', route: { ...minute, queryString: ['page'] }, steps: [get(1, at('/r?page=1&utm=x')), get(1, at('/r?utm=y&page=1')), get(2, at('/r?page=2')), get(3, at('/r')), get(4, at('/r?page=')), get(1, at('/r?p%61ge=1'))] },
  { name: 'queryString: a list, a name given twice', section: '§2', route: { ...minute, queryString: ['page'] }, steps: [get(1, at('/r?page=1&page=2')), get(2, at('/r?page=2&page=1')), get(3, at('/r?page=2')), get(4, at('/r?page=1,2'))] },
  { name: 'hosts apart', section: '9110 §7.2', route: minute, steps: [get(1, on('a.test')), get(2, on('b.test')), get(1, on('a.test')), get(3, on('a.test:8080'))] },
  { name: 'one host: case, default port, final dot', section: '3986 §6.2.3', route: minute, steps: [get(1, on('a.test')), get(1, on('A.TEST')), get(1, on('a.test:80')), get(1, on('a.test.'))] },
  { name: 'IPv6 literals', section: '3986 §3.2.2', route: minute, steps: [get(1, on('[::1]')), get(1, on('[::1]:80')), get(2, on('[::2]')), get(3, on('[::1]:81'))] },
  { name: 'an empty host goes round', section: '9110 §7.2', route: minute, steps: [{ request: raw('GET /r HTTP/1.1', 'Host:'), expect: { runs: 1 } }, { request: raw('GET /r HTTP/1.1', 'Host:'), expect: { runs: 2 } }] },
  { name: 'HTTP/1.0 without a host goes round', section: '9112 §3.2', route: minute, steps: [{ request: raw('GET /r HTTP/1.0'), expect: { runs: 1 } }, { request: raw('GET /r HTTP/1.0'), expect: { runs: 2 } }] },
  { name: 'host: false', section: '§2', route: { ...minute, host: false }, steps: [get(1, on('a.test')), get(1, on('b.test'))] },
  { name: 'host: a list', section: '§2', route: { ...minute, host: ['a.test', 'b.test'] }, steps: [get(1, on('a.test')), get(2, on('b.test')), get(1, on('A.test')), get(3, on('evil.test')), get(4, on('evil.test'))] },
  {
    name: 'schemes apart behind a proxy that is trusted',
    section: '9110 §4.2',
    route: minute,
    fastify: { trustProxy: true },
    steps: [
      get(1, { headers: { host: 'a.test', 'x-forwarded-proto': 'http' } }), get(2, { headers: { host: 'a.test', 'x-forwarded-proto': 'https' } }), get(2, { headers: { host: 'a.test:443', 'x-forwarded-proto': 'HTTPS' } }), get(1, on('a.test'))]
  },
  { name: 'a scheme of the client\'s own is http', section: '9110 §4.2', route: minute, fastify: { trustProxy: true }, steps: [get(1, on('a.test')), get(1, { headers: { host: 'a.test', 'x-forwarded-proto': 'gopher' } })] },
  { name: 'forwarded fields mean nothing without trustProxy', section: '9110 §7.6.3', route: minute, steps: [get(1, on('a.test')), get(1, { headers: { host: 'a.test', 'x-forwarded-proto': 'https', 'x-forwarded-host': 'evil.test' } })] },
  {
    name: 'a target in absolute form goes round',
    section: '9112 §3.2.2',
    route: minute,
    steps: [
      get(1, on('a.test')), { request: raw('GET http://evil.test/r HTTP/1.1', 'Host: a.test'), expect: { check: (reply) => reply.headers['x-run'] === '1' ? 'answered from the store' : undefined } }, { ...get([1, 2, 3], on('evil.test')), expect: { check: (reply) => Number(reply.headers['x-run']) > 1 ? undefined : 'hosts mixed' } },
      { request: raw('GET /r HTTP/1.1', 'Host: a.test'), expect: { headers: { 'x-run': '1' } } }]
  },
  ...['x-http-method-override', 'x-method-override', 'x-http-method'].map((name): Case => ({
    name: `${name} goes round`, section: '9110 §9.1', route: minute, steps: [get(1), get(2, { headers: { [name]: 'PUT' } }), get(3, { headers: { [name]: 'GET' } }), get(1)]
  })),
  { name: 'keyPrefix: a string', section: '§2', route: { ...minute, keyPrefix: 'HEAD:' }, steps: stored() },
  { name: 'keyPrefix: a function', section: '§2', route: { ...minute, keyPrefix: (request: FastifyRequest) => String(request.headers['x-p'] ?? 'none') }, steps: [get(1, { headers: { 'x-p': 'a' } }), get(2, { headers: { 'x-p': 'b' } }), get(1, { headers: { 'x-p': 'a' } })] },
  { name: 'makeCacheKey', section: '§2', route: { ...minute, makeCacheKey: async (request: FastifyRequest) => String(request.headers['x-k']) }, steps: [get(1, { headers: { 'x-k': 'a' }, path: '/r?a=1' }), get(1, { headers: { 'x-k': 'a' }, path: '/r?b=2' }), get(2, { headers: { 'x-k': 'b' } })] },
  {
    name: 'makeCacheKey: the route stays part of the key',
    section: '§2',
    route: { ...minute, makeCacheKey: () => 'same' },
    setup: (app, origin) => {
      app.get('/other', { config: { cache: { ...minute, makeCacheKey: () => 'same' } } as object }, async (request, reply) => reply.header('x-other', String(origin.ran('other'))).send('other'))
    },
    steps: [get(1), { request: { path: '/other' }, expect: { body: 'other', runs: 1 } }, get(1, {}, { body: 'run 1' }), { request: { path: '/other' }, expect: { body: 'other', headers: { 'x-other': '1' } } }]
  },
  ...[undefined, null, '', 42, {}, ['a']].flatMap((value): Case[] => (['makeCacheKey', 'keyPrefix'] as const).map((option) => ({
    name: `${option} that gives ${JSON.stringify(value)} goes round`, section: '§2', route: { ...minute, [option]: () => value }, steps: [get(1), get(2)]
  }))).filter(({ name }) => name !== 'keyPrefix that gives "" goes round'),
  ...(['makeCacheKey', 'keyPrefix'] as const).map((option): Case => ({ name: `${option} that throws goes round`, section: '§2', route: { ...minute, [option]: () => { throw new Error('scripted') } }, steps: [get(1), get(2)] })),
  { name: 'makeCacheKey that rejects goes round', section: '§2', route: { ...minute, makeCacheKey: async () => { throw new Error('scripted') } }, steps: [get(1), get(2)] },
  { name: 'makeCacheKey that never answers goes round', section: '§2', route: { ...minute, makeCacheKey: () => new Promise(() => {}) }, cache: { CACHE_OPERATION_TIMEOUT: 0.05 }, steps: [get(1), get(2)] }
]

const aged = (run: number, advance: number, ttl: number, more: Partial<Step> = {}): Step => ({ advance, ...more, expect: { headers: { 'x-run': String(run), 'cache-status': `fastify-cached; hit; ttl=${ttl}` } } })
const fresh = (run: number): Step => ({ eventually: true, expect: { headers: { 'x-run': String(run), 'cache-status': /fastify-cached; hit; ttl=\d/ } } })
const swr = { timeout: 10, staleWhileRevalidate: 30 }
const sie = { timeout: 10, staleIfError: 100 }
const failing = [{}, { status: 503, body: 'sick' }]
const ccReply = (value: string): Script[] => [{ headers: { 'cache-control': value } }]
const staleAfterFailure: Step[] = [get(1), { advance: 20, expect: { runs: 2, status: 200, headers: { 'x-run': '1', age: '20' }, body: 'run 1' } }]
const windows: Case[] = [
  { name: 'staleWhileRevalidate: at once, and anew behind it', section: '5861 §3', route: swr, steps: [get(1), aged(1, 15, -5), fresh(2)] },
  { name: 'staleWhileRevalidate: not past its window', section: '5861 §3', route: swr, steps: [get(1), get(2, { advance: 50 }), get(2)] },
  { name: 'stale-while-revalidate of the reply', section: '5861 §3', route: { timeout: 'headers' }, replies: ccReply('max-age=10, stale-while-revalidate=30'), steps: [get(1), aged(1, 15, -5), fresh(2)] },
  { name: 'stale-while-revalidate of the reply: not past its window', section: '5861 §3', route: { timeout: 'headers' }, replies: ccReply('max-age=10, stale-while-revalidate=30'), steps: [get(1), get(2, { advance: 50 })] },
  { name: 'nothing stale without a window', section: '§4.2.4', route: { timeout: 10 }, steps: [get(1), get(2, { advance: 11 })] },
  ...['must-revalidate', 'proxy-revalidate'].flatMap((value): Case[] => [
    { name: `${value} forbids staleWhileRevalidate`, section: '§5.2.2.2, §5.2.2.8', route: swr, replies: ccReply(value), steps: [get(1), get(2, { advance: 15 })] },
    { name: `${value} forbids stale-while-revalidate`, section: '§5.2.2.2, §5.2.2.8', route: { timeout: 'headers' }, replies: ccReply(`max-age=10, stale-while-revalidate=30, ${value}`), steps: [get(1), get(2, { advance: 15 })] },
    { name: `${value} forbids staleIfError`, section: '§5.2.2.2, §5.2.2.8', route: sie, replies: [{ headers: { 'cache-control': value } }, { status: 503 }], steps: [get(1), get(2, { advance: 15 }, { status: 503 })] }
  ]),
  { name: 's-maxage alone does not forbid stale', section: '5861 §3', route: swr, replies: ccReply('s-maxage=10'), steps: [get(1), aged(1, 15, -5)] },
  ...[500, 502, 503, 504].map((status): Case => ({ name: `staleIfError: a ${status}`, section: '5861 §4', route: sie, replies: [{}, { status }], steps: staleAfterFailure })),
  { name: 'staleIfError: a throw', section: '5861 §4', route: sie, replies: [{}, { throws: true }], steps: staleAfterFailure },
  { name: 'staleIfError: the headers of the failure are not mixed in', section: '5861 §4', route: sie, replies: [{ headers: { 'x-kind': 'good' } }, { status: 503, headers: { 'x-kind': 'bad', 'x-error': '1', 'retry-after': '5' } }], steps: [get(1), { advance: 20, expect: { runs: 2, status: 200, headers: { 'x-run': '1', 'x-kind': 'good' }, absent: ['x-error', 'retry-after'], body: 'run 1' } }] },
  { name: 'stale-if-error of the reply', section: '5861 §4', route: { timeout: 'headers' }, replies: [{ headers: { 'cache-control': 'max-age=10, stale-if-error=100' } }, { status: 503 }], steps: staleAfterFailure },
  { name: 'staleIfError: not past its window', section: '5861 §4', route: sie, replies: failing, steps: [get(1), get(2, { advance: 200 }, { status: 503, body: 'sick' })] },
  ...[400, 401, 403, 404, 410].map((status): Case => ({ name: `staleIfError: a ${status} is the answer`, section: '5861 §4', route: sie, replies: [{}, { status, body: 'gone' }], steps: [get(1), get(2, { advance: 20 }, { status, body: 'gone' }), get(3, {}, { status })] })),
  { name: 'staleIfError: a success replaces', section: '5861 §4', route: sie, steps: [get(1), get(2, { advance: 20 }), get(2)] },
  { name: 'staleIfError: conditional requests', section: '§4.3.2', route: sie, replies: [{ headers: { etag: '"v1"' } }, { status: 503 }], steps: [get(1), { advance: 20, request: { headers: { 'if-none-match': '"v1"' } }, expect: { runs: 2, status: [200, 304] } }] },
  { name: 'staleIfError: no error of another\'s variant', section: '5861 §4', route: sie, replies: [{ headers: { vary: 'accept-language' } }, { status: 503 }], steps: [get(1, { headers: { 'accept-language': 'en' } }), get(2, { advance: 20, headers: { 'accept-language': 'de' } }, { status: 503 })] },
  { name: 'staleWhileRevalidate: a refresh that fails keeps the entry', section: '5861 §3', route: swr, replies: failing, steps: [get(1), aged(1, 15, -5), { eventually: true, expect: { runs: 2 } }, { advance: 2, expect: { status: 200, headers: { 'x-run': '1' } } }] },
  { name: 'staleWhileRevalidate: a refresh that is not stored removes the entry', section: '5861 §3', route: swr, replies: [{}, { status: 404, body: 'gone' }], steps: [get(1), aged(1, 15, -5), { eventually: true, expect: { status: 404 } }] },
  { name: 'eagerRefresh: anew before the end', section: '§4', route: { timeout: 100, eagerRefresh: 0.5 }, steps: [get(1), get(1, { advance: 40 }), { advance: 20, expect: { headers: { 'x-run': '1' } } }, { eventually: true, expect: { headers: { 'x-run': '2', age: '0' } } }] },
  { name: 'isStale runs again', section: '§4.3', route: { ...minute, isStale: (entry: unknown, request: FastifyRequest) => request.headers['x-stale'] === '1' }, steps: [get(1), get(1), get(2, { headers: { 'x-stale': '1' } }), get(2)] },
  { name: 'forcedUpdate skips the read and stores', section: '§4.3', route: { ...minute, forcedUpdate: (request: FastifyRequest) => request.headers['x-force'] === '1' }, steps: [get(1), get(2, { headers: { 'x-force': '1' } }), get(2)] },
  { name: 'forcedUpdate whose reply is not stored removes what was there', section: '§4.3', route: { ...minute, forcedUpdate: (request: FastifyRequest) => request.headers['x-force'] === '1' }, replies: [{}, { headers: { 'cache-control': 'no-store' } }, {}], steps: [get(1), get(2, { headers: { 'x-force': '1' } }), get(3)] },
  { name: 'unless goes round', section: '§3', route: { ...minute, unless: async (request: FastifyRequest) => request.headers['x-round'] === '1' }, steps: [get(1), get(2, { headers: { 'x-round': '1' } }), get(1)] },
  { name: 'unless that throws goes round', section: '§3', route: { ...minute, unless: () => { throw new Error('scripted') } }, steps: [get(1), get(2)] },
  { name: 'responseFilter', section: '§3', route: { ...minute, responseFilter: (request: FastifyRequest, reply: unknown, body: Buffer | string) => !String(body).includes('run 1') }, steps: [get(1), get(2), get(2)] },
  { name: 'responseFilter that throws: not stored', section: '§3', route: { ...minute, responseFilter: () => { throw new Error('scripted') } }, steps: [get(1), get(2)] },
  { name: 'minUses: 2', section: '§3', route: { ...minute, minUses: 2 }, steps: [get(1), get(2), get(2)] }
]

const compressible = 'compress me '.repeat(300)
const sameAs = (length: (n: number) => boolean) => (reply: ClientReply): string | undefined => length(reply.body.length) ? undefined : `${reply.body.length} bytes`
const encodings: Case[] = [
  {
    name: 'compress: each client what it accepts',
    section: '9110 §12.5.3',
    route: { ...minute, compress: ['gzip', 'br'] },
    replies: [{ headers: { 'content-type': 'text/plain' }, body: compressible }],
    differs: ['content-encoding', 'content-length', 'etag', 'vary'],
    steps: [
      { expect: { run: 1, absent: ['content-encoding'], body: compressible, headers: { vary: /accept-encoding/i } } },
      { expect: { run: 1, absent: ['content-encoding'], body: compressible, headers: { vary: /accept-encoding/i } } }]
  },
  ...['identity', 'gzip;q=0', 'br;q=0, gzip;q=0', '*;q=0', 'identity;q=0, *;q=0', 'deflate', ''].map((value): Case => ({
    name: `compress: Accept-Encoding ${JSON.stringify(value)} gets identity`,
    section: '9110 §12.5.3',
    route: { ...minute, compress: ['gzip', 'br'] },
    replies: [{ headers: { 'content-type': 'text/plain' }, body: compressible }],
    steps: [get(1), get(1, { headers: { 'accept-encoding': value } }, { absent: ['content-encoding'], body: compressible, status: 200, check: sameAs((n) => n === compressible.length) })]
  }))
]

await runCases('replies, keys and staleness', [...cacheStatus, ...fields, ...keys, ...windows, ...encodings])
