import t from 'tap'
import fc from 'fast-check'
import { listedQuery } from '../../lib/http/key.ts'

class Page { readonly page = '1' }

t.test('values that differ give texts that differ', async t => {
  const values: unknown[] = [
    undefined, null, '', '1', 1, 1n, true, false, 'true', 'null', 'undefined', 0, -0, '0', NaN, 'NaN', Infinity,
    [], [''], ['1'], [1], ['1', '2'], ['2', '1'], ['12'], [['1'], '2'], [['1', '2']], '1,2', ['1,2'], [undefined], [null],
    {}, { a: '1' }, { a: 1 }, { a: undefined }, { b: '1' }, { a: { b: '1' } }, { 'a.b': '1' }, { a: ['1'] }, { 0: '1' }, { length: 0 },
    new Date(0), new Date(1), new Map([['b', '1']]), new Set(['a']), new Set(['b']), new URLSearchParams('a=1'), new URLSearchParams('a=2'),
    Symbol('a'), '-', 's1:1', '[0;', '{0;', 'k1:a', { a: '', b: '' }, { a: '', b: '', c: '' }
  ]
  const texts = new Map<string, unknown>()
  for (const value of values) {
    const text = listedQuery(['x'], { x: value })
    t.notOk(texts.has(text), `${text} is not taken`)
    texts.set(text, value)
  }
})

t.test('what is equal gives one text', async t => {
  const bare = Object.assign(Object.create(null), { a: '1', b: '2' })
  t.equal(listedQuery(['x'], { x: { b: '2', a: '1' } }), listedQuery(['x'], { x: bare }), 'order of keys, prototype')
  t.equal(listedQuery(['a'], bare), listedQuery(['a'], { a: '1', z: '9' }), 'other names')
  t.equal(listedQuery(['x'], { x: new Page() }), listedQuery(['x'], { x: { page: '1' } }), 'instances')
  t.equal(listedQuery([], { a: '1' }), '')
})

t.test('parsers of all kinds', async t => {
  t.not(listedQuery(['a'], new URLSearchParams('a=1')), listedQuery(['a'], new URLSearchParams('a=2')))
  t.not(listedQuery(['a'], new URLSearchParams('a=1')), listedQuery(['a'], new URLSearchParams('a=1&a=1')))
  t.not(listedQuery(['a'], new Map([['a', '1']])), listedQuery(['a'], new Map([['a', '2']])))
  for (const parsed of [undefined, null, 'a=1', 5]) t.equal(listedQuery(['a'], parsed), listedQuery(['a'], {}), String(parsed))
})

t.test('names and shapes that a client chose', async t => {
  t.not(listedQuery(['__proto__'], JSON.parse('{"__proto__":"1"}')), listedQuery(['__proto__'], JSON.parse('{"__proto__":"2"}')))
  t.not(listedQuery(['x'], { x: { valueOf: '1', toString: '2', toJSON: '3' } }), listedQuery(['x'], { x: { valueOf: '2', toString: '2', toJSON: '3' } }))
  const nested = (depth: number): unknown => JSON.parse('['.repeat(depth) + ']'.repeat(depth))
  t.not(listedQuery(['x'], { x: nested(5000) }), listedQuery(['x'], { x: nested(5001) }), 'deeper than the call stack allows')
})

t.test('two names do not mix', async t => {
  const value = fc.oneof(fc.constant(undefined), fc.string({ unit: fc.constantFrom('a', '1', ':', 's', '-', ';'), maxLength: 5 }), fc.array(fc.constantFrom('a', '', '1'), { maxLength: 3 }))
  const pair = fc.tuple(value, value)
  fc.assert(fc.property(pair, pair, ([a, b], [c, d]) => {
    const same = JSON.stringify([a ?? null, b ?? null]) === JSON.stringify([c ?? null, d ?? null])
    return (listedQuery(['x', 'y'], { x: a, y: b }) === listedQuery(['x', 'y'], { x: c, y: d })) === same
  }), { numRuns: 5000 })
  t.pass('any two')
})
