import t from 'tap'
import { startRedis } from '../../helpers/redis.ts'
import { bytes, open } from './helpers.ts'

t.test('a life that is asked for over and over is changed once in a while only', async (t) => {
  const server = await startRedis()
  const store = await open({ port: server.port })
  t.teardown(async () => {
    await store.close()
    await server.stop()
  })
  const left = async (): Promise<number> => Number(await server.cli('pexpiretime', 'key'))
  await store.set('key', bytes('v'), 1000)
  t.ok(await store.touch('key', 100_000))
  const end = await left()
  for (const more of [100_001, 110_000, 120_000]) {
    t.ok(await store.touch('key', more))
    t.equal(await left(), end, 'it lives that long anyway')
  }
  t.ok(await store.touch('key', 2 ** 52), 'as long as can be')
  t.ok(await left() > 2 ** 51)
})
