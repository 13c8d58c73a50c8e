import t from 'tap'
import { Redis } from 'ioredis'
import { until } from '../../helpers/process.ts'
import { startSentinels } from '../../helpers/redis.ts'
import { bytes, open } from './helpers.ts'

t.test('a sentinel that hears of a failover late costs no second outage', async (t) => {
  const set = await startSentinels()
  t.teardown(() => set.stop())
  const store = await open({ kind: 'sentinel', sentinels: set.sentinels.map(({ host, port }) => [host, port] as const) })
  t.teardown(() => store.close())
  const late = set.sentinels[2]!
  const heard: string[] = []
  const listener = new Redis(late.port, late.host)
  t.teardown(() => listener.disconnect())
  listener.on('error', () => {})
  listener.on('message', (_channel, message: string) => { heard.push(message) })
  await listener.subscribe('+switch-master')

  late.freeze()
  await set.failover()
  await until('the replica has been promoted', async () => /role:master/.test(await set.replica.cli('info', 'replication')))
  await until('the store writes to the new primary', async () => {
    await store.set('after', bytes('v'))
    return await set.replica.cli('get', 'after') === 'v'
  })
  const connections = async (): Promise<string[]> => (await set.replica.cli('client', 'list')).split('\n').filter((line) => line.includes('cmd=set')).map((line) => line.split(' ', 1)[0]!)
  const before = await connections()
  t.equal(before.length, 1)
  t.same(heard, [])
  late.thaw()
  await until('the late one tells of it', () => heard.length > 0)
  // Long enough for a connection that is dropped to be made anew
  for (let i = 0; i < 30; i++) {
    t.equal(await store.set('k', bytes(String(i))).catch((error: Error) => error.message), true)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  t.same(await connections(), before, 'the same connection')
})
