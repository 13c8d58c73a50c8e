import { setTimeout as sleep } from 'node:timers/promises'
import t from 'tap'
import type { ClientReply } from '../helpers/client.ts'
import { clock } from '../helpers/clock.ts'
import { openFlights, testRuns, waiting } from '../helpers/flights.ts'
import { gate } from '../helpers/functions.ts'
import { eventually } from '../helpers/origin.ts'

// Entries past their lifetime: who may see them, and what renews them.

const status = (reply: ClientReply): string => String(reply.headers['cache-status'])
const route = (cache: Record<string, unknown>): object => ({ config: { cache: { timeout: 10, ...cache } } })

t.beforeEach(() => clock.stop())
t.afterEach(() => clock.start())

testRuns('staleWhileRevalidate: stale at once, one run behind', async (t, serve) => {
  let door = gate<void>()
  door.open()
  const origin = await serve((app, self) => {
    app.get('/r', route({ staleWhileRevalidate: 20 }), async () => {
      const n = self.ran()
      await door.promise
      return `run ${n}`
    })
  })
  await origin.get('/r')
  clock.advance(13)
  door = gate<void>()
  const stale = await Promise.all(Array.from({ length: 20 }, () => origin.get('/r')))
  for (const reply of stale) {
    t.equal(reply.text, 'run 1')
    t.equal(status(reply), 'fastify-cached; hit; ttl=-3')
    t.equal(reply.headers.age, '13')
  }
  t.ok(await eventually(() => origin.runs() === 2))
  door.open()
  t.ok(await eventually(() => openFlights() === 0))
  t.equal((await origin.get('/r')).text, 'run 2')
  t.equal(origin.runs(), 2, 'one run for all')
  const { stale: served, refreshes, misses, hits } = origin.app.cache.stats()
  t.match({ served, refreshes, misses, hits }, { served: 20, refreshes: 1, misses: 1, hits: 1 })
  clock.advance(30)
  t.match(status(await origin.get('/r')), /fwd=stale|fwd=uri-miss/, 'past the window the client waits')
})

testRuns('windows that the reply opens or closes', async (t, serve) => {
  const controls: Record<string, string> = {
    opens: 'max-age=10, stale-while-revalidate=20',
    closes: 'max-age=10, must-revalidate',
    proxy: 'max-age=10, proxy-revalidate',
    shared: 's-maxage=10'
  }
  let sick = false
  const origin = await serve((app, self) => {
    for (const [name, control] of Object.entries(controls)) {
      app.get(`/${name}`, route(name === 'opens' ? {} : { staleWhileRevalidate: 5, staleIfError: 100 }), async (_request, reply) => {
        self.ran(name)
        if (sick) throw new Error('sick')
        reply.header('cache-control', control)
        return 'fine'
      })
    }
  })
  for (const name of Object.keys(controls)) await origin.get(`/${name}`)
  sick = true
  clock.advance(12)
  t.match(status(await origin.get('/opens')), /hit; ttl=-2/)
  t.equal((await origin.get('/closes')).status, 500)
  t.equal((await origin.get('/proxy')).status, 500)
  t.match(status(await origin.get('/shared')), /hit; ttl=-2/, 's-maxage alone forbids nothing')
})

for (const place of ['throw', '5xx', 'handlerTimeout', 'covered', 'stream error'] as const) {
  testRuns(`staleIfError: ${place}`, async (t, serve) => {
    let sick = false
    const origin = await serve((app, self) => {
      app.setErrorHandler((error: Error, _request, reply) => {
        if (error.message === 'covered') return reply.code(200).send('sorry')
        return reply.code((error as { statusCode?: number }).statusCode ?? 500).send('error page')
      })
      const options = place === 'handlerTimeout' ? { handlerTimeout: 60 } : {}
      app.get('/r', { ...options, ...route({ staleIfError: 30 }) }, async (_request, reply) => {
        const n = self.ran()
        reply.header('x-run', String(n))
        if (!sick) return reply.code(203).send(`run ${n}`)
        reply.header('x-sick', 'yes')
        if (place === 'handlerTimeout') return await new Promise(() => {})
        if (place === 'covered') throw new Error('covered')
        if (place === '5xx') return reply.code(503).send('busy')
        throw new Error('boom')
      })
    })
    await origin.get('/r')
    t.match(status(await origin.get('/r')), /hit/)
    clock.advance(15)
    sick = true
    const [one, two] = await Promise.all([origin.get('/r'), origin.get('/r')])
    for (const reply of [one!, two!]) {
      t.equal(reply.status, 203)
      t.equal(reply.text, 'run 1')
      t.equal(reply.headers['x-run'], '1')
      t.equal(reply.headers['x-sick'], undefined)
      t.equal(status(reply), 'fastify-cached; hit; ttl=-5')
      t.equal(reply.headers.age, '15')
    }
    sick = false
    t.equal((await origin.get('/r')).headers['x-run'], String(origin.runs()), 'the next good reply goes out')
    t.match(status(await origin.get('/r')), /hit; ttl=10/)
    clock.advance(41)
    sick = true
    t.not((await origin.get('/r')).status, 203, 'past the window the failure goes out')
  })
}

testRuns('staleIfError: any other answer replaces or removes', async (t, serve) => {
  let answer = 200
  const origin = await serve((app, self) => {
    app.get('/r', route({ staleIfError: 3_600, statuses: { 410: 60 } }), async (_request, reply) => {
      self.ran()
      if (answer === 1) throw Object.assign(new Error('no'), { statusCode: 404 })
      return reply.code(answer).send(`answer ${answer}`)
    })
  })
  for (const code of [401, 403, 404, 410, 1, 302]) {
    answer = 200
    await origin.app.cache.clear()
    t.equal((await origin.get('/r')).status, 200)
    clock.advance(20)
    answer = code
    t.equal((await origin.get('/r')).status, code === 1 ? 404 : code)
    answer = 500
    const after = await origin.get('/r')
    t.equal(after.status, code === 410 ? 410 : code === 1 ? 200 : 500, `after ${code}`)
  }
})

testRuns('staleIfError: only where it was asked for, and not for no-cache', async (t, serve) => {
  let sick = false
  const origin = await serve((app) => {
    const handler = async (): Promise<string> => {
      if (sick) throw new Error('sick')
      return 'fine'
    }
    app.get('/forced', route({ forcedUpdate: () => sick }), handler)
    app.get('/forced-window', route({ forcedUpdate: () => sick, staleIfError: 10 }), handler)
    app.get('/stale', route({ isStale: () => sick }), handler)
    app.get('/stale-window', route({ isStale: () => sick, staleIfError: 10, staleWhileRevalidate: 10 }), handler)
    app.get('/directives', route({ requestDirectives: true, staleIfError: 10 }), handler)
    app.get('/soft', route({ requestDirectives: true, staleIfError: 10, softTimeout: 5 }), handler)
  })
  const paths = ['/forced', '/forced-window', '/stale', '/stale-window', '/directives', '/soft']
  for (const path of paths) await origin.get(path)
  sick = true
  t.equal((await origin.get('/forced')).status, 500)
  t.equal((await origin.get('/forced-window')).status, 200)
  t.equal((await origin.get('/stale')).status, 500)
  t.equal((await origin.get('/stale-window')).status, 200)
  t.equal((await origin.get('/directives', { 'cache-control': 'no-cache' })).status, 500)
  clock.advance(12)
  t.equal((await origin.get('/directives', { 'cache-control': 'no-cache' })).status, 500)
  t.equal((await origin.get('/soft', { 'cache-control': 'no-cache' })).status, 500)
  t.equal((await origin.get('/directives')).status, 200)
  t.equal((await origin.get('/soft')).status, 200)
})

testRuns('what is purged during the run stands in for nothing', async (t, serve) => {
  let door: ReturnType<typeof gate<void>> | undefined
  const origin = await serve((app, self) => {
    app.get('/r', route({ staleIfError: 100, tags: () => ['late'] }), async () => {
      self.ran()
      if (door === undefined) return 'fine'
      await door.promise
      throw new Error('sick')
    })
  })
  const { cache } = origin.app
  const purges: Array<() => Promise<unknown>> = [
    () => cache.deleteCached('/r', { host: `127.0.0.1:${origin.port}` }), () => cache.invalidateTags('late'), () => cache.clear()
  ]
  for (const purge of purges) {
    door = undefined
    await origin.get('/r')
    clock.advance(15)
    door = gate<void>()
    const before = origin.runs()
    const reply = origin.get('/r')
    t.ok(await eventually(() => origin.runs() === before + 1))
    await purge()
    door.open()
    t.equal((await reply).status, 500)
  }
  door = undefined
  await origin.get('/r')
  door = gate<void>()
  await cache.expireTags('late')
  const reply = origin.get('/r')
  door.open()
  t.equal((await reply).status, 200, 'made stale, it still stands in')
})

testRuns('eagerRefresh: a hot entry never expires', async (t, serve) => {
  const origin = await serve((app, self) => { app.get('/r', route({ eagerRefresh: 0.8 }), async () => `run ${self.ran()}`) })
  await origin.get('/r')
  clock.advance(7)
  await origin.get('/r')
  t.equal(openFlights(), 0)
  clock.advance(2)
  t.equal(status(await origin.get('/r')), 'fastify-cached; hit; ttl=1')
  t.ok(await eventually(() => origin.runs() === 2 && openFlights() === 0))
  t.equal((await origin.get('/r')).text, 'run 2')
  t.match(status(await origin.get('/r')), /ttl=10/)
  t.equal(origin.app.cache.stats().refreshes, 1)
})

testRuns('softTimeout: waits so long, then stale; the run goes on and fills', async (t, serve) => {
  let door: ReturnType<typeof gate<void>> | undefined
  let sick = false
  const origin = await serve((app, self) => {
    app.get('/r', route({ staleIfError: 1_000, softTimeout: 0.05 }), async () => {
      const n = self.ran()
      await door?.promise
      if (sick) throw new Error('sick')
      return `run ${n}`
    })
  })
  await origin.get('/r')
  clock.advance(12)
  t.equal((await origin.get('/r')).text, 'run 2', 'a quick handler is waited for')
  clock.advance(12)
  door = gate<void>()
  const slow = await Promise.all([origin.get('/r'), origin.get('/r')])
  for (const reply of slow) t.match([reply.text, status(reply)], ['run 2', /hit; ttl=-2/])
  t.equal(origin.runs(), 3)
  door.open()
  t.ok(await eventually(() => openFlights() === 0))
  t.match([await origin.get('/r')].map((reply) => reply.text + status(reply)), [/run 3.*hit; ttl=10/])
  clock.advance(12)
  sick = true
  t.equal((await origin.get('/r')).text, 'run 3', 'a failure')
  const runs = origin.runs()
  t.equal((await origin.get('/r')).text, 'run 3')
  t.equal(origin.runs(), runs, 'a sick origin is left alone for a second')
  sick = false
  clock.advance(2)
  t.equal((await origin.get('/r')).text, `run ${runs + 1}`)
  clock.advance(12)
  door = gate<void>()
  const waits = origin.get('/r')
  t.ok(await eventually(() => origin.runs() === runs + 2))
  await origin.app.cache.clear()
  await sleep(80)
  door.open()
  t.equal((await waits).text, `run ${runs + 3}`, 'purged meanwhile: neither the stale entry nor the run from before')
})

testRuns('failed refreshes back off, from 1 s, doubling to 30 s, and leave the entry', async (t, serve) => {
  let sick = true
  let made = false
  const origin = await serve((app, self) => {
    app.get('/r', route({ staleWhileRevalidate: 10_000 }), async () => {
      const n = self.ran()
      if (made && sick) throw new Error('sick')
      made = true
      return `run ${n}`
    })
  })
  await origin.get('/r')
  clock.advance(11)
  for (const pause of [1, 2, 4, 8, 16, 30, 30]) {
    const before = origin.runs()
    t.equal((await origin.get('/r')).text, 'run 1')
    t.ok(await eventually(() => origin.runs() === before + 1 && openFlights() === 0))
    clock.advance(pause - 0.5)
    for (let i = 0; i < 3; i++) t.equal((await origin.get('/r')).text, 'run 1')
    await sleep(5)
    t.equal(origin.runs(), before + 1, `spared for ${pause} s`)
    clock.advance(0.5)
  }
  sick = false
  const before = origin.runs()
  await origin.get('/r')
  t.ok(await eventually(() => origin.runs() === before + 1 && openFlights() === 0))
  t.equal((await origin.get('/r')).text, `run ${before + 1}`)
})

testRuns('a refresh whose reply cannot be stored removes the entry; one that fails does not', async (t, serve) => {
  let answer: (reply: any) => unknown = () => 'fine'
  const origin = await serve((app, self) => {
    app.get('/r', route({ staleWhileRevalidate: 100 }), async (_request, reply) => { self.ran(); return answer(reply) })
  })
  const cases: Array<[string, (reply: any) => unknown, boolean]> = [
    ['404', (reply) => reply.code(404).send('gone'), false],
    ['set-cookie', (reply) => reply.header('set-cookie', 'a=b').send('x'), false],
    ['throw', () => { throw new Error('boom') }, true],
    ['5xx', (reply) => reply.code(500).send('x'), true],
    ['raw.destroy', (reply) => { reply.raw.destroy() }, true]
  ]
  for (const [name, how, stays] of cases) {
    await origin.app.cache.clear()
    clock.advance(100)
    answer = () => 'fine'
    await origin.get('/r')
    clock.advance(12)
    answer = how
    const before = origin.runs()
    t.equal((await origin.get('/r')).text, 'fine')
    t.ok(await eventually(() => origin.runs() === before + 1 && openFlights() === 0), name)
    answer = (reply) => reply.header('x-new', '1').send('new')
    t.equal((await origin.get('/r')).text, stays ? 'fine' : 'new', name)
  }
})

testRuns('isStale and forcedUpdate lead to one run each, and its reply is stored', async (t, serve) => {
  let stale = true
  const origin = await serve((app, self) => {
    app.get('/stale', route({ isStale: () => stale, softTimeout: 1, staleIfError: 5 }), async () => `run ${self.ran('stale')}`)
    app.get('/forced', route({ forcedUpdate: (request: any) => request.headers['x-force'] !== undefined }), async () => `run ${self.ran('forced')}`)
  })
  await origin.get('/stale')
  t.equal((await origin.get('/stale')).text, 'run 2')
  stale = false
  t.equal((await origin.get('/stale')).text, 'run 2')
  await origin.get('/forced')
  t.equal((await origin.get('/forced', { 'x-force': '1' })).text, 'run 2')
  t.equal((await origin.get('/forced')).text, 'run 2')
})

testRuns('minUses: stored from so many misses on', async (t, serve) => {
  const door = gate<void>()
  const origin = await serve((app, self) => {
    app.get('/r', route({ minUses: 3 }), async () => {
      const n = self.ran()
      if (n === 3) await door.promise
      return `run ${n}`
    })
  })
  for (const n of [1, 2]) {
    const reply = await origin.get('/r')
    t.match([reply.text, status(reply)], [`run ${n}`, /fwd=uri-miss$/])
  }
  const third = origin.get('/r')
  t.ok(await eventually(() => openFlights() === 1))
  const follower = origin.get('/r')
  t.ok(await eventually(() => waiting() === 1))
  door.open()
  t.match(status(await third), /stored/)
  t.match(status(await follower), /collapsed/)
  t.match(status(await origin.get('/r')), /hit/)
  for (let i = 0; i < 50; i++) await origin.get(`/r?once=${i}`)
  t.equal(origin.app.cache.stats().stores, 1, 'one-time URLs never enter the store')
})

testRuns('jitter shortens lifetimes, by so much at most', async (t, serve) => {
  const origin = await serve((app) => { app.get('/r', { config: { cache: { timeout: 1_000, jitter: 0.5 } } }, async () => 'x') })
  const lives = new Set<number>()
  for (let i = 0; i < 40; i++) {
    await origin.get(`/r?n=${i}`)
    lives.add(Number(/ttl=(\d+)/.exec(status(await origin.get(`/r?n=${i}`)))?.[1]))
  }
  t.ok(lives.size > 10)
  t.ok(Math.max(...lives) <= 1_000 && Math.min(...lives) >= 500)
})
