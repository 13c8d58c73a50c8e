import t from 'tap'
import fc from 'fast-check'
import { parseVary, variantKey } from '../../lib/http/vary.ts'
import type { HeaderValue } from '../../lib/http/policy/response.ts'

t.test('RFC 9110 §12.5.5', async t => {
  const table: Array<[HeaderValue, readonly string[] | '*']> = [
    [undefined, []],
    ['', []],
    [' , ,', []],
    ['Accept', ['accept']],
    ['Accept-Language, accept', ['accept', 'accept-language']],
    ['accept,Accept , ACCEPT', ['accept']],
    [['Accept', 'Cookie, Accept'], ['accept', 'cookie']],
    [5, ['5']],
    ['*', '*'],
    [' * ', '*'],
    ['accept, *', '*'],
    ['*, accept', '*'],
    [',*,', '*'],
    [['accept', '*'], '*'],
    [['accept', 'cookie,\t*'], '*'],
    ['x*', ['x*']]
  ]
  for (const [value, expected] of table) t.same(parseVary(value), expected, JSON.stringify(value))
})

type Headers = Record<string, string | readonly string[] | undefined>
const key = (fields: readonly string[], headers: Headers): string => variantKey(fields, name => headers[name])

t.test('no two requests that differ in a field share a variant: RFC 9111 §4.1', async t => {
  const fields = ['a', 'b']
  const requests: Headers[] = [
    {}, { a: '' }, { b: '' }, { a: '', b: '' }, { a: '-' }, { a: 'x', b: 'y' }, { a: 'xy' }, { b: 'xy' }, { a: 'x1:y' }, { a: 'x', b: '1:y' },
    { a: '1:x' }, { a: '0:' }, { a: 'x, y' }, { a: 'y, x' }, { a: 'x,y' }, { a: 'X, y' }, { a: ['x', 'y'] }, { a: ['x, y'] }, { a: [] }, { a: '[1]1:x' }, { a: ['x'] }
  ]
  t.equal(new Set(requests.map(headers => key(fields, headers))).size, requests.length)
  t.equal(key([], { a: 'x' }), '', 'no fields, one variant')
  t.equal(key(['a'], { a: 'x', b: 'y' }), key(['a'], { a: 'x' }), 'other fields do not count')
})

t.test('a field with an inherited name is absent', async t => {
  const headers = {} as Headers
  for (const name of ['constructor', '__proto__', 'toString']) t.equal(variantKey([name], field => headers[field]), variantKey([name], () => undefined), name)
})

t.test('any two lists of values', async t => {
  const value = fc.option(fc.string({ unit: fc.constantFrom('a', ':', '1', '2', '-', '[', ']'), maxLength: 6 }), { nil: undefined })
  fc.assert(fc.property(value, value, value, value, (a1, b1, a2, b2) => {
    const same = a1 === a2 && b1 === b2
    return (key(['a', 'b'], { a: a1, b: b1 }) === key(['a', 'b'], { a: a2, b: b2 })) === same
  }), { numRuns: 5000 })
  t.pass('differ exactly where their keys do')
})
