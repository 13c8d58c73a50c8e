import t from 'tap'

import { usesThis } from '../../lib/function/uses-this.ts'

t.test('does the text of a function use this?', async (t) => {
  const yes = ['function f () { return this.x }', '() => this', 'f () { return super.f() }', 'function f () { return `${this.x}` }', // eslint-disable-line no-template-curly-in-string
    'function f () { return /"/.test(this.x) }', 'function f () { // it\'s\n return this.x }', 'function f () { /* don\'t */ return this }', 'function f () { return "a\\"" + this.x }']
  for (const text of yes) t.ok(usesThis(text), text)
  const no = ['function f () { return 1 }', '() => thistle', 'function f () { // loads this\n return 1 }', 'function f () { /* this */ return 1 }', "() => 'this'", '() => "this"', "() => 'it\\'s this'", 'thisOne => thisOne']
  for (const text of no) t.notOk(usesThis(text), text)
})
