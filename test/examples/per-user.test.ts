import t from 'tap'
import type { AddressInfo } from 'node:net'
import { build } from '../../examples/per-user.ts'
import { request } from '../helpers/client.ts'

t.test('anonymous, alice and bob never see what belongs to another', async (t) => {
  const fetched: string[] = []
  const rendered: string[] = []
  const app = await build({
    fetchOrders: async (account) => { fetched.push(account); return { account, fetch: fetched.length } },
    onRender: (url, account) => rendered.push(`${url} ${account ?? '-'}`)
  })
  t.teardown(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const get = (path: string, token?: string) => request(port, { path, headers: token === undefined ? {} : { authorization: `Bearer ${token}` } })
  const post = (path: string, token: string) => request(port, { method: 'POST', path, headers: { authorization: `Bearer ${token}` } })

  for (let round = 0; round < 2; round++) {
    for (const [token, name] of [[undefined, 'stranger'], ['alice-laptop', 'alice'], ['alice-phone', 'alice'], ['bob-laptop', 'bob']] as const) {
      const greeting = await get('/', token)
      t.same(JSON.parse(greeting.text), { greeting: `Hello, ${name}!` })
      t.match(greeting.headers['cache-status'], round === 0 ? /fwd=.*-miss; stored/ : /; hit; ttl=/, `${token}, round ${round}`)
      t.match(greeting.headers['cache-control'], /^private, max-age=/)
      t.match(greeting.headers.vary, /authorization/i)
      const orders = await get('/orders', token)
      if (token === undefined) t.equal(orders.status, 401, 'a stored page does not answer who may not ask')
      else t.equal(JSON.parse(orders.text).account, name)
    }
  }
  t.same(fetched, ['alice', 'bob'], 'both of a user\'s devices share one fetch')
  t.equal(rendered.length, 7, 'four greetings, three lists of orders, each once')

  t.equal((await post('/orders/changed', 'alice-phone')).status, 204)
  t.equal(JSON.parse((await get('/orders', 'alice-laptop')).text).fetch, 3, 'anew on her other device')
  t.match((await get('/orders', 'bob-laptop')).headers['cache-status'], /; hit/, 'his stays')

  for (const token of ['alice-laptop', 'alice-phone']) {
    await get('/orders', token)
    t.match((await get('/orders', token)).headers['cache-status'], /; hit/)
  }
  t.equal((await post('/logout', 'alice-laptop')).status, 204)
  for (const path of ['/', '/orders', '/news']) t.equal((await get(path, 'alice-laptop')).status, 401, `${path}: her entry is there, and not for a token that ended`)
  t.match((await get('/orders', 'alice-phone')).headers['cache-status'], /; hit/)
})

t.test('the default: with a token the request goes round, and fills nothing for others', async (t) => {
  const app = await build({ onRender: () => {} })
  t.teardown(() => app.close())
  await app.listen({ host: '127.0.0.1', port: 0 })
  const { port } = app.server.address() as AddressInfo
  const headers = { authorization: 'Bearer alice-phone' }
  const first = await request(port, { path: '/news', headers })
  t.equal(first.headers['cache-status'], 'fastify-cached; fwd=bypass; detail=authorization')
  for (let i = 0; i < 2; i++) t.match((await request(port, { path: '/news' })).text, /stranger/)
  t.match((await request(port, { path: '/news', headers })).text, /alice/)
})
