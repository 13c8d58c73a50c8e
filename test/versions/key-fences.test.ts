import t from 'tap'
import { KeyFences } from '../../lib/versions/key-fences.ts'

t.test('past the bound, the fill that began longest ago is not stored', async (t) => {
  const fences = new KeyFences(2)
  const old = fences.raise('a')
  fences.raise('b')
  const again = fences.raise('a')
  t.equal(again, old, 'one for all fills of a key')
  fences.raise('c')
  t.notOk(again.touched, 'the key whose fill has just begun is not the one to go')
  fences.raise('d')
  t.ok(again.touched)
})
