import t from 'tap'
import { Doubt } from '../../lib/versions/doubt.ts'
import { eventually } from '../helpers/memcached.ts'

t.test('a removal that goes on failing holds up no other one', async (t) => {
  const doubt = new Doubt(async () => {})
  t.teardown(() => doubt.close())
  let tries = 0
  doubt.add('dead', async () => { tries++; throw new Error('its server is gone') })
  doubt.add('alive', async () => {})
  doubt.addPrefix('gone:', async () => { throw new Error('its server is gone') })
  await eventually(() => !doubt.has('alive'))
  t.ok(tries > 0)
  t.ok(doubt.has('dead') && doubt.has('gone:x'))
})

t.test('past the bound everything is in doubt, until the whole cache was purged', async (t) => {
  let down = true
  let purged = 0
  const doubt = new Doubt(async () => { if (down) throw new Error('down'); purged++ }, 2)
  t.teardown(() => doubt.close())
  for (const key of ['a', 'b', 'c']) doubt.add(key, async () => { throw new Error('down') })
  t.ok(doubt.has('any other'))
  down = false
  await eventually(() => !doubt.has('any other'))
  t.equal(purged, 1)
  t.equal(doubt.size, 0)
})
