import t from 'tap'
import { beginsWith, slotOf, wireKey } from '../../../lib/stores/redis/keys.ts'

t.test('slots are those of the cluster specification', async (t) => {
  // As `CLUSTER KEYSLOT` answers
  const slots: Record<string, number> = { '': 0, 123456789: 12739, foo: 12182, '{foo}bar': 12182, 'a{foo}b{bar}': 12182, '{}foo': 9500, 'foo{}{bar}': 8363, '{{bar}}x': 4015, 'foo{bar': 15278, ü: 9552 }
  for (const [key, slot] of Object.entries(slots)) t.equal(slotOf(key), slot, key)
  t.equal(slotOf(Buffer.from('{foo}bar')), 12182)
})

t.test('no two keys have the same bytes', async (t) => {
  const keys = ['\ud800', '\udfff', '\ufffd', '\udc00\ud800', '\ud800\ud800', '😀', '\ud83d', '\ude00', 'x\ud83d', '\ud83dx', 'é', 'e\u0301']
  const wires = new Set(keys.map((key) => Buffer.from(wireKey(key) as string).toString('hex')))
  t.equal(wires.size, keys.length)
  t.equal(wireKey('plain é 😀'), 'plain é 😀')
})

t.test('what begins with a prefix also does so in bytes, and the pattern takes it literally', async (t) => {
  t.equal(beginsWith('a*b?[c]^-\\').toString(), 'a\\*b\\?\\[c\\]\\^\\-\\\\*')
  const whole = Buffer.from(wireKey('pre\ud800fix') as string)
  t.ok(whole.subarray(0, 6).equals(Buffer.from(wireKey('pre\ud800') as string)))
})
