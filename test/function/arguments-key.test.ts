import { isDeepStrictEqual } from 'node:util'

import fc from 'fast-check'
import t from 'tap'

import { argumentsKey } from '../../lib/function/arguments-key.ts'

class Point {
  x: number
  y: number
  constructor (x: number, y: number) { this.x = x; this.y = y }
}
class Account {
  id: unknown
  constructor (id: unknown) { this.id = id }
  cachingId () { return this.id }
}
class Invoice {
  id: unknown
  constructor (id: unknown) { this.id = id }
  cachingId () { return this.id }
}
class Money {
  cents: number
  constructor (cents: number) { this.cents = cents }
  toJSON () { return { cents: this.cents } }
}
class Day extends Date {}
class Names extends Array {}

const cycle = (): unknown => { const a: Record<string, unknown> = { n: 1 }; a.self = a; return a }
const cycleThroughMap = (): unknown => { const m = new Map<unknown, unknown>(); m.set('m', { m }); return m }

t.test('lists of arguments that are told apart', async (t) => {
  const lists: Array<[string, unknown[]]> = [
    ['nothing', []], ['undefined', [undefined]], ['two undefined', [undefined, undefined]], ['null', [null]],
    ['1', [1]], ["'1'", ['1']], ['1n', [1n]], ["'1n'", ['1n']], ['true', [true]], ["'true'", ['true']],
    ['0', [0]], ['-0', [-0]], ['NaN', [NaN]], ["'NaN'", ['NaN']], ['Infinity', [Infinity]],
    ['1, undefined', [1, undefined]], ["''", ['']], ['1, 2', [1, 2]], ['12', [12]], ['[1, 2]', [[1, 2]]], ['[12]', [[12]]],
    ["'a', 'b'", ['a', 'b']], ["'a\",\"b'", ['a","b']], ["['a', 'b']", [['a', 'b']]], ["['a\",\"b']", [['a","b']]], ["'ab'", ['ab']],
    ["{a: '1\\0b:2'}", [{ a: '1\0b:2' }]], ["{a: '1', b: '2'}", [{ a: '1', b: '2' }]],
    ['{}', [{}]], ['{a: undefined}', [{ a: undefined }]], ['null prototype', [Object.create(null)]], ['[]', [[]]],
    ['a hole', [[,]]], ['[undefined]', [[undefined]]], ['[null]', [[null]]], ['a hole, then 1', [[, 1]]], ['two holes', [[,,]]], // eslint-disable-line no-sparse-arrays
    ['an array with a property', [Object.assign([1], { extra: 1 })]], ['[1]', [[1]]],
    ['a date', [new Date(0)]], ['its text', [new Date(0).toISOString()]], ['its number', [new Date(0).getTime(), 'x']], ['another date', [new Date(1)]], ['no date', [new Date(NaN)]],
    ['/a/', [/a/]], ['/a/g', [/a/g]], ['/a/g further on', [Object.assign(/a/g, { lastIndex: 1 })]], ["'/a/'", ['/a/']],
    ['a URL', [new URL('http://a/')]], ['another URL', [new URL('http://b/')]], ['its text', ['http://a/']],
    ['an empty map', [new Map()]], ['an empty set', [new Set()]], ['a map', [new Map([['a', 1]])]], ['its object', [{ a: 1 }]], ['its pairs', [[['a', 1]]]],
    ['a set', [new Set([1])]], ['a set of text', [new Set(['1'])]],
    ['bytes', [new Uint8Array([1, 2])]], ['a Buffer', [Buffer.from([1, 2])]], ['signed bytes', [new Int8Array([1, 2])]], ['words', [new Uint16Array([0x0201])]],
    ['an ArrayBuffer', [new Uint8Array([1, 2]).buffer]], ['a shared one', [new SharedArrayBuffer(2)]], ['a DataView', [new DataView(new Uint8Array([1, 2]).buffer)]], ['[1, 2] with a string', [[1, '2']]],
    ['floats 0', [new Float64Array([0])]], ['floats -0', [new Float64Array([-0])]],
    ['new Number(1)', [Object(1)]], ["new String('1')", [Object('1')]], ['new Boolean(true)', [Object(true)]], ['Object(1n)', [Object(1n)]],
    ['an error', [new Error('x')]], ['a TypeError', [new TypeError('x')]], ['with a cause', [new Error('x', { cause: 1 })]], ['with a cause undefined', [new Error('x', { cause: undefined })]],
    ['with a code', [Object.assign(new Error('x'), { code: 1 })]], ['like an error', [{ name: 'Error', message: 'x' }]], ['errors', [new AggregateError([1], 'x')]], ['other errors', [new AggregateError([2], 'x')]],
    ['lone surrogate d800', ['a\ud800']], ['lone surrogate dc00', ['a\udc00']], ['the replacement character', ['a\ufffd']], ['an escape', ['"a\\ud800"']], ['a pair', ['\ud800\udc00']],
    ['lone surrogate as a name', [{ 'a\ud800': 1 }]], ['replacement as a name', [{ 'a\ufffd': 1 }]],
    ['a registered symbol as a name', [{ [Symbol.for('a')]: 1 }]], ['another', [{ [Symbol.for('b')]: 1 }]], ['a string as a name', [{ a: 1, b: 1 }]],
    ['own __proto__', [JSON.parse('{"__proto__":{"a":1}}')]], ['own constructor', [{ constructor: 'a' }]],
    ['a tag of its own', [{ [Symbol.for('x')]: 1, [Symbol.for('y')]: 1 }]],
    ['a cycle', [cycle()]], ['a cycle a level later', [{ n: 1, self: cycle() }]], ['through a map', [cycleThroughMap()]],
    ['an account', [new Account(1)]], ['another account', [new Account(2)]], ["account '1'", [new Account('1')]], ['an invoice', [new Invoice(1)]], ['its id', [{ id: 1 }]],
    ['money', [new Money(1)]], ['its JSON', [{ cents: 1 }]], ['other money', [new Money(2)]], ['a class of dates', [new Day(0)]]
  ]
  const seen = new Map<string, string>()
  for (const [name, args] of lists) {
    const key = argumentsKey(args)
    t.notOk(seen.has(key), `${name} has a key of its own${seen.has(key) ? `, not that of ${seen.get(key)}` : ''}`)
    t.equal(argumentsKey(args), key, 'and always the same')
    t.equal(Buffer.from(key).toString(), key, 'which survives UTF-8')
    seen.set(key, name)
  }
})

t.test('lists that are equal', async (t) => {
  const equal: Array<[string, unknown, unknown]> = [
    ['order of names', { a: 1, b: [2] }, { b: [2], a: 1 }],
    ['order of a map', new Map<unknown, unknown>([['a', 1], [{ k: 1 }, 2]]), new Map<unknown, unknown>([[{ k: 1 }, 2], ['a', 1]])],
    ['order of a set', new Set<unknown>([1, [2]]), new Set<unknown>([[2], 1])],
    ['a view of another buffer', new Uint8Array([1, 2]), new Uint8Array(new Uint8Array([0, 1, 2]).buffer, 1)],
    ['two cycles', cycle(), cycle()], ['two cycles through maps', cycleThroughMap(), cycleThroughMap()],
    ['shared or not', (() => { const a = { x: 1 }; return [a, a] })(), [{ x: 1 }, { x: 1 }]],
    ['invalid dates', new Date(NaN), new Date('no')],
    ['URLs', new URL('http://a'), new URL('http://A/')],
    ['instances of one id', new Account({ a: 1, b: 2 }), new Account({ b: 2, a: 1 })]
  ]
  for (const [name, a, b] of equal) t.equal(argumentsKey([a]), argumentsKey([b]), name)
})

t.test('what has no key is refused, and the message says where', async (t) => {
  const itself = new Account(undefined)
  itself.id = itself
  const refused: Array<[string, unknown[], RegExp]> = [
    ['a function', [1, () => 1], /^fastify-cached: load: argument 2 is a function.*argsToIgnore/],
    ['a method inside', [{ user: { list: [0, () => 1] } }], /argument 1, at \.user\.list\[1\], is a function/],
    ['a symbol', [Symbol('s')], /argument 1 is a symbol/],
    ['a private symbol as a name', [{ [Symbol('s')]: 1 }], /Symbol\(s\)/],
    ['a class instance', [{ at: new Point(1, 2) }], /at \.at, is an instance of Point.*cachingId\(\) nor toJSON\(\)/],
    ['a subclass of Array', [new Names(1)], /instance of Names/],
    ['a WeakMap', [new WeakMap()], /WeakMap/], ['a promise', [Promise.resolve(1)], /Promise/],
    ['an id that is missing', [new Account(undefined)], /cachingId\(\) returned undefined/],
    ['an id that is a promise', [new Account(Promise.resolve(1))], /Promise/],
    ['an id that is the instance', [itself], /the instance itself/],
    ['a borrowed prototype', [Object.create(Map.prototype)], /instance of Map/],
    ['in a map', [new Map([['k', () => 1]])], /\.get\(k\), is a function/]
  ]
  for (const [name, args, message] of refused) {
    t.throws(() => argumentsKey(args, 'load'), { code: 'FST_CACHE_ERR_FUNCTION', message }, name)
  }
})

t.test('hostile sizes end soon', async (t) => {
  const deep = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000))
  t.throws(() => argumentsKey([deep]), { code: 'FST_CACHE_ERR_FUNCTION', message: /levels deep/ })
  const holes: unknown[] = []
  holes[4_000_000_000] = 1
  t.equal(argumentsKey([holes]).length < 100, true)
  let shared: unknown = []
  for (let i = 0; i < 64; i++) shared = [shared, shared]
  t.throws(() => argumentsKey([shared]), { code: 'FST_CACHE_ERR_FUNCTION', message: /unfolds/ })
})

/** Invalid dates are the documented exception: deep equality of Node 20 takes none for equal with itself. */
const anything = fc.anything({
  withBigInt: true, withMap: true, withSet: true, withTypedArray: true, withSparseArray: true, withNullPrototype: true, withBoxedValues: true, withObjectString: true, maxDepth: 3
})
const values = fc.oneof(
  anything,
  fc.date({ noInvalidDate: true }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom<unknown>(0, -0, 1, '1', 1n, '', null, undefined, NaN, true, false, /a/, /a/g, [], {}, [undefined], [null], { a: undefined }, new Error('a'), new TypeError('a')),
  fc.array(fc.constantFrom<unknown>(0, -0, 1, '1', undefined, null, NaN), { maxLength: 3 }),
  fc.dictionary(fc.constantFrom('a', 'b', '__proto__'), fc.constantFrom<unknown>(1, '1', undefined, []), { maxKeys: 2 }),
  fc.array(fc.constantFrom<unknown>(0, -0, '0', [0], [-0]), { maxLength: 3 }).map((items) => new Set(items)),
  fc.array(fc.tuple(fc.constantFrom<unknown>('a', 1, '1'), fc.constantFrom<unknown>(1, '1')), { maxLength: 3 }).map((pairs) => new Map(pairs))
)
const lists = fc.array(values, { maxLength: 3 })

/** The same list, made anew, with everything that has an order turned round where equality does not see it. */
function twin (value: unknown): unknown {
  if (Array.isArray(value)) {
    const copy = new Array(value.length)
    for (const name of Object.keys(value)) copy[name as unknown as number] = twin(value[name as unknown as number])
    return copy
  }
  if (value instanceof Map) return new Map([...value].reverse().map(([k, v]) => [twin(k), twin(v)]))
  if (value instanceof Set) return new Set([...value].reverse().map(twin))
  if (typeof value === 'object' && value !== null && (Object.getPrototypeOf(value) === null || Object.getPrototypeOf(value) === Object.prototype)) {
    const copy = Object.create(Object.getPrototypeOf(value))
    for (const name of Object.keys(value).reverse()) Object.defineProperty(copy, name, { value: twin((value as Record<string, unknown>)[name]), enumerable: true, configurable: true, writable: true })
    return copy
  }
  return value
}

t.test('two lists have the same key exactly when they are deeply equal', async (t) => {
  const counts = { equal: 0, different: 0 }
  const check = (a: unknown[], b: unknown[]): boolean => {
    const equal = isDeepStrictEqual(a, b)
    counts[equal ? 'equal' : 'different']++
    return equal === (argumentsKey(a) === argumentsKey(b))
  }
  fc.assert(fc.property(lists, lists, check), { numRuns: 8_000 })
  fc.assert(fc.property(lists, (list) => check(list, twin(list) as unknown[])), { numRuns: 4_000 })
  fc.assert(fc.property(fc.array(fc.constantFrom<unknown>(0, -0, '0', null, undefined, [], {}), { maxLength: 2 }), fc.array(fc.constantFrom<unknown>(0, -0, '0', null, undefined, [], {}), { maxLength: 2 }), check), { numRuns: 4_000 })
  t.comment(`${counts.equal} equal pairs, ${counts.different} different ones`)
  t.ok(counts.equal > 3_000 && counts.different > 3_000, 'both kinds were tried')
})
