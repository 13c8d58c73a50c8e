import t from 'tap'
import { Fault } from '../../lib/options/fault.ts'
import { parseRedisUrl } from '../../lib/options/redis-url.ts'

const plain = { tls: false, path: undefined, host: 'localhost', port: 6379, username: undefined, password: undefined, db: 0 }

t.test('parts, decoded once', async t => {
  const cases: Array<[string, Partial<typeof plain> | object]> = [
    ['redis://localhost', {}],
    ['redis://', {}],
    ['redis:///3', { db: 3 }],
    ['REDIS://example.com:7000/15', { host: 'example.com', port: 7000, db: 15 }],
    ['rediss://u:p@h:1/2', { tls: true, host: 'h', port: 1, db: 2, username: 'u', password: 'p' }],
    ['redis://:a%2Fb%23c%40d%25e@h', { host: 'h', password: 'a/b#c@d%e' }],
    ['redis://:a%2523@h', { host: 'h', password: 'a%23' }],
    ['redis://:p@ss@h', { host: 'h', password: 'p@ss' }],
    ['redis://u%40x:p%C3%A9@h?db=4', { host: 'h', username: 'u@x', password: 'pé', db: 4 }],
    ['redis://u@h', { host: 'h', username: 'u' }],
    ['redis://[::1]:7000', { host: '::1', port: 7000 }],
    ['redis://h/', { host: 'h' }],
    ['unix:///tmp/r.sock', { path: '/tmp/r.sock' }],
    ['unix:///tmp/r%20s.sock?db=2&password=a%2Fb', { path: '/tmp/r s.sock', db: 2, password: 'a/b' }],
    ['unix://u:p%40@/tmp/r.sock', { path: '/tmp/r.sock', username: 'u', password: 'p@' }]
  ]
  for (const [url, parts] of cases) t.strictSame(parseRedisUrl(url), { ...plain, ...parts }, url)
})

t.test('what cannot be read in one way is refused, and never repeated', async t => {
  const urls = [
    'http://u:secret@h', 'secret', '', 'redis:secret', 'redis+unix:///secret', 'redis://:sec#ret@secret', 'redis://:secret/x@h', 'redis://secret:1/x@h', 'redis://secret:1?x@h',
    'redis://:secret%@h', 'redis://:secret%zz@h', 'redis://h:70000', 'redis://h:0', 'redis://h:secret', 'redis://h/secret', 'redis://h/1/2', 'redis://h/-1', 'redis://h/1?db=2', 'redis://h?secret=1',
    'redis://se cret', 'redis://h\n', 'unix://', 'unix:///', 'unix://secret', 'unix://host/secret', 'unix:relative', 'unix:///a?secret=b'
  ]
  for (const url of urls) {
    try {
      parseRedisUrl(url)
      t.fail(`taken: ${url}`)
    } catch (error) {
      t.type(error, Fault, url)
      t.notMatch((error as Error).message, 'secret')
      t.equal((error as Error).cause, undefined)
    }
  }
  t.throws(() => parseRedisUrl('redis://:a#b@h'), { message: /raw '#'.*%23/ })
})
