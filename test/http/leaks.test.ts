import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import https from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import cookiePlugin from '@fastify/cookie'
import helmet from '@fastify/helmet'
import session from '@fastify/session'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import t from 'tap'
import { rawRequest, requestText } from '../helpers/client.ts'
import { eventually, startOrigin } from '../helpers/origin.ts'
import type { Origin, OriginOptions } from '../helpers/origin.ts'

// Alice's reply or cookie never reaches bob or an anonymous client.

type Cache = Record<string, unknown>
const route = (cache: Cache = {}): object => ({ config: { cache: { timeout: 60, ...cache } } })
const credentials = [
  'authorization', 'proxy-authorization', 'x-api-key', 'x-auth-token', 'x-forwarded-user', 'x-remote-user', 'cf-access-jwt-assertion', 'x-amzn-oidc-data', 'x-goog-iap-jwt-assertion'
]

async function serve (t: { teardown: (f: () => unknown) => void }, build: (app: FastifyInstance, origin: Origin) => unknown, options: OriginOptions = {}): Promise<Origin> {
  const origin = await startOrigin(build, options)
  t.teardown(() => origin.close())
  return origin
}

for (const name of [...credentials, 'cookie']) {
  t.test(`what ${name} named stays with whom it named`, async (t) => {
    const greet = async (request: FastifyRequest): Promise<string> => `hello ${String(request.headers[name] ?? 'stranger')}`
    const origin = await serve(t, (app) => {
      app.get('/first', route(), greet)
      app.get('/second', route(), greet)
      app.get('/apart', route({ authorization: 'vary', cookies: 'vary' }), greet)
      app.get('/headers', route({ timeout: 'headers' }), async (request, reply) => {
        reply.header('cache-control', 'public, max-age=60')
        return greet(request)
      })
      app.get('/shared', route({ authorization: 'ignore', cookies: 'ignore' }), greet)
    })
    const sequences: Record<string, Array<string | undefined>> = { '/first': ['u=alice', undefined, 'u=bob', undefined, 'u=alice'], '/second': [undefined, 'u=alice', undefined, 'u=bob'] }
    for (const path of ['/first', '/second', '/apart', '/headers']) {
      for (const who of sequences[path] ?? sequences['/first'] ?? []) {
        const reply = await origin.get(path, who === undefined ? {} : { [name]: who })
        t.equal(reply.text, `hello ${who ?? 'stranger'}`, `${path} for ${who ?? 'a stranger'}`)
      }
    }
    t.equal((await origin.get('/shared', { [name]: 'u=alice' })).text, 'hello stranger', 'what is shared is made without it')
    t.equal((await origin.get('/shared')).text, 'hello stranger')
  })
}

t.test('at once: alice, bob and strangers on a cold key', async (t) => {
  const origin = await serve(t, (app) => {
    app.get('/r', route(), async (request) => {
      await new Promise((resolve) => setTimeout(resolve, 30))
      return `hello ${request.headers.authorization ?? 'stranger'}`
    })
  })
  const people = Array.from({ length: 30 }, (_, i) => [undefined, 'alice', 'bob'][i % 3])
  const replies = await Promise.all(people.map((who) => origin.get('/r', who === undefined ? {} : { authorization: who })))
  t.strictSame(replies.map((reply) => reply.text), people.map((who) => `hello ${who ?? 'stranger'}`))
})

t.test('at once: a cookie that the handler sets goes to one client', async (t) => {
  const ways: Record<string, (reply: any, n: number) => unknown> = {
    header: (reply, n) => reply.header('set-cookie', `sid=${n}`),
    'several-lines': (reply, n) => reply.header('set-cookie', [`sid=${n}`, 'x=1']),
    raw: (reply, n) => reply.raw.setHeader('set-cookie', `sid=${n}`),
    'other-case': (reply, n) => reply.header('Set-COOKIE', `sid=${n}`),
    plugin: (reply, n) => reply.setCookie('sid', String(n))
  }
  const origin = await serve(t, async (app, self) => {
    await app.register(cookiePlugin)
    for (const [name, set] of Object.entries(ways)) {
      app.get(`/${name}`, route(), async (request, reply) => {
        await new Promise((resolve) => setTimeout(resolve, 20))
        const n = self.ran(name)
        set(reply, n)
        return `run ${n}`
      })
    }
  })
  for (const name of Object.keys(ways)) {
    const path = `/${name}`
    const first = await Promise.all(Array.from({ length: 10 }, () => origin.get(path)))
    const all = [...first, await origin.get(path), await origin.get(path)]
    const seen = all.map((reply) => [reply.headers['set-cookie'] ?? []].flat()[0]?.match(/^sid=\d+/)?.[0])
    t.equal(new Set(seen).size, 12, `${name}: ${seen.join(' ')}`)
    t.equal(new Set(all.map((reply) => reply.text)).size, 12, `${name}: bodies too`)
  }
})

t.test('@fastify/session: nobody gets another\'s session', async (t) => {
  for (const saveUninitialized of [true, false]) {
    await t.test(`saveUninitialized: ${saveUninitialized}`, async (t) => {
      const origin = await serve(t, async (app) => {
        await app.register(cookiePlugin)
        await app.register(session, { secret: 'a secret of thirty-two characters', cookie: { secure: false }, saveUninitialized })
        app.get('/login', async (request) => {
          (request.session as unknown as Record<string, unknown>).user = 'alice'
          return 'welcome'
        })
        app.get('/home', route(), async (request) => `hello ${String((request.session as unknown as Record<string, unknown>).user ?? 'stranger')}`)
      })
      const login = await origin.get('/login')
      const cookie = String([login.headers['set-cookie']].flat()[0]).split(';')[0] ?? ''
      t.equal((await origin.get('/home', { cookie })).text, 'hello alice')
      const strangers = [await origin.get('/home'), await origin.get('/home')]
      for (const stranger of strangers) t.equal(stranger.text, 'hello stranger')
      t.equal((await origin.get('/home', { cookie })).text, 'hello alice')
      const cookies = strangers.map((reply) => String(reply.headers['set-cookie']))
      if (saveUninitialized) t.not(cookies[0], cookies[1], 'a session each')
      else t.strictSame(cookies, ['undefined', 'undefined'])
    })
  }
})

t.test('a TLS client certificate always goes round', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'leaks-tls-'))
  t.teardown(() => { rmSync(dir, { recursive: true, force: true }) })
  const openssl = (...args: string[]): void => { execFileSync('openssl', args, { cwd: dir, stdio: 'ignore' }) }
  for (const name of ['server', 'alice']) {
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', `${name}.key`, '-out', `${name}.crt`, '-days', '30', '-subj', `/CN=${name}`)
  }
  const read = (name: string): Buffer => readFileSync(join(dir, name))
  const tls = { key: read('server.key'), cert: read('server.crt'), ca: [read('alice.crt')], requestCert: true, rejectUnauthorized: false }
  for (const cache of [{}, { authorization: 'ignore' }, { authorization: 'vary' }, { timeout: 'headers' }]) {
    const origin = await serve(t, (app, self) => {
      app.get('/r', route(cache), async (request, reply) => {
        const peer = (request.raw.socket as import('node:tls').TLSSocket).getPeerCertificate()
        reply.header('cache-control', 'public, max-age=60')
        return `hello ${String(peer.subject?.CN ?? 'stranger')} ${self.ran()}`
      })
    }, { fastify: { https: tls } as object })
    const ask = (who?: string): Promise<string> => new Promise((resolve, reject) => {
      https.get({ host: '127.0.0.1', port: origin.port, path: '/r', rejectUnauthorized: false, agent: false, ...(who && { key: read(`${who}.key`), cert: read(`${who}.crt`) }) }, (reply) => {
        let text = ''
        reply.on('data', (chunk) => { text += chunk })
        reply.on('end', () => resolve(text))
      }).on('error', reject)
    })
    const name = JSON.stringify(cache)
    t.equal(await ask('alice'), 'hello alice 1', name)
    t.equal(await ask(), 'hello stranger 2', name)
    t.equal(await ask(), 'hello stranger 2', name)
    t.equal(await ask('alice'), 'hello alice 3', name)
    t.equal(await ask(), 'hello stranger 2', name)
  }
})

t.test('isolation: what is outside the key cannot be read by the handler', async (t) => {
  const all = (request: FastifyRequest): string => JSON.stringify([request.query, request.url, request.originalUrl, request.headers, (request as unknown as { cookies: unknown }).cookies])
  const origin = await serve(t, async (app) => {
    await app.register(cookiePlugin)
    app.get('/no-query', route({ queryString: false }), async (request) => all(request))
    app.get('/some-query', route({ queryString: ['page'] }), async (request) => all(request))
    app.get('/no-cookies', route({ cookies: 'ignore' }), async (request) => all(request))
    app.get('/some-cookies', route({ cookies: ['lang'] }), async (request) => all(request))
    app.get('/no-authorization', route({ authorization: 'ignore' }), async (request) => all(request))
    app.get('/off', route({ queryString: false, cookies: 'ignore', isolate: false }), async (request) => all(request))
    app.get('/strict', route({ isolate: 'strict', vary: ['x-tenant'] }), async (request) => JSON.stringify([request.headers, request.ip, (request as unknown as { ips: unknown }).ips]))
    app.get('/unless', route({ queryString: false, unless: () => true }), async (request) => all(request))
    app.get('/hooks', {
      ...route({ queryString: false }),
      preHandler: async (request, reply) => { reply.header('x-seen', String((request.query as Record<string, string>).evil)) }
    }, async (request) => all(request))
  })
  for (const path of ['/no-query', '/some-query']) {
    const reply = await origin.get(`${path}?evil=evil&page=1`)
    t.equal(reply.status, 200)
    t.notMatch(reply.text, 'evil=', path)
    t.notMatch(reply.text, '"evil"', path)
  }
  t.match((await origin.get('/some-query?page=7&evil=1')).text, '"page":"7"', 'what is in the key can')
  t.notMatch((await origin.get('/no-cookies', { cookie: 'sid=evil' })).text, 'evil')
  const some = (await origin.get('/some-cookies', { cookie: 'sid=evil; lang=en' })).text
  t.notMatch(some, 'evil')
  t.match(some, '"lang":"en"')
  t.notMatch((await origin.get('/no-authorization', { authorization: 'evil' })).text, 'evil')
  t.notMatch((await origin.get('/no-authorization?2', { 'x-api-key': 'evil' })).text, 'evil', 'every credential counts')
  t.match((await origin.get('/off?evil=evil', { cookie: 'sid=evil' })).text, 'evil', 'isolate: false sees all')
  const strict = (await origin.get('/strict', { host: 'a.test', 'x-tenant': 'acme', 'x-evil': 'evil', 'user-agent': 'evil' })).text
  t.notMatch(strict, 'evil', 'strict: no header outside the key')
  t.notMatch(strict, '127.0.0.1', 'strict: nor the address')
  t.match(strict, 'acme', 'strict: those in the key')
  t.match((await origin.get('/unless?evil=evil')).text, 'evil', 'a request that goes round sees all')
  const hooked = await origin.get('/hooks?evil=evil')
  t.equal(hooked.headers['x-seen'], 'evil', 'hooks see all')
  t.notMatch(hooked.text, '"evil"')
})

t.test('no input that is ignored poisons an entry', async (t) => {
  const origin = await serve(t, (app) => {
    app.get('/q', route({ queryString: false }), async (request) => `<p>${String((request.query as Record<string, string>).lang)}`)
    app.get('/l', route({ queryString: ['page'] }), async (request) => `<p>${String((request.query as Record<string, string>).lang)} ${request.url}`)
    app.get('/s', route({ isolate: 'strict' }), async (request) => `<p>${String(request.headers['x-forwarded-host'])} ${String(request.headers['x-original-url'])}`)
  })
  await origin.get('/q?lang=<script>')
  t.notMatch((await origin.get('/q')).text, 'script')
  await origin.get('/l?page=1&lang=%3Cscript%3E')
  t.notMatch((await origin.get('/l?page=1')).text, 'script')
  await origin.get('/s', { 'x-forwarded-host': 'script', 'x-original-url': 'script' })
  t.notMatch((await origin.get('/s')).text, 'script')
})

t.test('a refresh behind a stale reply does not speak in the name of who set it off', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.get('/r', route({ timeout: 0.05, staleWhileRevalidate: 60, cookies: 'ignore', authorization: 'ignore', queryString: false }), async (request) =>
      `run ${self.ran()} ${String(request.headers.cookie)} ${String(request.headers.authorization)} ${String(request.headers['x-secret'])} ${JSON.stringify(request.query)}`)
  })
  t.match((await origin.get('/r')).text, /^run 1 undefined undefined/)
  await eventually(async () => {
    await origin.get('/r?who=alice', { cookie: 'sid=alice', authorization: 'alice', 'x-secret': 'alice' })
    return origin.runs() >= 2
  })
  let reply = await origin.get('/r')
  await eventually(async () => {
    reply = await origin.get('/r')
    return !reply.text.startsWith('run 1')
  })
  t.notMatch(reply.text, /^run 1/, 'refreshed')
  t.notMatch(reply.text, 'alice')
})

t.test('hostile hosts: no reply for one is given to another', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.get('/r', route(), async (request) => `${self.ran()} for <${String(request.headers.host)}>`)
    app.get('/pinned', route({ host: ['a.test'] }), async (request) => `${self.ran()} for <${String(request.headers.host)}>`)
  })
  const hosts = [
    'a.test', 'b.test', 'a.test/../b.test', 'a.test#b.test', 'a.test?b', 'user@a.test', 'a.test, b.test', 'a.test:abc', 'a.test:8080', 'a.test:', 'a.test:080', 'a.test:65616',
    'a.test\\b.test', 'a%2etest', '__proto__', 'constructor', '[::1]', '[::1', `${'x'.repeat(300)}.test`, 'a.test..', '.a.test', 'a.tes', 'a.testt', 'xn--a.test', '\u00e4.test'
  ]
  for (let round = 0; round < 2; round++) {
    for (const host of hosts) {
      const reply = await origin.raw(Buffer.from(requestText('GET /r HTTP/1.1', `Host: ${host}`), 'latin1'))
      if (reply.status === 400) continue
      t.equal(reply.status, 200, `${host}: answered`)
      const got = /<(.*)>/.exec(reply.body.toString())?.[1]
      // One host by the URI's own rules: its default port and a final dot.
      const same = (name?: string): string => Buffer.from(String(name), 'utf8').toString('utf8').toLowerCase().replace(/:(80)?$/, '').replace(/\.$/, '')
      t.equal(same(got), same(host), `${host} in round ${round + 1}`)
    }
  }
  const before = origin.runs()
  for (const host of ['evil.test', 'a.test.evil.test', 'evil.test#a.test']) {
    await origin.raw(requestText('GET /pinned HTTP/1.1', `Host: ${host}`))
    await origin.raw(requestText('GET /pinned HTTP/1.1', `Host: ${host}`))
  }
  t.equal(origin.runs(), before + 6, 'a host outside the list always runs')
})

t.test('two Host lines: refused, or the first one counts', async (t) => {
  const origin = await serve(t, (app) => { app.get('/r', route(), async (request) => `for ${String(request.headers.host)}`) })
  const twice = await origin.raw(requestText('GET /r HTTP/1.1', 'Host: a.test', 'Host: evil.test'))
  if (twice.status === 200) t.equal(twice.text, 'for a.test')
  t.equal((await origin.raw(requestText('GET /r HTTP/1.1', 'Host: evil.test'))).text, 'for evil.test')
  t.equal((await origin.raw(requestText('GET /r HTTP/1.1', 'Host: a.test'))).text, 'for a.test')
})

t.test('nothing in a URL or header becomes a header of the reply', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.get('/*', route({ vary: ['x-tenant'], keyPrefix: (request: FastifyRequest) => `p${String(request.headers['x-p'])}` }), async () => `run ${self.ran()}`)
  })
  for (const path of ['/a%0d%0aSet-Cookie:%20evil=1', '/a?x=%0d%0aSet-Cookie:%20evil=1', '/a?__proto__=1&constructor=2&__proto__[x]=3', '/__proto__', '/a?%00', '/%e0%80%80', '/a?=', '/a?&&&=', `/a?${'x=1&'.repeat(500)}`]) {
    for (const round of [1, 2]) {
      const reply = await origin.raw(requestText(`GET ${path} HTTP/1.1`, 'Host: a.test', 'X-Tenant: a\tb', 'X-P: */[x]\\'))
      t.ok([200, 400].includes(reply.status), `${path.slice(0, 40)}: ${reply.status} in round ${round}`)
      t.equal(reply.headers['set-cookie'], undefined)
      t.notMatch(JSON.stringify(reply.rawHeaders), 'evil')
    }
  }
  t.equal(({} as Record<string, unknown>).x, undefined, 'no prototype was touched')
})

t.test('a request that overrides its method neither reads nor fills', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.addHook('onRequest', async (request, reply) => { if (request.headers['x-http-method-override'] === 'DELETE') reply.code(405) })
    app.get('/r', route(), async (request) => `run ${self.ran()} ${String(request.headers['x-http-method-override'] ?? request.headers['x-method-override'] ?? request.headers['x-http-method'])}`)
  })
  for (const name of ['x-http-method-override', 'x-method-override', 'x-http-method']) {
    await origin.get('/r', { [name]: 'POST' })
    t.match((await origin.get('/r')).text, / undefined$/, name)
    t.match((await origin.get('/r', { [name]: 'PUT' })).text, / PUT$/, name)
  }
})

t.test('a key of one\'s own that fails for some shares nothing with them', async (t) => {
  const key = (request: FastifyRequest): string => {
    const user = request.headers['x-user']
    if (user === 'broken') throw new Error('no such user')
    return user as string
  }
  const origin = await serve(t, (app) => {
    const echo = async (request: FastifyRequest): Promise<string> => `hello ${String(request.headers['x-user'] ?? request.headers['x-name'])}`
    app.get('/key', route({ makeCacheKey: key }), echo)
    app.get('/prefix', route({ keyPrefix: key }), echo)
    app.get('/late', route({ makeCacheKey: async (request: FastifyRequest) => key(request) }), echo)
  })
  for (const path of ['/key', '/prefix', '/late']) {
    for (const user of ['alice', 'bob', 'broken', 'alice', 'bob']) t.equal((await origin.get(path, { 'x-user': user })).text, `hello ${user}`, `${path} ${user}`)
    for (const name of ['one', 'two', 'one']) t.equal((await origin.get(path, { 'x-name': name })).text, `hello ${name}`, `${path} without a user: ${name}`)
  }
})

t.test('an error with somebody\'s details is not kept', async (t) => {
  const origin = await serve(t, (app, self) => {
    app.setErrorHandler(async (error: Error, request, reply) => {
      reply.code(200)
      return `sorry ${String(request.headers['x-name'])}: ${error.message}`
    })
    app.get('/r', route(), async () => { throw new Error(`run ${self.ran()}`) })
  })
  t.equal((await origin.get('/r', { 'x-name': 'alice' })).text, 'sorry alice: run 1')
  t.equal((await origin.get('/r', { 'x-name': 'bob' })).text, 'sorry bob: run 2')
})

t.test('a page with a nonce in it is not kept', async (t) => {
  const origin = await serve(t, async (app, self) => {
    await app.register(helmet, { enableCSPNonces: true })
    app.get('/nonce', route(), async (request, reply) => `<script nonce="${reply.cspNonce.script}">${self.ran()}</script>`)
    app.get('/plain', route(), async () => `<p>${self.ran('plain')}`)
  })
  const [first, second] = [await origin.get('/nonce'), await origin.get('/nonce')]
  t.not(first.text, second.text)
  for (const reply of [first, second]) {
    const nonce = /nonce="([^"]+)"/.exec(reply.text)?.[1] ?? 'none'
    t.ok(String(reply.headers['content-security-policy']).includes(nonce), 'the page\'s nonce is its header\'s')
  }
  t.equal((await origin.get('/plain')).text, '<p>1')
  t.equal((await origin.get('/plain')).text, '<p>1', 'a page without it is')
})

t.test('values and replies never meet', async (t) => {
  const { subscribe, unsubscribe } = await import('node:diagnostics_channel')
  const seen: string[] = []
  const note = (message: unknown): void => { seen.push((message as { key: string }).key) }
  subscribe('fastify-cached:store', note)
  t.teardown(() => { unsubscribe('fastify-cached:store', note) })
  const origin = await serve(t, (app, self) => { app.get('/r', route(), async () => `run ${self.ran()}`) })
  const cache = (origin.app as unknown as { cache: { get: (key: string) => Promise<unknown>, set: (key: string, value: unknown) => Promise<boolean>, delete: (key: string) => Promise<boolean> } }).cache
  await origin.get('/r')
  t.ok(await eventually(() => seen.length > 0), 'the event says a key')
  for (const key of [...seen, '/r', 'GET /r', `GET:127.0.0.1:${origin.port}/r`]) {
    t.equal(await cache.get(key), undefined, 'no reply is read as a value')
    await cache.set(key, { status: 200, headers: [], body: 'forged' })
    t.equal((await origin.get('/r')).text, 'run 1', 'no value is served as a reply')
    await cache.delete(key)
    t.equal((await origin.get('/r')).text, 'run 1', 'nor does its removal reach one')
  }
})

t.test('a target in absolute form does not fill another host\'s entry', async (t) => {
  const origin = await serve(t, (app) => { app.get('/r', route(), async (request) => `for ${String(request.headers.host)} ${request.url}`) })
  await rawRequest(origin.port, requestText('GET http://evil.test/r HTTP/1.1', 'Host: a.test'))
  t.equal((await origin.raw(requestText('GET /r HTTP/1.1', 'Host: a.test'))).text, 'for a.test /r')
  await rawRequest(origin.port, requestText('GET http://a.test/r HTTP/1.1', 'Host: evil.test'))
  t.equal((await origin.raw(requestText('GET /r HTTP/1.1', 'Host: evil.test'))).text, 'for evil.test /r')
})
