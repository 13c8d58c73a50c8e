import t from 'tap'
import { connectionFields, isHopByHop, validName, validValue } from '../../lib/http/headers.ts'

const escape = (text: string): string => encodeURIComponent(text)

t.test('hop-by-hop fields: RFC 9110 §7.6.1', async t => {
  for (const name of ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade',
    'proxy-authenticate', 'proxy-authentication-info', 'proxy-authorization']) t.equal(isHopByHop(name), true, name)
  for (const name of ['content-type', 'www-authenticate', 'content-length', 'via', 'constructor', '']) t.equal(isHopByHop(name), false, name)
})

t.test('fields that Connection names', async t => {
  t.same([...connectionFields(undefined)], [])
  t.same([...connectionFields('close, X-Hop ,,x-hop')], ['close', 'x-hop'])
  t.same([...connectionFields(['x-a', 'X-B, close'])], ['x-a', 'x-b', 'close'])
  t.same([...connectionFields(5)], ['5'])
})

t.test('names and values that may be written: RFC 9110 §5.1, §5.5', async t => {
  for (const name of ['x', 'X-Any', "a!#$%&'*+-.^_`|~9", '__proto__']) t.equal(validName(name), true, name)
  for (const name of ['', ' ', 'a b', 'a:', 'a\r\nb', 'a\n', 'ü', 'a"', 'a(b)', 'a/b', 'a\0']) t.equal(validName(name), false, escape(name))
  for (const value of ['', 'a', 'a b\tc', '\xff\x80', '"~!']) t.equal(validValue(value), true, escape(value))
  for (const value of ['a\r\nb: c', 'a\n', 'a\r', '\0', '\x7f', 'Ā', '\u2028', '\x1f']) t.equal(validValue(value), false, escape(value))
})
