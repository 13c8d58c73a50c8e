import t from 'tap'
import { nullStore } from '../../lib/stores/null.ts'

t.test('keeps nothing', async (t) => {
  const store = nullStore()
  const value = Buffer.from('x')
  t.equal(store.set('k', value), false)
  t.equal(store.add('k', value), false)
  t.equal(store.get('k'), undefined)
  t.equal(store.has!('k'), false)
  t.equal(store.delete('k'), false)
  t.equal(store.increment('k', 3), 3)
  t.equal(store.increment('k', -3), -3)
  t.equal(store.clear(''), true)
  t.equal(store.deleteByPrefix!(''), 0)
  t.same(store.getMany!(['a', 'b']), [undefined, undefined])
  t.same(store.setMany!([['a', value]]), [false])
  t.same(store.deleteMany!(['a']), [false])
  t.equal(store.deleteIf!('k', value), false)
  t.equal(store.replaceIf!('k', value, value), false)
  t.equal(store.touch!('k', 5), false)
})
