import t from 'tap'
import { build as blog } from '../../examples/memcached-cache.ts'
import { build as sasl } from '../../examples/sasl-memcached-cache.ts'
import { build as spread } from '../../examples/spread-sasl-memcached-cache.ts'
import { PASSWORD, startMemcached, startMemcacheds, USER } from '../helpers/memcached.ts'

const user = { username: USER, password: PASSWORD }

t.test('a blog on two servers: each post once', async (t) => {
  const servers = await startMemcacheds(2)
  t.teardown(() => Promise.all(servers.map((server) => server.stop())))
  const asked: number[] = []
  const app = await blog({ servers: servers.map(({ server }) => server), fetchBlogPost: async (id) => { asked.push(id); return { id } } })
  t.teardown(() => app.close())
  for (const id of [1, 2, 1, 2]) t.same((await app.inject(`/blog/${id}`)).json(), { id })
  t.same(asked, [1, 2])
})

t.test('behind SASL: served with the right password, refused with a wrong one', async (t) => {
  const server = await startMemcached({ sasl: true })
  t.teardown(() => server.stop())
  let runs = 0
  const options = { servers: [server.server], ...user, fetchReport: async () => ({ run: ++runs }) }
  const app = await sasl(options)
  t.teardown(() => app.close())
  await app.inject('/report')
  const reply = await app.inject('/report')
  t.same(reply.json(), { run: 1 })
  t.match(reply.headers['cache-status'], /; hit/)

  async function refused (): Promise<void> {
    const other = await sasl({ ...options, password: 'wrong' })
    t.teardown(() => other.close())
    await other.ready()
  }
  await t.rejects(refused())
})

t.test('spread: a reply larger than one memcached item', async (t) => {
  const servers = await startMemcacheds(3, { sasl: true })
  t.teardown(() => Promise.all(servers.map((server) => server.stop())))
  let runs = 0
  const catalogue = Array.from({ length: 3000 }, (_, id) => ({ id, text: 'x'.repeat(1000) }))
  const app = await spread({ servers: servers.map(({ server }) => server), ...user, fetchCatalogue: async () => { runs++; return catalogue } })
  t.teardown(() => app.close())
  const first = await app.inject('/catalogue')
  t.ok(first.rawPayload.length > 3_000_000)
  const second = await app.inject('/catalogue')
  t.match(second.headers['cache-status'], /; hit/)
  t.ok(second.rawPayload.equals(first.rawPayload))
  t.equal(runs, 1)
})
