import t from 'tap'
import { appendStatus, forwardStatus, hitStatus, statusItem } from '../../lib/http/cache-status.ts'

t.test('names: RFC 8941 §3.3.3, §3.3.4', async t => {
  for (const [name, expected] of [
    ['fastify-cached', 'fastify-cached'], ['*x', '*x'], ['a/b:c', 'a/b:c'], ['My Cache', '"My Cache"'], ['1st', '"1st"'], ['', '""'],
    ['a"b\\c', '"a\\"b\\\\c"'], ['a; hit', '"a; hit"'], ['a, b', '"a, b"'], ['é\r\n', '"???"']
  ] as const) t.equal(statusItem(name), expected, JSON.stringify(name))
})

t.test('RFC 9211 §2', async t => {
  const table: Array<[string, string]> = [
    [hitStatus('c', 42), 'c; hit; ttl=42'],
    [hitStatus('c', 0), 'c; hit; ttl=0'],
    [hitStatus('c', -3), 'c; hit; ttl=-3'],
    [hitStatus('c', undefined), 'c; hit'],
    [hitStatus('c', 1e20), 'c; hit; ttl=999999999999999'],
    [hitStatus('c', -1e20), 'c; hit; ttl=-999999999999999'],
    [forwardStatus('c', 'vary-miss'), 'c; fwd=vary-miss'],
    [forwardStatus('c', 'method', {}), 'c; fwd=method'],
    [forwardStatus('c', 'uri-miss', { stored: true }), 'c; fwd=uri-miss; stored'],
    [forwardStatus('c', 'uri-miss', { stored: false, collapsed: true }), 'c; fwd=uri-miss; collapsed'],
    [forwardStatus('c', 'bypass', { detail: 'authorization' }), 'c; fwd=bypass; detail=authorization'],
    [forwardStatus('c', 'stale', { status: 503, detail: 'two words' }), 'c; fwd=stale; fwd-status=503; detail="two words"'],
    [appendStatus(undefined, 'c; hit'), 'c; hit'],
    [appendStatus('', 'c; hit'), 'c; hit'],
    [appendStatus([], 'c; hit'), 'c; hit'],
    [appendStatus('up; hit', 'c; hit'), 'up; hit, c; hit'],
    [appendStatus(['a; hit', 'b; hit'], 'c; hit'), 'a; hit, b; hit, c; hit']
  ]
  for (const [seen, expected] of table) t.equal(seen, expected, expected)
})
