import t from 'tap'
import fc from 'fast-check'
import type { FastifyRequest } from 'fastify'
import { addressAt, addressOf, hasPlainKeys, purgeNames } from '../../lib/http/address.ts'
import type { Engine } from '../../lib/http/engine.ts'
import { KnownAddresses } from '../../lib/http/known-addresses.ts'
import { Origins } from '../../lib/http/origin.ts'
import type { CachedRoute } from '../../lib/http/route.ts'

const router = { caseSensitive: true, ignoreTrailingSlash: false, ignoreDuplicateSlashes: false }
const settings = { methods: new Set(['GET']), queryString: true, vary: [], authorization: 'bypass', cookies: 'ignore', host: true, tags: [], makeCacheKey: undefined, keyPrefix: undefined } as unknown as CachedRoute['settings']
const engine = { prefix: 'p:', router, settings: { hashMethod: 'sha256', credentialHeaders: [] }, known: new KnownAddresses(), versioned: { group: () => '', immediate: true } } as unknown as Engine

function routeOf (more: Partial<CachedRoute> = {}): CachedRoute {
  return { engine, settings, id: '/x', lateTags: false, tagNames: ['ta'], plain: true, origins: new Origins(), ...more } as CachedRoute
}

function requestOf (target: string, host = 'example.org', more: object = {}): FastifyRequest {
  return { method: 'GET', protocol: 'http', host, originalUrl: target, url: target, headers: {}, query: {}, ...more } as unknown as FastifyRequest
}

const piece = fc.constantFrom('a', 'B', '/', '//', '?', '&', '=', '.', '-', '~', '1', '%41', '%2f', '+', ';', '#', 'é', 'b=2', 'a=1')
const targets = fc.array(piece, { maxLength: 12 }).map((pieces) => '/' + pieces.join(''))

for (const immediate of [true, false]) {
  t.test(`the short way to an address ends where the long one does, ${immediate ? 'in memory' : 'on a backend'}`, async (t) => {
    const route = routeOf({ engine: { ...engine, versioned: { group: () => immediate ? '' : 'g7', immediate }, known: new KnownAddresses() } as unknown as Engine })
    t.equal(hasPlainKeys(settings, router), true)
    fc.assert(fc.property(targets, fc.constantFrom('example.org', 'EXAMPLE.org:80', 'other:8080'), (target, host) => {
      const request = requestOf(target, host)
      const origin = route.origins.of(route, request)
      const place = { scheme: origin.scheme, host: origin.host, target, rewritten: target }
      t.same(addressAt(route, request, origin, undefined), addressOf(route, request, 'GET', place, undefined))
    }), { numRuns: 2000 })
  })
}

t.test('a purge of a target names what an entry of it depends on', async (t) => {
  const route = routeOf()
  fc.assert(fc.property(targets, (target) => {
    const request = requestOf(target)
    const { names } = addressAt(route, request, route.origins.of(route, request), undefined)!
    t.ok(purgeNames(['http'], 'example.org', [target], router).includes(names[1]!), target)
  }), { numRuns: 500 })
})

t.test('an origin is its own, however the hosts take turns', async (t) => {
  const origins = new Origins()
  const route = routeOf()
  const key = (host: string, protocol: string, method: string): string => {
    const { keyStart, nameStart } = origins.of(route, requestOf('/', host, { protocol, method }))
    return keyStart + nameStart
  }
  const all = [['a', 'http', 'GET'], ['b', 'http', 'GET'], ['a', 'https', 'GET'], ['a', 'http', 'QUERY']] as const
  const first = all.map(([host, protocol, method]) => key(host, protocol, method))
  t.equal(new Set(first).size, all.length)
  for (let host = 0; host < 100; host++) key(`h${host}`, 'http', 'GET')
  t.same([...all].reverse().map(([host, protocol, method]) => key(host, protocol, method)), first.reverse())
  t.equal(key('a', 'http', 'HEAD'), key('a', 'http', 'GET'))
})

t.test('an address that was remembered serves its own origin only', async (t) => {
  const known = new KnownAddresses()
  const route = routeOf()
  const [one, other] = ['a', 'b'].map((host) => route.origins.of(route, requestOf('/x', host))) as [ReturnType<Origins['of']>, ReturnType<Origins['of']>]
  const address = { key: 'k', names: [], known: true }
  known.note(one, '/x', address)
  t.equal(known.get(one, '/x'), address)
  t.equal(known.get(other, '/x'), undefined)
  t.equal(known.get(one, '/y'), undefined)
  for (let n = 0; n < 5000; n++) known.note(one, `/${n}`, address)
  t.equal(known.get(one, '/x'), undefined, 'bounded')
})
