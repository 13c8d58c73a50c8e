import t from 'tap'
import fc from 'fast-check'
import { cookieValues } from '../../lib/http/cookies.ts'

t.test('fields that differ under a name differ', async t => {
  const fields = [
    undefined, 'a=', 'a', 'a=1', 'a=1; a=2', 'a=2; a=1', 'a=12', 'a="1"', 'a= 1', 'a=1 ', 'a=%31', 'a=1; b=', 'a=1; b', 'b=1', 'a=1; b=1',
    'a=2:xx', 'a=-', 'a=!', 'a=1=2', 'a=1,b=2', 'a=é', 'a; a', 'a=; a'
  ]
  const texts = new Set(fields.map(field => cookieValues(field, ['a', 'b'])))
  t.equal(texts.size, fields.length)
})

t.test('fields that say the same under the names are one', async t => {
  const table: Array<[string | undefined, string | undefined, string[]]> = [
    ['a=1', 'a=1; x=9', ['a']],
    ['a=1', 'x=9; a=1', ['a']],
    ['a=1;b=2', 'b=2;  a=1', ['a', 'b']],
    ['a=1', '\ta =1;;', ['a']],
    ['A=1', undefined, ['a']],
    ['xa=1', '', ['a']],
    ['x=a=1', undefined, ['a']],
    ['__proto__=1', undefined, ['a']],
    ['a=1', undefined, []]
  ]
  for (const [one, other, names] of table) t.equal(cookieValues(one, names), cookieValues(other, names), `${one} | ${other}`)
  t.not(cookieValues('__proto__=1', ['__proto__']), cookieValues('__proto__=2', ['__proto__']))
})

t.test('any values', async t => {
  const values = fc.array(fc.string({ unit: fc.constantFrom('1', ':', '-', '!', ' ', '='), maxLength: 4 }), { maxLength: 3 })
  const field = (a: string[], b: string[]): string => [...a.map(v => `a=${v}`), ...b.map(v => `b=${v}`)].join(';')
  fc.assert(fc.property(values, values, values, values, (a1, b1, a2, b2) =>
    (cookieValues(field(a1, b1), ['a', 'b']) === cookieValues(field(a2, b2), ['a', 'b'])) === (field(a1, b1) === field(a2, b2))), { numRuns: 5000 })
  t.pass('differ exactly where their texts do')
})
