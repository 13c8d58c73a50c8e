import { Readable } from 'node:stream'
import http from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import cors from '@fastify/cors'
import type { ClientReply } from '../helpers/client.ts'
import { openFlights, testRuns, waiting } from '../helpers/flights.ts'
import { gate } from '../helpers/functions.ts'
import { eventually } from '../helpers/origin.ts'

// N concurrent misses of a key: one run, and nobody gets what was not for them.

type Cache = Record<string, unknown>
const route = (cache: Cache = {}): object => ({ config: { cache: { timeout: 60, ...cache } } })
const status = (reply: ClientReply): string => String(reply.headers['cache-status'])
async function many<T> (count: number, one: (i: number) => Promise<T>): Promise<T[]> {
  return await Promise.all(Array.from({ length: count }, (_, i) => one(i)))
}

/** A handler that counts how many of it run at a time. */
class Crowd {
  now = 0
  peak = 0
  runs = 0
  async through<T> (work: () => Promise<T> | T): Promise<T> {
    this.runs++
    this.now++
    this.peak = Math.max(this.peak, this.now)
    try {
      return await work()
    } finally {
      this.now--
    }
  }
}

testRuns('1,000 concurrent cold requests: one run', async (t, serve) => {
  const door = gate<void>()
  const crowd = new Crowd()
  const origin = await serve((app) => {
    app.get('/r', route(), () => crowd.through(async () => {
      await door.promise
      return { made: 'once' }
    }))
  })
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1_000 })
  t.teardown(() => agent.destroy())
  const get = (): Promise<string> => new Promise((resolve, reject) => {
    http.get({ port: origin.port, host: '127.0.0.1', path: '/r', agent }, (reply) => {
      let text = String(reply.headers['cache-status']) + ' '
      reply.on('data', (chunk) => { text += String(chunk) }).on('end', () => resolve(text))
    }).on('error', reject)
  })
  const all = many(1_000, get)
  t.ok(await eventually(() => waiting() === 999))
  door.open()
  const replies = await all
  t.equal(crowd.runs, 1)
  t.equal(replies.filter((text) => text === 'fastify-cached; fwd=uri-miss; stored {"made":"once"}').length, 1)
  t.equal(replies.filter((text) => text === 'fastify-cached; fwd=uri-miss; collapsed {"made":"once"}').length, 999)
  const { misses, coalesced, stores, hits } = origin.app.cache.stats()
  t.match({ misses, coalesced, stores, hits }, { misses: 1, coalesced: 999, stores: 1, hits: 0 })
})

const uncacheable: Record<string, (reply: any) => unknown> = {
  'set-cookie': (reply) => reply.header('set-cookie', 'a=b'),
  private: (reply) => reply.header('cache-control', 'private'),
  'no-store': (reply) => reply.header('cache-control', 'no-store'),
  'status 404': (reply) => reply.code(404),
  'reply.cache(false)': (reply) => reply.cache(false)
}
for (const [name, mark] of Object.entries(uncacheable)) {
  testRuns(`${name}: shared with nobody, and requests run side by side`, async (t, serve) => {
    const crowd = new Crowd()
    let cacheable = false
    let doors = gate<void>()
    const origin = await serve((app) => {
      app.get('/r', route(), (_request, reply) => crowd.through(async () => {
        const n = crowd.runs
        await doors.promise
        if (!cacheable) mark(reply)
        return `run ${n}`
      }))
    })
    const first = many(20, () => origin.get('/r'))
    t.ok(await eventually(() => waiting() === 19))
    const old = doors
    doors = gate<void>()
    old.open()
    t.ok(await eventually(() => crowd.now === 19), 'all others at once')
    doors.open()
    const texts = (await first).map((reply) => reply.text)
    t.equal(new Set(texts).size, 20)
    crowd.peak = 0
    doors = gate<void>()
    const second = many(5, () => origin.get('/r'))
    t.ok(await eventually(() => crowd.now === 5), 'remembered: nobody waits')
    cacheable = true
    doors.open()
    await second
    t.match(status(await origin.get('/r')), /hit/, 'the look-up and the store were never off')
    await origin.app.cache.deleteCached('/r', { host: `127.0.0.1:${origin.port}` })
    crowd.peak = 0
    doors = gate<void>()
    const third = many(5, () => origin.get('/r'))
    t.ok(await eventually(() => waiting() === 4), 'its first cacheable reply has ended it')
    doors.open()
    await third
    t.equal(crowd.peak, 1)
  })
}

testRuns('errors, 5xx, HEAD and no-store start no hit-for-miss; an invalidation ends it', async (t, serve) => {
  const door = { now: gate<void>() }
  let answer: (reply: any) => unknown = () => 'fine'
  const origin = await serve((app, self) => {
    app.get('/r', route({ tags: ['t'] }), async (request, reply) => {
      self.ran()
      if (request.headers['x-fast'] === undefined) await door.now.promise
      return answer(reply)
    })
  })
  const ends: Array<() => Promise<unknown>> = [
    async () => { answer = () => { throw new Error('boom') }; await origin.get('/r', { 'x-fast': '1' }) },
    async () => { answer = () => { throw Object.assign(new Error('gone'), { statusCode: 410 }) }; await origin.get('/r', { 'x-fast': '1' }) },
    async () => { answer = (reply) => reply.code(503).send('busy'); await origin.get('/r', { 'x-fast': '1' }) },
    async () => { answer = (reply) => reply.header('set-cookie', 'a=b').send('x'); await origin.request({ path: '/r', method: 'HEAD', headers: { 'x-fast': '1' } }) },
    async () => { answer = (reply) => reply.header('set-cookie', 'a=b').send('x'); await origin.get('/r', { 'x-fast': '1', 'cache-control': 'no-store' }) },
    async () => {
      answer = (reply) => reply.header('set-cookie', 'a=b').send('x')
      await origin.get('/r', { 'x-fast': '1' })
      await origin.app.cache.invalidateTags('t')
    },
    async () => { await origin.get('/r', { 'x-fast': '1' }); await origin.app.cache.expireTags('t') },
    async () => { await origin.get('/r', { 'x-fast': '1' }); await origin.app.cache.clear() },
    async () => { await origin.get('/r', { 'x-fast': '1' }); await origin.app.cache.deleteCached('/r', { host: '127.0.0.1' }) }
  ]
  for (const [i, end] of ends.entries()) {
    await end()
    answer = () => 'fine'
    door.now = gate<void>()
    const before = origin.runs()
    const replies = many(4, () => origin.get('/r'))
    t.ok(await eventually(() => waiting() === 3), `case ${i}: the others wait`)
    door.now.open()
    await replies
    t.equal(origin.runs(), before + 1, `case ${i}`)
    await origin.app.cache.clear()
    answer = (reply) => reply.header('set-cookie', 'a=b').send('x')
  }
})

testRuns('followers keep what is their own', async (t, serve) => {
  const door = gate<void>()
  const origin = await serve(async (app) => {
    app.addHook('onRequest', async (request, reply) => { reply.header('x-request', request.headers['x-name'] as string) })
    await app.register(cors, { origin: ['http://a.example', 'http://b.example'] })
    app.get('/r', route(), async (_request, reply) => {
      await door.promise
      reply.header('x-made', 'by the handler').code(203)
      return Buffer.from([1, 2, 3])
    })
  })
  const names = ['a', 'b', 'a', 'b']
  const replies = Promise.all(names.map((name) => origin.get('/r', { 'x-name': name, origin: `http://${name}.example` })))
  t.ok(await eventually(() => waiting() === 3))
  door.open()
  for (const [i, reply] of (await replies).entries()) {
    t.equal(reply.status, 203)
    t.strictSame(reply.body, Buffer.from([1, 2, 3]))
    t.equal(reply.headers['x-made'], 'by the handler')
    t.equal(reply.headers['x-request'], names[i])
    t.equal(reply.headers['access-control-allow-origin'], `http://${names[i]}.example`)
  }
})

testRuns('a streaming fill: followers get the whole body', async (t, serve) => {
  const door = gate<void>()
  const origin = await serve((app, self) => {
    app.get('/r', route(), async (_request, reply) => {
      self.ran()
      async function * parts (): AsyncGenerator<string> {
        yield 'first, '
        await door.promise
        for (let i = 0; i < 1_000; i++) yield `part ${i}; `
      }
      return reply.type('text/plain').send(Readable.from(parts()))
    })
  })
  const replies = many(10, () => origin.get('/r'))
  t.ok(await eventually(() => waiting() === 9))
  door.open()
  const texts = (await replies).map((reply) => reply.text)
  t.equal(new Set(texts).size, 1)
  t.match(texts[0], /^first, part 0; .*part 999; $/)
  t.equal(origin.runs(), 1)
})

testRuns('HEAD follows a GET and never leads', async (t, serve) => {
  let door = gate<void>()
  const origin = await serve((app, self) => {
    app.get('/r', route(), async () => {
      self.ran()
      await door.promise
      return 'twelve bytes'
    })
  })
  const heads = many(3, () => origin.request({ path: '/r', method: 'HEAD' }))
  t.ok(await eventually(() => origin.runs() === 3), 'each for itself')
  t.equal(openFlights(), 0)
  door.open()
  for (const reply of await heads) t.match(status(reply), /fwd=uri-miss$/)
  door = gate<void>()
  const get = origin.get('/r')
  t.ok(await eventually(() => openFlights() === 1))
  const head = origin.request({ path: '/r', method: 'HEAD' })
  t.ok(await eventually(() => waiting() === 1))
  door.open()
  await get
  const followed = await head
  t.match(status(followed), /fwd=uri-miss; collapsed/)
  t.equal(followed.headers['content-length'], '12')
  t.equal(followed.text, '')
  t.equal(origin.runs(), 4)
})

testRuns('coalesce: false', async (t, serve) => {
  const crowd = new Crowd()
  const door = gate<void>()
  const origin = await serve((app) => {
    app.get('/r', route({ coalesce: false }), () => crowd.through(async () => {
      await door.promise
      return 'x'
    }))
  })
  const replies = many(5, () => origin.get('/r'))
  t.ok(await eventually(() => crowd.now === 5))
  door.open()
  for (const reply of await replies) t.notMatch(status(reply), 'collapsed')
  t.match(status(await origin.get('/r')), /hit/)
})

testRuns('coalesce: { timeout }: then for itself, without storing', async (t, serve) => {
  const door = gate<void>()
  const origin = await serve((app, self) => {
    app.get('/r', route({ coalesce: { timeout: 0.05 } }), async () => {
      const n = self.ran()
      if (n === 1) await door.promise
      return `run ${n}`
    })
  })
  const leader = origin.get('/r')
  t.ok(await eventually(() => origin.runs() === 1))
  const [a, b] = await many(2, () => origin.get('/r'))
  t.strictSame([a?.text, b?.text].sort(), ['run 2', 'run 3'])
  for (const reply of [a, b]) t.match(status(reply!), /fwd=uri-miss$/)
  t.equal(origin.app.cache.stats().stores, 0)
  door.open()
  t.match(status(await leader), /stored/)
  t.equal((await origin.get('/r')).text, 'run 1')
  const { misses, coalesced } = origin.app.cache.stats()
  t.match({ misses, coalesced }, { misses: 3, coalesced: 0 })
})

testRuns('a forced update leads a run of its own, on a cold key too', async (t, serve) => {
  const door = gate<void>()
  const origin = await serve((app, self) => {
    app.get('/r', route({ forcedUpdate: (request: { headers: Record<string, unknown> }) => request.headers['x-force'] !== undefined }), async () => {
      const n = self.ran()
      await door.promise
      return `run ${n}`
    })
  })
  const first = origin.get('/r')
  t.ok(await eventually(() => origin.runs() === 1))
  const forced = origin.get('/r', { 'x-force': '1' })
  t.ok(await eventually(() => origin.runs() === 2))
  const follower = origin.get('/r')
  t.ok(await eventually(() => waiting() === 1))
  door.open()
  t.equal((await first).text, 'run 1')
  t.equal((await forced).text, 'run 2')
  t.equal((await follower).text, 'run 2', 'who comes later follows it')
})

testRuns('no-store neither leads nor joins', async (t, serve) => {
  const door = gate<void>()
  const origin = await serve((app, self) => {
    app.get('/r', route(), async () => {
      const n = self.ran()
      await door.promise
      return `run ${n}`
    })
  })
  const replies = many(3, () => origin.get('/r', { 'cache-control': 'no-store' }))
  t.ok(await eventually(() => origin.runs() === 3))
  const leader = origin.get('/r')
  t.ok(await eventually(() => origin.runs() === 4))
  const late = origin.get('/r', { 'cache-control': 'no-store' })
  t.ok(await eventually(() => origin.runs() === 5))
  t.equal(waiting(), 0)
  door.open()
  await Promise.all([...await replies, leader, late])
  t.equal((await origin.get('/r', { 'cache-control': 'no-store' })).text, 'run 4', 'answered from the store all the same')
})

testRuns('the leader fails: one of the others leads; that fails too: side by side', async (t, serve) => {
  const doors = [gate<void>(), gate<void>(), gate<void>()]
  const crowd = new Crowd()
  const origin = await serve((app) => {
    app.get('/r', route(), () => crowd.through(async () => {
      const n = crowd.runs
      await doors[Math.min(n, 3) - 1]!.promise
      if (n < 3) throw new Error(`failure ${n}`)
      return 'fine'
    }))
  })
  const replies = many(10, () => origin.get('/r'))
  t.ok(await eventually(() => waiting() === 9))
  doors[0]!.open()
  t.ok(await eventually(() => crowd.runs === 2 && waiting() === 8), 'one leads')
  t.equal(crowd.now, 1)
  doors[1]!.open()
  t.ok(await eventually(() => crowd.now === 8), 'all the rest')
  doors[2]!.open()
  const codes = (await replies).map((reply) => reply.status).sort()
  t.strictSame(codes, [200, 200, 200, 200, 200, 200, 200, 200, 500, 500])
  t.match(status(await origin.get('/r')), /hit/)
})

testRuns('a flight is given up as soon as the reply cannot be stored', async (t, serve) => {
  const cases: Record<string, (reply: any, parts: Readable) => unknown> = {
    'event-stream': (reply, parts) => reply.type('text/event-stream').send(parts),
    'event-stream by hand': (reply, parts) => {
      reply.hijack()
      reply.raw.writeHead(200, { 'content-type': 'text/event-stream' })
      parts.pipe(reply.raw)
      return reply
    },
    'past the bound': (reply, parts) => {
      parts.push(Buffer.alloc(2_000))
      return reply.send(parts)
    },
    'a cookie of a later hook': (reply, parts) => {
      parts.push('tick')
      return reply.header('x-late-cookie', '1').send(parts)
    },
    'no-store': (reply, parts) => reply.header('cache-control', 'no-store').send(parts)
  }
  const pathOf = (name: string): string => '/' + name.replaceAll(' ', '-')
  const origin = await serve((app, self) => {
    app.addHook('onSend', async (_request, reply) => {
      if (reply.hasHeader('x-late-cookie')) reply.header('set-cookie', 'a=b')
    })
    for (const [name, send] of Object.entries(cases)) {
      app.get(pathOf(name), route({ maxEntryBytes: 1_000 }), async (_request, reply) => {
        const n = self.ran(name)
        const parts = new Readable({ read () {} })
        // Fastify leaves these open for good; the second run ends by itself.
        if (n > 1) parts.push(null)
        else await sleep(20)
        return send(reply, parts)
      })
    }
  })
  for (const name of Object.keys(cases)) {
    const path = pathOf(name)
    const leader = http.get({ port: origin.port, host: '127.0.0.1', path }).on('error', () => {})
    t.ok(await eventually(() => origin.runs(name) === 1))
    const follower = origin.get(path).catch(() => undefined)
    t.ok(await eventually(() => origin.runs(name) === 2), `${name}: the follower is let go while the leader still sends`)
    await follower
    leader.destroy()
  }
})

testRuns('requests of several variants at once', async (t, serve) => {
  for (const minUses of [1, 5]) {
    const crowd = new Crowd()
    const origin = await serve((app) => {
      app.get('/r', route({ minUses }), (request, reply) => crowd.through(async () => {
        await sleep(20)
        reply.header('vary', 'accept-language')
        return `in ${String(request.headers['accept-language'])}`
      }))
    })
    const languages = Array.from({ length: 30 }, (_, i) => ['de', 'fr', 'en'][i % 3]!)
    const replies = await Promise.all(languages.map((language) => origin.get('/r', { 'accept-language': language })))
    t.strictSame(replies.map((reply) => reply.text), languages.map((language) => `in ${language}`))
    if (minUses === 1) t.equal(crowd.runs, 3, 'one for each')
    else t.ok(crowd.peak > 1, 'where nothing is stored they do not go one after another')
  }
})

testRuns('back-pressure: past the bound of the table requests simply run', async (t) => {
  const { Flights } = await import('../../lib/single-flight.ts')
  const table = new Flights<string>(2)
  const first = table.lead('a', {})
  t.ok(first)
  t.ok(table.lead('b', {}))
  t.equal(table.lead('c', {}), undefined)
  t.ok(table.lead('a', {}), 'in place of one that is there')
  table.settle(first!, undefined)
  t.equal(table.size, 2, 'an older flight does not end a newer one')
  table.settleAll()
  t.equal(table.size, 0)
})
