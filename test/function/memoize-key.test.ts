import fc from 'fast-check'
import t from 'tap'

import { MemoizeKeys, type KeyRules } from '../../lib/function/memoize-key.ts'

const rules: KeyRules = {
  label: 'memoize(f)', name: 'f', space: 's|', argsToIgnore: [], source: undefined, hashMethod: 'sha256', needsIdentity: false, makeCacheKey: undefined
}
const none = (): void => {}

/** As if it was the first call of all: nothing is remembered. */
function anew (args: readonly unknown[], given: KeyRules = rules, self: unknown = undefined): string {
  try {
    return new MemoizeKeys(given).of(self, args, none)!.key
  } catch (error) {
    return (error as Error).message
  }
}

function asked (keys: MemoizeKeys, args: readonly unknown[], self: unknown = undefined): string {
  try {
    return keys.of(self, args, none)!.key
  } catch (error) {
    return (error as Error).message
  }
}

class Account {
  name = 'a'
  cachingId (): string { return this.name }
}
class Money {
  a = 1
  toJSON (): unknown { return { a: 1 } }
}
class Bare { a = 1 }
const hidden = (value: object, name: PropertyKey, what: unknown): object => Object.defineProperty(value, name, { value: what, enumerable: false })
const under = (prototype: object | null, value: object): object => Object.setPrototypeOf(value, prototype)
const cycle = (): object => { const a: Record<string, unknown> = { a: 1 }; a.self = a; return a }

/** Made anew for each call: a way that knows an object, and not what it holds, must not pass. */
const CALLS: Record<string, () => unknown[]> = {
  nothing: () => [],
  undefined: () => [undefined],
  'two undefined': () => [undefined, undefined],
  null: () => [null],
  'null as text': () => ['null'],
  1: () => [1],
  "'1'": () => ['1'],
  '1n': () => [1n],
  true: () => [true],
  "'true'": () => ['true'],
  0: () => [0],
  '-0': () => [-0],
  NaN: () => [NaN],
  "'NaN'": () => ['NaN'],
  Infinity: () => [Infinity],
  'a, b': () => ['a', 'b'],
  '[a, b]': () => [['a', 'b']],
  "'ab'": () => ['ab'],
  'a long text': () => ['x'.repeat(64)],
  'a longer text': () => ['x'.repeat(65)],
  'another longer text': () => ['x'.repeat(64) + 'y'],
  '{a: 1}': () => [{ a: 1 }],
  "{a: '1'}": () => [{ a: '1' }],
  '{a: 0}': () => [{ a: 0 }],
  '{a: -0}': () => [{ a: -0 }],
  '{a: NaN}': () => [{ a: NaN }],
  '{a: null}': () => [{ a: null }],
  '{a: undefined}': () => [{ a: undefined }],
  '{}': () => [{}],
  '{}, 1': () => [{}, 1],
  '{a: 1, b: 2}': () => [{ a: 1, b: 2 }],
  '{b: 2, a: 1}': () => [{ b: 2, a: 1 }],
  '{a: 1}, {b: 2}': () => [{ a: 1 }, { b: 2 }],
  '{a: {b: 2}}': () => [{ a: { b: 2 } }],
  '{a: {}, b: 2}': () => [{ a: {}, b: 2 }],
  '{a: {b: c, d: e}}': () => [{ a: { b: 'c', d: 'e' } }],
  '{a: b, c: d, e: {}}': () => [{ a: 'b', c: 'd', e: {} }],
  '{1: a, 2: b}': () => [{ 1: 'a', 2: 'b' }],
  'a long name': () => [{ ['n'.repeat(65)]: 1 }],
  '{0: a}': () => [{ 0: 'a' }],
  '[a]': () => [['a']],
  '[]': () => [[]],
  '[[]]': () => [[[]]],
  '[], []': () => [[], []],
  '[undefined]': () => [[undefined]],
  'a hole': () => [new Array(1)],
  'two holes': () => [new Array(2)],
  'a hole with a property': () => [Object.assign(new Array(1), { a: 1 })],
  '[1] with a property': () => [Object.assign([1], { a: 1 })],
  '[1]': () => [[1]],
  '[1] that is hidden': () => [hidden([], 0, 1)],
  '[1] that is hidden, with a property': () => [Object.assign(hidden([], 0, 1), { a: 1 })],
  '[1] with a symbol': () => [Object.assign([1], { [Symbol.for('a')]: 1 })],
  '{length: 1}': () => [{ length: 1 }],
  'a date': () => [new Date(0)],
  'in an object': () => [{ a: new Date(0) }],
  'its text': () => [{ a: new Date(0).toISOString() }],
  'a date without its prototype': () => [under(Object.prototype, new Date(0))],
  'an array without its prototype': () => [under(Object.prototype, [])],
  'an object with that of arrays': () => [under(Array.prototype, { length: 1 })],
  'a null prototype': () => [under(null, { a: 1 })],
  'a prototype with properties': () => [under({ b: 2 }, { a: 1 })],
  'an array of another class': () => [new (class List extends Array {})()],
  'a map': () => [new Map([['a', 1]])],
  'a symbol for a name': () => [{ a: 1, [Symbol.for('b')]: 2 }],
  'a symbol for a name that is not registered': () => [{ a: 1, [Symbol('b')]: 2 }],
  'a symbol that does not count': () => [hidden({ a: 1 }, Symbol.for('b'), 2)],
  'a tag': () => [{ a: 1, [Symbol.toStringTag]: 'Odd' }],
  'a tag that is hidden': () => [hidden({ a: 1 }, Symbol.toStringTag, 'Odd')],
  'a property that does not count': () => [hidden({ a: 1 }, 'b', 2)],
  'a cachingId': () => [{ a: 1, cachingId: () => 7 }],
  'a cachingId that is hidden': () => [hidden({ a: 1 }, 'cachingId', () => 7)],
  'a cachingId of an array': () => [hidden([1], 'cachingId', () => 7)],
  'a cachingId that is none': () => [{ a: 1, cachingId: 7 }],
  'a toJSON': () => [{ a: 1, toJSON: () => 7 }],
  'a toJSON that is hidden': () => [hidden({ a: 1 }, 'toJSON', () => ({ a: 2 }))],
  'an instance with an identity': () => [new Account()],
  'an instance with toJSON': () => [new Money()],
  'an instance without': () => [new Bare()],
  'own __proto__': () => [JSON.parse('{"__proto__":{"a":1}}')],
  'own __proto__, another': () => [JSON.parse('{"__proto__":{"a":2}}')],
  'own constructor': () => [{ constructor: 'a' }],
  'a lone surrogate': () => ['a\ud800'],
  'another one': () => ['a\udc00'],
  'the replacement character': () => ['a\ufffd'],
  'a lone surrogate in a name': () => [{ 'a\ud800 and some more': 1 }],
  'the replacement character in a name': () => [{ 'a\ufffd and some more': 1 }],
  'a long text with a lone surrogate': () => ['some more than a few and \ud800'],
  'a long text with another': () => ['some more than a few and \udc00'],
  'a getter': () => [{ get a () { return 1 } }],
  'a proxy': () => [new Proxy({ a: 1 }, {})],
  'a function': () => [{ a: () => 1 }],
  'a cycle': () => [cycle()],
  'one part twice': () => { const part = { a: 1 }; return [part, part] },
  'much of it': () => [Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`n${i}`, i]))],
  'very deep': () => [Array.from({ length: 60 }).reduce<unknown>((inner) => ({ inner }), 1)]
}

t.test('a call has the key of a first call, whatever came before it', async (t) => {
  const keys = new MemoizeKeys(rules)
  const wrong = new Set<string>()
  for (let round = 0; round < 100; round++) {
    for (const [name, make] of Object.entries(CALLS)) {
      if (asked(keys, make()) !== anew(make())) wrong.add(name)
    }
  }
  t.same([...wrong], [])
})

t.test('each by itself, long enough to be remembered', async (t) => {
  for (const [first, one] of Object.entries(CALLS)) {
    const keys = new MemoizeKeys(rules)
    for (let i = 0; i < 20; i++) asked(keys, one())
    for (const [second, other] of Object.entries(CALLS)) {
      if (asked(keys, other()) !== anew(other())) t.fail(`${second}, after ${first}`)
    }
  }
  t.pass()
})

t.test('any calls that fast-check thinks of', async (t) => {
  const leaf = fc.oneof(fc.constantFrom('a', 'b', '1', '', 1, 0, -0, NaN, true, false, null, undefined, 1n), fc.string({ maxLength: 3, unit: 'binary' }), fc.double())
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 3, withCrossShrink: true }, leaf, fc.array(tie('value'), { maxLength: 3 }), fc.dictionary(fc.constantFrom('a', 'b', '1', '__proto__', 'length'), tie('value'), { maxKeys: 3 }), fc.constantFrom(new Array(1), new Date(0)))
  }))
  const keys = new MemoizeKeys(rules)
  fc.assert(fc.property(fc.array(value, { maxLength: 3 }), (args) => {
    const right = anew(args)
    for (let i = 0; i < 10; i++) if (asked(keys, args) !== right) return false
    return true
  }), { numRuns: 3_000 })
  t.pass()
})

t.test('what is another thing at every look is not remembered as one of them', async (t) => {
  let n = 0
  const other = { a: 0 }
  const kinds: Array<() => unknown[]> = [
    () => [{ get a () { return n++ % 5 } }],
    () => [{ inside: [{ get a () { return n++ % 5 } }] }],
    () => [new Proxy({ a: 1 }, { get: (_target, name) => name === 'a' ? n++ % 5 : undefined })],
    () => [{ inside: [new Proxy({ a: 1 }, { get: (_target, name) => name === 'a' ? n++ % 5 : undefined })] }],
    // A getter that becomes a value, and changes what was read before it.
    () => [other, { get b () { other.a = n++ % 5; Object.defineProperty(this, 'b', { value: 1 }); return 1 } }]
  ]
  for (const kind of kinds) {
    const keys = new MemoizeKeys(rules)
    for (let i = 0; i < 200; i++) asked(keys, kind())
    for (let a = 0; a < 5; a++) {
      for (const args of [[{ a }], [{ inside: [{ a }] }], [{ a }, { b: 1 }]]) t.equal(asked(keys, args), anew(args))
    }
  }
})

t.test('an object that is changed between two calls has another key', async (t) => {
  const keys = new MemoizeKeys(rules)
  const query: Record<string, unknown> = { page: 1, of: ['a'] }
  for (let i = 0; i < 50; i++) {
    query.page = i % 3
    ;(query.of as string[])[0] = `b${i % 2}`
    t.equal(asked(keys, [query]), anew([query]))
  }
})

t.test('what the prototypes were made to hold counts', async (t) => {
  const root: object = Object.prototype
  const keys = new MemoizeKeys(rules)
  for (const args of [[{ a: 1 }], [{ a: 1, inherited: 'text' }]]) {
    for (let i = 0; i < 20; i++) asked(keys, args)
  }
  for (const name of ['cachingId', Symbol.toStringTag, 'toJSON', 'inherited'] as const) {
    for (const value of [() => 7, 'text']) {
      Object.defineProperty(root, name, { value, configurable: true, enumerable: name === 'inherited' })
      const [got, right] = [asked(keys, [{ a: 1 }]), anew([{ a: 1 }])]
      Reflect.deleteProperty(root, name)
      t.equal(got, right, String(name))
    }
  }
})

t.test('arguments that are ignored, and instances', async (t) => {
  const ignoring: KeyRules = { ...rules, argsToIgnore: [0] }
  const keys = new MemoizeKeys(ignoring)
  for (let i = 0; i < 20; i++) {
    for (const args of [[1, { a: 1 }], [2, { a: 1 }], [() => 1, { a: 1 }], [{ a: 1 }, 1], [{ a: 1 }]]) t.equal(asked(keys, args), anew(args, ignoring))
  }
  const [one, other] = [new Account(), new Account()]
  other.name = 'b'
  const methods = new MemoizeKeys(rules)
  t.equal(new Set([one, other, undefined].map((self) => asked(methods, [{ a: 1 }], self))).size, 3)
  for (let i = 0; i < 20; i++) {
    for (const self of [one, other, undefined]) t.equal(asked(methods, [{ a: 1 }], self), anew([{ a: 1 }], rules, self))
  }
})

t.test('many calls: each has its key, and they are not all kept', async (t) => {
  const keys = new MemoizeKeys(rules)
  const wrong: number[] = []
  for (let i = 0; i < 60_000; i++) {
    const args = [{ id: i, page: i % 7 }]
    const key = asked(keys, args)
    if (i % 500 === 0 && key !== anew(args)) wrong.push(i)
  }
  for (let i = 0; i < 60_000; i += 250) {
    const args = [{ id: i, page: i % 7 }]
    if (asked(keys, args) !== anew(args)) wrong.push(i)
  }
  t.same(wrong, [])
})
