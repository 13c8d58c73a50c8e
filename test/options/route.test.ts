import t from 'tap'
import zlib from 'node:zlib'
import { errors } from '../../lib/errors.ts'
import { resolveRoute } from '../../lib/options/route.ts'
import type { RouteSettings } from '../../lib/options/settings.ts'
import { resolveOptions } from '../../lib/options/validate.ts'

const plain = resolveOptions({})

function route (config: unknown, plugin = plain, methods = ['GET']): RouteSettings {
  const settings = resolveRoute(config, plugin, 'GET /user/:name', methods)
  if (settings === undefined) throw new Error('not cached')
  return settings
}

function refusal (config: unknown, plugin = plain, methods = ['GET']): string {
  try {
    resolveRoute(config, plugin, 'GET /user/:name', methods)
  } catch (error) {
    if (error instanceof errors.FST_CACHE_ERR_ROUTE_OPTIONS) return error.message
    throw error
  }
  return 'not refused'
}

t.test('off, whatever the method', async t => {
  for (const config of [undefined, null, false]) t.equal(resolveRoute(config, plain, 'PUT /', ['PUT']), undefined)
})

t.test('the defaults', async t => {
  for (const config of [true, {}, { timeout: null, vary: undefined, statuses: null, coalesce: null }]) {
    const s = route(config)
    t.match(s, {
      timeout: 300,
      hasTimeout: false,
      queryString: true,
      keyPrefix: undefined,
      makeCacheKey: undefined,
      vary: [],
      host: true,
      authorization: 'bypass',
      cookies: 'bypass',
      isolate: true,
      tags: [],
      minUses: 1,
      maxVariants: 32,
      jitter: 0,
      eagerRefresh: 0,
      staleWhileRevalidate: 0,
      staleIfError: 0,
      softTimeout: undefined,
      coalesce: { timeout: 5 },
      lock: false,
      compress: false,
      cacheControl: undefined,
      requestDirectives: false,
      hook: 'auto',
      etag: true,
      maxEntryBytes: 1048576
    })
    t.strictSame([...s.methods], ['GET', 'HEAD'])
    t.strictSame([...s.statuses], [[200, true], [203, true], [204, true], [300, true], [301, true], [308, true]])
    t.ok(Object.isFrozen(s))
  }
})

t.test('values as they are resolved', async t => {
  const zstd = typeof zlib.zstdCompress === 'function'
  t.match(route({ timeout: 0 }), { timeout: 0, hasTimeout: true })
  t.strictSame(route({ vary: ['X-B', 'x-a', 'x-b'] }).vary, ['x-a', 'x-b'])
  t.strictSame([...route({ statuses: { 404: 10, 302: true, 301: false, 206: false, 503: 1, 410: null } }).statuses],
    [[200, true], [203, true], [204, true], [300, true], [308, true], [302, true], [404, 10], [503, 1]])
  t.equal(route({ cookies: [] }).cookies, 'ignore')
  t.strictSame(route({ cookies: ['b', 'a', 'b'] }).cookies, ['b', 'a'])
  t.strictSame(route({ queryString: ['q', 'q', ''] }).queryString, ['q', ''])
  t.equal(route({ queryString: [] }).queryString, false)
  t.strictSame(route({ host: ['EXAMPLE.com.:443', 'a.:8080', '[::1]:3000'] }).host, ['example.com', 'a:8080', '[::1]:3000'])
  t.equal(route({ keyPrefix: '' }).keyPrefix, undefined)
  t.strictSame(route({ coalesce: {} }).coalesce, { timeout: 5 })
  t.strictSame(route({ coalesce: { timeout: 0.2 } }).coalesce, { timeout: 0.2 })
  t.equal(route({ coalesce: false }).coalesce, false)
  t.strictSame(route({ lock: true }).lock, { timeout: 5 })
  t.strictSame(route({ compress: true }).compress, zstd ? ['br', 'gzip', 'zstd'] : ['br', 'gzip'])
  t.strictSame(route({ compress: ['gzip', 'br'] }).compress, ['gzip', 'br'])
  t.match(route({ staleIfError: 60, softTimeout: 0.1 }), { softTimeout: 0.1 })
  t.match(route({ timeout: 'headers', softTimeout: 0.1 }), { softTimeout: 0.1 })
  t.strictSame(route({ tags: ['a', 'a'] }).tags, ['a'])
  t.equal(route({ cacheControl: false }).cacheControl, undefined)
  t.match(route({ vary: ['Cookie', 'x-a'], cookies: 'ignore' }), { cookies: 'vary', vary: ['x-a'] })
  t.match(route({ vary: ['Authorization'], authorization: 'vary' }), { authorization: 'vary', vary: [] })
  const post = route({ methods: ['POST'], makeCacheKey: () => 'k' }, plain, ['POST'])
  t.strictSame([...post.methods], ['POST'])
})

t.test('refusals name the route and the option, and say what it takes', async t => {
  const key = () => 'k'
  const cases: Array<[unknown, ...string[]]> = [
    [{ timout: 60 }, 'did you mean timeout?'],
    [{ querystring: true }, 'did you mean queryString?'],
    [{ zzzzzzzz: 1 }, 'known are policy, timeout'],
    [JSON.parse('{"__proto__": {"timeout": 1}}'), '__proto__'],
    [{ constructor: 1 }, 'unknown route option constructor'],
    [5, 'got 5'], [[], 'got a list'], [() => true, 'got a function'],
    ['nope', 'unknown policy nope', 'CACHE_POLICIES has none'],
    ['constructor', 'unknown policy constructor'],
    [{ policy: 5 }, 'policy takes'],
    [{ timeout: -1 }, 'timeout', 'got -1', "'headers'"],
    [{ timeout: NaN }, 'got NaN'], [{ timeout: Infinity }, 'got Infinity'], [{ timeout: '60' }, 'got "60"'], [{ timeout: 'header' }, "'headers'"],
    [{ queryString: 'a' }, 'queryString'], [{ queryString: [1] }, 'item 1'],
    [{ keyPrefix: 5 }, 'keyPrefix'], [{ makeCacheKey: 'k' }, 'makeCacheKey'],
    [{ vary: 'x-a' }, 'vary', 'a list of header names'], [{ vary: ['*'] }, "'*'"], [{ vary: ['a b'] }, 'got "a b"'], [{ vary: [''] }, 'item 1'],
    [{ vary: ['cookie'] }, "cookies: 'vary'"], [{ vary: ['Authorization'] }, "authorization: 'vary'"],
    [{ methods: 'GET' }, 'methods'], [{ methods: [] }, 'empty list'], [{ methods: ['OPTIONS'] }, 'GET, HEAD, POST, QUERY'],
    [{ methods: ['PUT'] }, 'PUT', 'never answered'], [{ methods: ['patch'] }, 'PATCH'], [{ methods: ['GET', 'DELETE'] }, 'DELETE'],
    [{ methods: ['GET', 'POST'] }, 'makeCacheKey'], [{ methods: ['GET', 'QUERY'] }, 'QUERY needs a makeCacheKey'],
    [{ methods: ['POST'], makeCacheKey: key }, 'it answers GET'],
    [{ host: 'example.com' }, 'host'], [{ host: [] }, 'empty list'], [{ host: ['http://a'] }, 'item 1'], [{ host: ['a/b'] }, 'item 1'], [{ host: [5] }, 'item 1'], [{ host: ['.'] }, 'item 1'],
    [{ authorization: true }, 'authorization', "'bypass', 'vary', 'ignore'"],
    [{ cookies: 'all' }, 'cookies'], [{ cookies: ['a=b'] }, 'item 1'],
    [{ isolate: 'very' }, "'strict'"],
    [{ statuses: [404] }, '{ 404: 10'], [{ statuses: { 100: 5 } }, 'no final reply'], [{ statuses: { abc: 5 } }, 'got "abc"'], [{ statuses: { 600: 5 } }, '600'],
    [{ statuses: { '0404': 5 } }, '0404'], [{ statuses: { 503: true } }, 'lifetime of its own for 503'], [{ statuses: { 404: -1 } }, 'got -1'], [{ statuses: { 404: 'x' } }, 'for 404'],
    ...[206, 304, 401, 407, 429].map((code): [unknown, string] => [{ statuses: { [code]: 5 } }, `${code}, which is never stored`]),
    [{ unless: true }, 'unless'], [{ forcedUpdate: {} }, 'forcedUpdate'], [{ isStale: 1 }, 'isStale'], [{ responseFilter: 'x' }, 'responseFilter'],
    [{ tags: 'a' }, 'tags'], [{ tags: [''] }, 'not empty'], [{ tags: [1] }, 'item 1'],
    [{ minUses: 0 }, 'minUses'], [{ minUses: 1.5 }, 'minUses'], [{ maxVariants: 0 }, 'maxVariants'],
    [{ jitter: 0.6 }, '0 to 0.5'], [{ jitter: -0.1 }, 'jitter'], [{ eagerRefresh: 1.1 }, '0 to 1'], [{ eagerRefresh: true }, 'eagerRefresh'],
    [{ staleWhileRevalidate: -1 }, 'staleWhileRevalidate'], [{ staleIfError: NaN }, 'staleIfError'],
    [{ softTimeout: 1 }, 'staleIfError'], [{ softTimeout: 1, staleIfError: 0 }, 'staleIfError'], [{ softTimeout: -1, staleIfError: 1 }, 'softTimeout'],
    [{ coalesce: 5 }, 'coalesce'], [{ coalesce: { timeout: -1 } }, 'got -1'], [{ coalesce: { time: 1 } }, 'knows only timeout'], [{ lock: 'yes' }, 'lock'], [{ lock: { timeout: Infinity } }, 'got Infinity'],
    [{ compress: 'gzip' }, 'compress'], [{ compress: ['deflate'] }, 'got "deflate"'],
    [{ cacheControl: '' }, 'cacheControl'], [{ cacheControl: 'a\r\nb' }, 'cacheControl'], [{ cacheControl: 5 }, 'cacheControl'],
    [{ requestDirectives: 1 }, 'requestDirectives'], [{ hook: 'onRequest' }, "'auto', 'preHandler'"], [{ etag: 'weak' }, 'etag'], [{ maxEntryBytes: -1 }, 'maxEntryBytes'],
    [{ get timeout () { throw new Error('boom') } }, 'timeout cannot be read']
  ]
  for (const [config, ...texts] of cases) {
    const message = refusal(config)
    for (const text of ['GET /user/:name', ...texts]) t.ok(message.includes(text), `${text} in: ${message}`)
  }
  const several = refusal({ timeout: -1, jitter: 2, vray: [] })
  for (const name of ['timeout', 'jitter', 'vary']) t.ok(several.includes(name))
  if (typeof zlib.zstdCompress !== 'function') t.ok(refusal({ compress: ['zstd'] }).includes('this Node'))
})

t.test('methods of the route', async t => {
  t.match(refusal(true, plain, ['PUT']), 'PUT')
  t.match(refusal(true, plain, ['POST']), "methods: ['POST'] with a makeCacheKey")
  t.match(refusal({ makeCacheKey: () => 'k' }, plain, ['POST']), "methods: ['POST']")
  t.ok(route(true, plain, ['GET', 'POST', 'PUT']))
  t.ok(route({ methods: ['GET'] }, plain, ['HEAD']), 'the HEAD route that Fastify declares beside a GET')
})

t.test('defaults, policy, route: the later wins, `undefined` and `null` do not', async t => {
  const plugin = resolveOptions({
    CACHE_DEFAULT_TIMEOUT: 7,
    CACHE_MAX_ENTRY_BYTES: 99,
    CACHE_ROUTE_DEFAULTS: { timeout: 1, jitter: 0.1, minUses: 2, tags: ['d'] },
    CACHE_POLICIES: { slow: { timeout: 2, jitter: 0.2 }, __proto__: null }
  })
  t.match(route(true, plugin), { timeout: 1, hasTimeout: true, jitter: 0.1, minUses: 2, tags: ['d'], maxEntryBytes: 99 })
  t.match(route('slow', plugin), { timeout: 2, jitter: 0.2, minUses: 2 })
  t.match(route({ policy: 'slow', timeout: 3, jitter: undefined, minUses: null }, plugin), { timeout: 3, jitter: 0.2, minUses: 2 })
  t.match(refusal('slwo', plugin), 'did you mean slow?')
  t.match(route(true, resolveOptions({ CACHE_DEFAULT_TIMEOUT: 7 })), { timeout: 7, hasTimeout: false })
})

t.test('a default for other routes does no harm to this one', async t => {
  const plugin = resolveOptions({ CACHE_ROUTE_DEFAULTS: { methods: ['GET', 'POST'], softTimeout: 1, staleIfError: 60 } })
  t.ok(route(true, plugin), 'POST without a makeCacheKey, on a GET route')
  t.match(refusal(true, plugin, ['POST']), 'makeCacheKey')
  t.equal(route({ staleIfError: 0 }, plugin).softTimeout, undefined)
  t.equal(route(true, plugin).softTimeout, 1)
})

t.test('what the caller does later changes nothing', async t => {
  const config = { vary: ['x-a'], statuses: { 404: 1 } as Record<string, number>, tags: ['a'] }
  const s = route(config)
  config.vary.push('x-b')
  config.statuses[410] = 1
  config.tags.push('b')
  t.match(s, { vary: ['x-a'], tags: ['a'] })
  t.notOk(s.statuses.has(410))
  t.equal(s.vary.length, 1)
  t.equal(s.tags.length, 1)
})
