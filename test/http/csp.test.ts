import t from 'tap'
import { carriesNonce, nonceOf } from '../../lib/http/csp.ts'
import type { HeaderValue } from '../../lib/http/policy/response.ts'

t.test('nonces of a policy: CSP Level 3 §2.3.1', async t => {
  const table: Array<[HeaderValue, string[]]> = [
    [undefined, []],
    ["default-src 'self'", []],
    [5, []],
    ["script-src 'self' 'nonce-abc123=='; style-src 'nonce-xyz/+_-'", ['abc123==', 'xyz/+_-']],
    ["script-src 'NONCE-AbC'; style-src 'nonce-AbC'", ['AbC']],
    [["script-src 'nonce-a'", "script-src 'nonce-b'"], ['a', 'b']],
    ['script-src nonce-abc', []],
    ["script-src 'nonce-'", []]
  ]
  for (const [csp, expected] of table) t.same(nonceOf(csp), expected, String(csp))
})

t.test('a body that holds one', async t => {
  const carries = (nonce: string, body: string): boolean => carriesNonce([nonce], Buffer.from(body))
  t.equal(carries('r4nd0m', '<script nonce="r4nd0m">'), true)
  t.equal(carries('r4nd0m', '<script nonce="other">'), false)
  t.equal(carries('abcdefgh+/1234567==', '<script nonce="abcdefgh&#43;&#x2F;1234567&#x3D;&#x3D;">'), true, 'escaped for HTML')
  t.equal(carries('abcdefgh+/1234567==', '{"nonce":"abcdefgh\\u002b\\/1234567=="}'), true, 'escaped for JSON')
  t.equal(carries('ab+/cd==', 'ab cd'), false, 'short runs stand anywhere')
  t.equal(carries('ab+/cd==', '<script nonce="ab+/cd==">'), true)
  t.equal(carriesNonce([], Buffer.from('x')), false)
  t.equal(carriesNonce(['aaa', 'bbb'], Buffer.from('x bbb')), true)
  t.equal(carriesNonce(['aaa'], Buffer.alloc(0)), false)
})
