import t from 'tap'
import { parseRedisUrl } from '../../../lib/stores/redis/url.ts'

const good: Record<string, object> = {
  'redis://': { host: 'localhost' },
  'redis://example.com': { host: 'example.com' },
  'REDIS://example.com:7000/5': { host: 'example.com', port: 7000, db: 5 },
  'redis://example.com/': { host: 'example.com' },
  'redis://example.com?db=4': { host: 'example.com', db: 4 },
  'redis://[::1]:7000/1': { host: '::1', port: 7000, db: 1 },
  'redis://:secret@h': { host: 'h', password: 'secret' },
  'redis://bob@h': { host: 'h', username: 'bob' },
  'redis://bob:@h': { host: 'h', username: 'bob' },
  'redis://b%40b:p%2Fw%23%25%3A%40@h:1': { host: 'h', port: 1, username: 'b@b', password: 'p/w#%:@' },
  'redis://:%2540@h': { host: 'h', password: '%40' },
  'redis://:a:b+c@h': { host: 'h', password: 'a:b+c' },
  'rediss://h:6380/2': { host: 'h', port: 6380, db: 2, tls: {} },
  'unix:///run/redis.sock': { path: '/run/redis.sock' },
  'unix://:pw@/run/redis%20x.sock?db=3': { path: '/run/redis x.sock', password: 'pw', db: 3 },
  'unix://bob:pw@/run/r.sock': { path: '/run/r.sock', username: 'bob', password: 'pw' }
}
for (const [url, address] of Object.entries(good)) {
  t.test(url, async (t) => { t.same(parseRedisUrl(url), address) })
}

const bad = [
  '', 'localhost:6379', 'http://h', 'redis:/h', 'redis://:sec#ret@h', 'redis://:sec/ret@h', 'redis://:sec@ret@h', 'redis://:sec%zzret@h', 'redis://h:0',
  'redis://h:99999', 'redis://h:port', 'redis://h/one', 'redis://h/1/2', 'redis://h?db=x', 'redis://:secret@h?timeout=3', 'redis://h#3', 'unix://', 'redis://[::1'
]
for (const url of bad) {
  t.test(`refused: ${url}`, async (t) => {
    try {
      parseRedisUrl(url)
      t.fail('it was taken')
    } catch (error) {
      const { code, message } = error as { code: string, message: string }
      t.equal(code, 'FST_CACHE_ERR_OPTIONS')
      t.match(message, /CACHE_REDIS_URL/)
      t.notMatch(message, /sec|ret@/)
    }
  })
}
