import type { AddressInfo } from 'node:net'
import { gunzipSync } from 'node:zlib'
import compress from '@fastify/compress'
import cors from '@fastify/cors'
import etag from '@fastify/etag'
import rateLimit from '@fastify/rate-limit'
import Fastify from 'fastify'
import type { FastifyInstance, FastifyPluginAsync, FastifyReply, FastifyRequest, RouteOptions } from 'fastify'
import fp from 'fastify-plugin'
import t from 'tap'
import type { Test } from 'tap'
import cached from '../../index.ts'
import { request } from '../helpers/client.ts'
import { startOrigin } from '../helpers/origin.ts'
import type { Origin } from '../helpers/origin.ts'

// A hook that could refuse a request never runs after the cache has answered it: here in every place that a hook can
// stand. The cache is warmed by a request that the hook lets pass; a request that it refuses must get the refusal.

const hookNames = ['onRequest', 'preParsing', 'preValidation', 'preHandler'] as const
type HookName = typeof hookNames[number]
type Hook = (...args: any[]) => any

const passes = (request: FastifyRequest): boolean => request.headers['x-pass'] === '1'
const refusal = (): Error => Object.assign(new Error('refused'), { statusCode: 401 })

const styles: Record<string, Hook> = {
  'async, throws': async (request: FastifyRequest) => { if (!passes(request)) throw refusal() },
  'async, sends': async (request: FastifyRequest, reply: FastifyReply) => { if (!passes(request)) return reply.code(401).send('refused') },
  'callback, fails': (request: FastifyRequest, reply: FastifyReply, ...rest: any[]) => { rest.at(-1)(passes(request) ? null : refusal()) },
  'callback, sends': (request: FastifyRequest, reply: FastifyReply, ...rest: any[]) => {
    if (!passes(request)) return reply.code(401).send('refused')
    rest.at(-1)()
  }
}

// Fastify looks at the number of parameters: callback hooks must declare as many as the hook has.
function shaped (name: HookName, style: string): Hook {
  const hook = styles[style] as Hook
  if (style.startsWith('async')) {
    return name === 'preParsing' ? async (request, reply, payload) => hook(request, reply, payload) : async (request, reply) => hook(request, reply)
  }
  return name === 'preParsing'
    ? (request, reply, payload, done) => { hook(request, reply, payload, done) }
    : (request, reply, done) => { hook(request, reply, done) }
}

interface Layout {
  where: string
  build (app: FastifyInstance, name: HookName, hook: Hook, route: (app: FastifyInstance, options?: object) => void): Promise<void>
}

const plugin = cached as unknown as FastifyPluginAsync<object>
const add = (app: FastifyInstance, name: HookName, hook: Hook): unknown => app.addHook(name as 'onRequest', hook)

/** How another plugin's onRoute may add a hook to the routes of others. */
const ways: Record<string, (app: FastifyInstance, options: RouteOptions & Record<string, any>, name: HookName, hook: Hook) => void> = {
  pushes (app, options, name, hook) {
    if (Array.isArray(options[name])) options[name].push(hook)
    else options[name] = options[name] === undefined ? [hook] : [options[name], hook]
  },
  appends (app, options, name, hook) { options[name] = [...[options[name] ?? []].flat(), hook] },
  prepends (app, options, name, hook) { options[name] = [hook, ...[options[name] ?? []].flat()] },
  'appends in after()' (app, options, name, hook) {
    app.after(() => { options[name] = [...[options[name] ?? []].flat(), hook] })
  },
  'appends in after() inside after()' (app, options, name, hook) {
    app.after(() => { app.after(() => { options[name] = [...[options[name] ?? []].flat(), hook] }) })
  }
}

const layouts: Layout[] = [
  { where: 'instance, before the plugin', async build (app, name, hook, route) { add(app, name, hook); await app.register(plugin); route(app) } },
  { where: 'instance, between plugin and route', async build (app, name, hook, route) { await app.register(plugin); add(app, name, hook); route(app) } },
  { where: 'instance, after the route', async build (app, name, hook, route) { await app.register(plugin); route(app); add(app, name, hook) } },
  {
    where: 'instance, by a plugin registered after the route',
    async build (app, name, hook, route) {
      await app.register(plugin)
      route(app)
      await app.register(fp(async (app) => { add(app, name, hook) }))
    }
  },
  {
    where: 'parent of the plugin, before it',
    async build (app, name, hook, route) {
      add(app, name, hook)
      await app.register(async (child) => { await child.register(plugin); route(child) })
    }
  },
  {
    where: 'parent of the plugin, after it',
    async build (app, name, hook, route) {
      await app.register(async (child) => { await child.register(plugin); route(child) })
      add(app, name, hook)
    }
  },
  {
    where: 'parent of the route, before it',
    async build (app, name, hook, route) {
      await app.register(plugin)
      add(app, name, hook)
      await app.register(async (child) => { route(child) })
    }
  },
  {
    where: 'parent of the route, before the plugin',
    async build (app, name, hook, route) {
      add(app, name, hook)
      await app.register(plugin)
      await app.register(async (child) => { route(child) })
    }
  },
  {
    where: 'parent of the route, after it',
    async build (app, name, hook, route) {
      await app.register(plugin)
      await app.register(async (child) => { route(child) })
      add(app, name, hook)
    }
  },
  {
    where: 'child, before the route',
    async build (app, name, hook, route) {
      await app.register(plugin)
      await app.register(async (child) => { add(child, name, hook); route(child) })
    }
  },
  {
    where: 'child, after the route',
    async build (app, name, hook, route) {
      await app.register(plugin)
      await app.register(async (child) => { route(child); add(child, name, hook) })
    }
  },
  { where: 'route, a function', async build (app, name, hook, route) { await app.register(plugin); route(app, { [name]: hook }) } },
  { where: 'route, an array', async build (app, name, hook, route) { await app.register(plugin); route(app, { [name]: [hook] }) } },
  {
    where: 'route, last of two',
    async build (app, name, hook, route) {
      const first = name === 'preParsing' ? async (request: unknown, reply: unknown, payload: unknown) => payload : async () => {}
      await app.register(plugin)
      route(app, { [name]: [first, hook] })
    }
  },
  ...Object.entries(ways).flatMap(([way, attach]): Layout[] => {
    const other = (name: HookName, hook: Hook): FastifyPluginAsync => fp(async (app) => {
      app.addHook('onRoute', function (options) { attach(this as unknown as FastifyInstance, options, name, hook) })
    })
    return [
      { where: `onRoute of a plugin registered before, which ${way}`, async build (app, name, hook, route) { await app.register(other(name, hook)); await app.register(plugin); route(app) } },
      { where: `onRoute of a plugin registered after, which ${way}`, async build (app, name, hook, route) { await app.register(plugin); await app.register(other(name, hook)); route(app) } },
      {
        where: `onRoute of a plugin registered before, which ${way}, route in a child`,
        async build (app, name, hook, route) {
          await app.register(other(name, hook))
          await app.register(plugin)
          await app.register(async (child) => { route(child) })
        }
      },
      {
        where: `onRoute of a plugin registered after, which ${way}, route in a child`,
        async build (app, name, hook, route) {
          await app.register(plugin)
          await app.register(other(name, hook))
          await app.register(async (child) => { route(child) })
        }
      },
      {
        where: `onRoute of the child, which ${way}`,
        async build (app, name, hook, route) {
          await app.register(plugin)
          await app.register(async (child) => { await child.register(other(name, hook)); route(child) })
        }
      }
    ]
  })
]

async function refuses (layout: Layout, name: HookName, style: string): Promise<string[]> {
  const app = Fastify({ forceCloseConnections: true })
  let runs = 0
  await layout.build(app, name, shaped(name, style), (scope, options = {}) => {
    scope.get('/secret', { ...options, config: { cache: { timeout: 60 } } as object }, async () => `secret ${++runs}`)
  })
  try {
    await app.listen({ port: 0, host: '127.0.0.1' })
    const port = (app.server.address() as AddressInfo).port
    const ask = (method: string, headers: Record<string, string>) => request(port, { method, path: '/secret', headers })
    const cold = await ask('GET', {})
    const warm = [await ask('GET', { 'x-pass': '1' }), await ask('GET', { 'x-pass': '1' })]
    const anonymous = [await ask('GET', {}), await ask('HEAD', {}), await ask('GET', { 'if-none-match': '*' })]
    const found: string[] = []
    if (cold.status !== 401) found.push(`cold and anonymous: ${cold.status}`)
    if (warm.some((reply) => reply.status !== 200 || reply.text !== 'secret 1')) found.push(`let pass: ${warm.map((reply) => `${reply.status} ${reply.text}`).join(', ')}`)
    for (const reply of anonymous) if (reply.status !== 401) found.push(`warm and anonymous: ${reply.status} ${reply.text}`)
    return found
  } finally {
    await app.close()
  }
}

let combinations = 0
for (const layout of layouts) {
  await t.test(`a hook that refuses is never gone round: ${layout.where}`, async (t) => {
    for (const name of hookNames) {
      for (const style of Object.keys(styles)) {
        combinations += 1
        t.strictSame(await refuses(layout, name, style), [], `${name}, ${style}`)
      }
    }
  })
}
t.comment(`${combinations} combinations`)

t.test('a schema that refuses is never gone round', async (t) => {
  const schemas: Record<string, { schema: object, cache?: object, good: { path: string, headers?: Record<string, string> }, bad: { path: string, headers?: Record<string, string> } }> = {
    headers: { schema: { headers: { type: 'object', required: ['x-pass'] } }, good: { path: '/s', headers: { 'x-pass': '1' } }, bad: { path: '/s' } },
    'a query outside the key': { schema: { querystring: { type: 'object', required: ['token'] } }, cache: { queryString: false }, good: { path: '/s?token=1' }, bad: { path: '/s' } },
    'a query partly outside the key': { schema: { querystring: { type: 'object', required: ['token'] } }, cache: { queryString: ['page'] }, good: { path: '/s?page=1&token=1' }, bad: { path: '/s?page=1' } },
    'a query under makeCacheKey': { schema: { querystring: { type: 'object', required: ['token'] } }, cache: { makeCacheKey: () => 'one' }, good: { path: '/s?token=1' }, bad: { path: '/s' } }
  }
  for (const [name, { schema, cache, good, bad }] of Object.entries(schemas)) {
    const origin = await startOrigin((app, self) => {
      app.get('/s', { schema, config: { cache: { timeout: 60, ...cache } } as object }, async () => `run ${self.ran()}`)
    })
    t.equal((await origin.request(good)).status, 200)
    t.equal((await origin.request(good)).text, 'run 1', `${name}: served from the store`)
    t.equal((await origin.request(bad)).status, 400, `${name}: refused with a warm cache`)
    await origin.close()
  }
})

// What other plugins do to a reply is done again on every hit, and never twice to one.

const orders = ['before the cache', 'after the cache', 'after the route'] as const

function inEveryOrder (name: string, register: (app: FastifyInstance) => unknown, check: (t: Test, origin: Origin) => Promise<void>): void {
  t.test(name, async (t) => {
    for (const order of orders) {
      await t.test(order, async (t) => {
        const origin = await startOrigin(async (app, self) => {
          if (order === 'after the cache') await register(app)
          app.get('/r', { config: { cache: { timeout: 60 } } as object }, async (request, reply) => {
            reply.type('text/plain')
            return `run ${self.ran()} `.repeat(400)
          })
          if (order === 'after the route') await register(app)
        }, order === 'before the cache' ? { before: register } : {})
        t.teardown(() => origin.close())
        await check(t, origin)
      })
    }
  })
}
const page = (run: number): string => `run ${run} `.repeat(400)

inEveryOrder('a transforming onSend: once on the miss, once on a hit', (app) => {
  app.addHook('onSend', async (request, reply, payload) => `${String(payload)}!`)
}, async (t, origin) => {
  for (let i = 0; i < 3; i++) t.equal((await origin.get('/r')).text, `${page(1)}!`)
})

inEveryOrder('an onSend that answers each client differently', (app) => {
  app.addHook('onSend', async (request, reply, payload) => `${String(request.headers['x-name'])}: ${String(payload)}`)
}, async (t, origin) => {
  for (const name of ['alice', 'bob', 'alice']) t.equal((await origin.get('/r', { 'x-name': name })).text, `${name}: ${page(1)}`)
})

inEveryOrder('an onSend that sets a cookie: not stored', (app) => {
  app.addHook('onSend', async (request, reply, payload) => { reply.header('set-cookie', 'a=1'); return payload })
}, async (t, origin) => {
  t.equal((await origin.get('/r')).text, page(1))
  t.equal((await origin.get('/r')).text, page(2))
})

inEveryOrder('an onSend that sets a cookie on the raw reply: not stored', (app) => {
  app.addHook('onSend', async (request, reply, payload) => { reply.raw.setHeader('Set-Cookie', 'a=1'); return payload })
}, async (t, origin) => {
  t.equal((await origin.get('/r')).text, page(1))
  t.equal((await origin.get('/r')).text, page(2))
})

for (const [field, value] of [['cache-control', 'no-store'], ['cache-control', 'private'], ['vary', '*'], ['vary', 'accept, *']] as const) {
  inEveryOrder(`an onSend that sets ${field}: ${value}: not stored`, (app) => {
    app.addHook('onSend', async (request, reply, payload) => { reply.header(field, value); return payload })
  }, async (t, origin) => {
    t.equal((await origin.get('/r')).text, page(1))
    t.equal((await origin.get('/r')).text, page(2))
  })
}

inEveryOrder('an onSend that fails: the error is not stored, nor what it replaced', (app) => {
  app.addHook('onSend', async (request, reply, payload) => {
    if (request.headers['x-fail'] === '1' && reply.statusCode < 400) throw new Error('scripted')
    return payload
  })
}, async (t, origin) => {
  t.equal((await origin.get('/r', { 'x-fail': '1' })).status, 500)
  t.equal((await origin.get('/r')).text, page(2))
  t.equal((await origin.get('/r')).text, page(2))
})

inEveryOrder('an onSend that turns a 200 into a 403: not stored', (app) => {
  app.addHook('onSend', async (request, reply, payload) => {
    if (request.headers['x-fail'] !== '1') return payload
    reply.code(403)
    return 'no'
  })
}, async (t, origin) => {
  t.equal((await origin.get('/r', { 'x-fail': '1' })).status, 403)
  t.equal((await origin.get('/r')).text, page(2))
  t.equal((await origin.get('/r', { 'x-fail': '1' })).status, 403, 'and on a hit')
})

inEveryOrder('an onSend that turns a cold 200 into a 304: the 200 is stored', (app) => {
  app.addHook('onSend', async (request, reply, payload) => {
    if (request.headers['x-304'] !== '1') return payload
    reply.code(304)
    return ''
  })
}, async (t, origin) => {
  t.equal((await origin.get('/r', { 'x-304': '1' })).status, 304)
  t.equal((await origin.get('/r')).text, page(1))
})

inEveryOrder('@fastify/etag: conditional requests, cold and warm', (app) => app.register(etag), async (t, origin) => {
  const first = await origin.get('/r')
  t.ok(first.headers.etag)
  const tag = String(first.headers.etag)
  t.equal((await origin.get('/r')).headers.etag, tag)
  const conditional = await origin.get('/r', { 'if-none-match': tag })
  t.equal(conditional.status, 304)
  t.equal(conditional.body.length, 0)
  t.equal((await origin.get('/r')).text, page(1))
  t.equal(origin.runs(), 1)
})

inEveryOrder('@fastify/compress: each client what it accepts, compressed once', (app) => app.register(compress, { threshold: 100, encodings: ['gzip'] }), async (t, origin) => {
  for (const encoding of ['gzip', undefined, 'gzip', 'identity']) {
    const reply = await origin.get('/r', encoding === undefined ? {} : { 'accept-encoding': encoding })
    if (encoding === 'gzip' && reply.headers['content-encoding'] === 'gzip') t.equal(gunzipSync(reply.body).toString(), page(1))
    else t.equal(reply.text, page(1))
    if (encoding !== 'gzip') t.equal(reply.headers['content-encoding'], undefined)
  }
  t.equal(origin.runs(), 1)
})

inEveryOrder('@fastify/cors: each origin its own', (app) => app.register(cors, { origin: true, credentials: true }), async (t, origin) => {
  const hooked = (await origin.get('/r', { origin: 'https://a.test' })).headers['access-control-allow-origin']
  t.equal(hooked, 'https://a.test')
  t.equal((await origin.get('/r', { origin: 'https://b.test' })).headers['access-control-allow-origin'], 'https://b.test')
  t.equal((await origin.get('/r', { origin: 'https://a.test' })).headers['access-control-allow-origin'], 'https://a.test')
  t.equal(origin.runs(), 1)
})

t.test('@fastify/rate-limit: the counter is each request\'s own, and hits count', async (t) => {
  for (const order of ['before the cache', 'after the cache'] as const) {
    const register = async (app: FastifyInstance): Promise<void> => { await app.register(rateLimit, { max: 3, timeWindow: 60_000 }) }
    const origin = await startOrigin(async (app, self) => {
      if (order === 'after the cache') await register(app)
      app.get('/r', { config: { cache: { timeout: 60 } } as object }, async () => `run ${self.ran()}`)
    }, order === 'before the cache' ? { before: register } : {})
    for (const left of ['2', '1', '0']) t.equal((await origin.get('/r')).headers['x-ratelimit-remaining'], left, `${order}: ${left} left`)
    t.equal((await origin.get('/r')).status, 429, `${order}: the fourth is refused`)
    t.equal(origin.runs(), 1)
    await origin.close()
  }
})

t.test('headers that hooks set before the lookup stay each request\'s own', async (t) => {
  const origin = await startOrigin((app, self) => {
    app.addHook('onRequest', async (request, reply) => { reply.header('x-request-id', String(request.headers['x-id'])) })
    app.get('/r', { config: { cache: { timeout: 60 } } as object }, async (request, reply) => {
      reply.header('x-made', 'once')
      return `run ${self.ran()}`
    })
  })
  for (const id of ['1', '2', '3']) {
    const reply = await origin.get('/r', { 'x-id': id })
    t.equal(reply.headers['x-request-id'], id)
    t.equal(reply.headers['x-made'], 'once')
    t.equal(reply.text, 'run 1')
  }
  await origin.close()
})

t.test('hook: preHandler still serves', async (t) => {
  const origin = await startOrigin((app, self) => {
    app.get('/r', { config: { cache: { timeout: 60, hook: 'preHandler' } } as object, preHandler: shaped('preHandler', 'async, throws') }, async () => `run ${self.ran()}`)
  })
  t.equal((await origin.get('/r', { 'x-pass': '1' })).text, 'run 1')
  t.equal((await origin.get('/r', { 'x-pass': '1' })).text, 'run 1')
  t.equal((await origin.get('/r')).status, 401)
  await origin.close()
})
