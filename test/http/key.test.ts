import t from 'tap'
import fc from 'fast-check'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { canonicalPath, canonicalTarget, joinParts, normalHost, normalPath, normalQuery, normalScheme, splitTarget } from '../../lib/http/key.ts'
import type { RouterSpelling } from '../../lib/http/key.ts'
import Fastify from 'fastify'

t.test('scheme', async t => {
  for (const [protocol, expected] of [['http', 'http'], ['https', 'https'], ['HTTPS', 'https'], ['', 'http'], ['https,http', 'http'], ['wss', 'http']] as const) {
    t.equal(normalScheme(protocol), expected, protocol)
  }
})

t.test('host: RFC 3986 §6.2.2.1, §6.2.3', async t => {
  const table: Array<[string, 'http' | 'https', string]> = [
    ['', 'http', ''],
    ['example.com', 'http', 'example.com'],
    ['Example.COM', 'http', 'example.com'],
    ['example.com:80', 'http', 'example.com'],
    ['example.com:443', 'https', 'example.com'],
    ['example.com:443', 'http', 'example.com:443'],
    ['example.com:80', 'https', 'example.com:80'],
    ['example.com:8080', 'http', 'example.com:8080'],
    ['example.com:', 'http', 'example.com'],
    ['example.com.', 'http', 'example.com'],
    ['example.com.:80', 'http', 'example.com'],
    ['example.com.:8080', 'http', 'example.com:8080'],
    ['[::1]', 'http', '[::1]'],
    ['[::1]:80', 'http', '[::1]'],
    ['[2001:DB8::80]', 'http', '[2001:db8::80]'],
    ['[::1]:3000', 'https', '[::1]:3000'],
    ['127.0.0.1:443', 'https', '127.0.0.1'],
    [':80', 'http', '']
  ]
  for (const [host, scheme, expected] of table) t.equal(normalHost(host, scheme), expected, `${scheme} ${host}`)
})

t.test('targets', async t => {
  const table: Array<[string, boolean, [string, string] | undefined]> = [
    ['/', false, ['/', '']],
    ['/a', false, ['/a', '']],
    ['/a?', false, ['/a', '']],
    ['/a?b', false, ['/a', 'b']],
    ['/a?b=', false, ['/a', 'b=']],
    ['/a??b', false, ['/a', '?b']],
    ['/a?b?c', false, ['/a', 'b?c']],
    ['/a%3Fb', false, ['/a%3Fb', '']],
    ['//a', false, ['//a', '']],
    ['/a#f', false, ['/a#f', '']],
    ['/a?b#f', false, ['/a', 'b#f']],
    ['/a#f?b', false, ['/a#f?b', '']],
    ['/a;b?c', false, ['/a;b', 'c']],
    ['/a;b?c', true, ['/a;b?c', '']],
    ['/a?b;c', true, ['/a', 'b;c']],
    ['/a?b', true, ['/a', 'b']],
    ['', false, undefined],
    ['*', false, undefined],
    ['a', false, undefined],
    ['?a', false, undefined],
    ['http://example.com/a', false, undefined]
  ]
  for (const [target, semicolon, expected] of table) {
    t.same(splitTarget(target, semicolon), expected && { path: expected[0], query: expected[1] }, `${target}${semicolon ? ' with ";"' : ''}`)
  }
})

t.test('percent-encoding: RFC 3986 §6.2.2', async t => {
  const table: Array<[string, string]> = [
    ['/a/b', '/a/b'],
    ['/%61', '/a'],
    ['/%41%5a%7A%30%39%2d%2E%5f%7e', '/AZz09-._~'],
    ['/%2f', '/%2F'],
    ['/%2F', '/%2F'],
    ['/%c3%bc', '/%C3%BC'],
    ['/a%20b+c', '/a%20b+c'],
    ['/%3f%23%25', '/%3F%23%25'],
    ['/A/%61/B', '/A/a/B'],
    ['/%2541', '/%2541'],
    ['/%25%34%31', '/%2541'],
    ['/%', '/%'],
    ['/%4', '/%4'],
    ['/%zz', '/%zz'],
    ['/%zz%61', '/%zza'],
    // what is no encoding must not become one
    ['/%%34%31', '/%%341'],
    ['/%4%31', '/%4%31'],
    ['/%%61bc', '/%%61bc']
  ]
  for (const [path, expected] of table) t.equal(normalPath(path), expected, path)
})

const text = (alphabet: string[], maxLength: number) => fc.string({ unit: fc.constantFrom(...alphabet), maxLength })

t.test('a normal path says the same, and is normal', async t => {
  const decode = (path: string): string => { try { return decodeURIComponent(path) } catch { return `invalid ${path}` } }
  fc.assert(fc.property(text(['%', '4', '1', '2', '5', 'F', 'f', 'c', '3', '/', 'z', '%41', '%2f', '%25'], 12), path => {
    const normal = normalPath(path)
    if (normalPath(normal) !== normal) return false
    const meaning = decode(path)
    return meaning.startsWith('invalid') ? decode(normal).startsWith('invalid') : decode(normal) === meaning
  }), { numRuns: 20000 })
  t.pass('any path')
})

t.test('query: sorted by name, each name\'s values in their order', async t => {
  const table: Array<[string, string]> = [
    ['', ''],
    ['a', 'a'],
    ['a=1', 'a=1'],
    ['b=1&a=2', 'a=2&b=1'],
    ['a=2&b=1', 'a=2&b=1'],
    ['a=2&a=1', 'a=2&a=1'],
    ['b&a=2&a=1', 'a=2&a=1&b'],
    ['a=1&b=2&a=3', 'a=1&a=3&b=2'],
    ['b=2&a=1&a=3', 'a=1&a=3&b=2'],
    ['b=&a', 'a&b='],
    ['b=2&A=1&a=0', 'A=1&a=0&b=2'],
    ['b=a+b&a=a%20b', 'a=a%20b&b=a+b'],
    ['b=1;a=2', 'b=1;a=2'],
    ['b=1#x&a=2', 'a=2&b=1#x'],
    ['b=x=y&a', 'a&b=x=y'],
    ['b=1&%61=1&a=2', '%61=1&a=2&b=1'],
    ['b=1&a=2&%61=1', 'a=2&%61=1&b=1'],
    ['c=0&a+b=1&a%20b=2', 'a+b=1&a%20b=2&c=0'],
    ['c=0&a[]=1&a=2', 'a[]=1&a=2&c=0'],
    ['c=0&a=2&a[]=1', 'a=2&a[]=1&c=0'],
    ['c=0&a%5B%5D=1&a=2', 'a%5B%5D=1&a=2&c=0']
  ]
  for (const [query, expected] of table) t.equal(normalQuery(query), expected, query)
})

t.test('queries of one key are read alike by a server', async t => {
  const app = Fastify()
  app.get('/', async request => request.query)
  const parameter = fc.constantFrom('a=1', 'a=2', '%61=3', 'b=1', 'b', 'b=', '%62', 'a', '', '=', 'a+=1', 'a%20=2', '%zz=1', '%ff=1', '%ff%61=2', '%ffa=3')
  const seen = new Map<string, string>()
  for (const pairs of fc.sample(fc.array(parameter, { maxLength: 4 }), 1500)) {
    const query = pairs.join('&')
    const key = normalQuery(query)
    if (normalQuery(key) !== key) t.fail(`${query} → ${key} is not normal`)
    const read: object = (await app.inject(`/?${query}`)).json()
    const meaning = JSON.stringify(Object.entries(read).sort(([a], [b]) => a < b ? -1 : 1))
    const known = seen.get(key) ?? meaning
    seen.set(key, known)
    if (known !== meaning) t.equal(meaning, known, query)
  }
  t.ok(seen.size > 200, `${seen.size} different ones`)
  await app.close()
})

t.test('parts cannot be confused', async t => {
  const lists = [[], [''], ['', ''], ['a', 'b'], ['ab'], ['a', '', 'b'], ['a1:b'], ['1:a'], ['a', '1:b'], ['1:a1:b'], ['0:']]
  t.equal(new Set(lists.map((parts) => joinParts(parts))).size, lists.length)
  const part = text(['a', ':', '0', '1', '2'], 5)
  fc.assert(fc.property(fc.array(part, { maxLength: 4 }), fc.array(part, { maxLength: 4 }), (a, b) =>
    (joinParts(a) === joinParts(b)) === (JSON.stringify(a) === JSON.stringify(b))), { numRuns: 5000 })
})

const STRICT: RouterSpelling = { caseSensitive: true, ignoreTrailingSlash: false, ignoreDuplicateSlashes: false }
const LAX: RouterSpelling = { caseSensitive: false, ignoreTrailingSlash: true, ignoreDuplicateSlashes: true }

t.test('spellings of a path', async t => {
  const table: Array<[string, RouterSpelling, string]> = [
    ['/', STRICT, '/'],
    ['/A/', STRICT, '/A/'],
    ['/%61%2Fb', STRICT, '/a/b'],
    ['/%2541', STRICT, '/%41'],
    ['/b%C3%BCcher', STRICT, '/bücher'],
    ['/bücher', STRICT, '/bücher'],
    ['/100%', STRICT, '/100%'],
    ['/100%25', STRICT, '/100%'],
    ['/a?b', STRICT, '/a'],
    ['/a#b', STRICT, '/a'],
    ['/a;b', STRICT, '/a;b'],
    ['/a;b', { ...STRICT, useSemicolonDelimiter: true }, '/a'],
    ['/a%3Bb', { ...STRICT, useSemicolonDelimiter: true }, '/a;b'],
    ['//a//b/', LAX, '/a/b'],
    ['/A//', LAX, '/a'],
    ['/', LAX, '/'],
    ['//', LAX, '/'],
    ['/a//', { ...STRICT, ignoreTrailingSlash: true }, '/a'],
    ['/a//b', { ...STRICT, ignoreTrailingSlash: true }, '/a//b']
  ]
  for (const [path, router, expected] of table) t.equal(canonicalPath(path, router), expected, path)
})

t.test('targets as a purge names them', async t => {
  const SEMICOLON = { ...LAX, useSemicolonDelimiter: true }
  const table: Array<[string, RouterSpelling, [string, string] | undefined]> = [
    ['/a', STRICT, ['/a', '']],
    ['/a?', STRICT, ['/a', '']],
    ['/%61?b=1&a=2', STRICT, ['/a', 'a=2&b=1']],
    ['/a?b=%61+%2b', STRICT, ['/a', 'b=a%20%2B']],
    ['/a#b', STRICT, ['/a', 'b']],
    ['/a;b?c', STRICT, ['/a;b', 'c']],
    ['//A/;b&a', SEMICOLON, ['/a', 'a&b']],
    ['//A/?b&a', SEMICOLON, ['/a', 'a&b']],
    ['*', STRICT, undefined],
    ['http://a/', STRICT, undefined]
  ]
  for (const [target, router, expected] of table) {
    t.same(canonicalTarget(target, router), expected && { path: expected[0], query: expected[1] }, target)
  }
})

const PATTERNS = ['/a', '/a/b', '/p/:x', '/w/*', '/:x-:y']
const SPELLINGS = [
  '/a', '/a/', '//a', '/%61', '/A', '/a;x', '/a#x', '/p/a%2Fb', '/p/a', '/p/%61/', '/p/A', '/w/a/b', '/w/a%2Fb', '/w/a%2f%2Fb', '/w/a//b', '/w/a//', '/w/a%2F'
]

t.test('whatever the router takes for one has one canonical path', async t => {
  const segments = text(['/', 'a', 'A', 'p/', 'w/', 'b', '-', ';', '%61', '%41', '%2F', '%2f', '%25', '%2561', '#', '%zz'], 6)
  for (let bits = 0; bits < 16; bits++) {
    const router = {
      caseSensitive: (bits & 1) === 0,
      ignoreTrailingSlash: (bits & 2) !== 0,
      ignoreDuplicateSlashes: (bits & 4) !== 0,
      useSemicolonDelimiter: (bits & 8) !== 0
    }
    const app = Fastify({ routerOptions: router })
    for (const pattern of PATTERNS) app.get(pattern, async request => [pattern, request.params])
    await app.listen()
    const agent = new http.Agent({ keepAlive: true })
    const seen = new Map<string, string>()
    for (const path of [...SPELLINGS, ...fc.sample(segments, 120).map(sample => `/${sample}`)]) {
      const routed = await read(app.server.address() as AddressInfo, path, agent)
      if (routed === undefined) continue
      const canonical = canonicalPath(path, router)
      const known = seen.get(routed) ?? canonical
      seen.set(routed, known)
      if (known !== canonical) t.equal(canonical, known, `${path} is ${routed} with ${JSON.stringify(router)}`)
    }
    t.ok(seen.size > 8, `${seen.size} different ones with ${JSON.stringify(router)}`)
    agent.destroy()
    await app.close()
  }
})

/** The body of a 200. */
async function read (address: AddressInfo, path: string, agent: http.Agent): Promise<string | undefined> {
  return await new Promise((resolve, reject) => {
    http.get({ host: 'localhost', port: address.port, path, agent }, response => {
      let body = ''
      response.setEncoding('utf8').on('data', chunk => { body += String(chunk) })
      response.on('end', () => { resolve(response.statusCode === 200 ? body : undefined) })
    }).on('error', reject)
  })
}
