import t from 'tap'
import { preferredEncoding } from '../../lib/http/accept-encoding.ts'

t.test('RFC 9110 §12.5.3', async t => {
  const both = ['br', 'gzip']
  const table: Array<[string | undefined, readonly string[], string]> = [
    [undefined, both, 'identity'],
    ['', both, 'identity'],
    [' , ', both, 'identity'],
    ['gzip', [], 'identity'],
    ['gzip', both, 'gzip'],
    ['GZIP', both, 'gzip'],
    ['x-gzip', both, 'gzip'],
    ['gzip, br', both, 'br'],
    ['gzip, br', ['gzip', 'br'], 'gzip'],
    ['gzip, deflate, br, zstd', ['zstd', 'br', 'gzip'], 'zstd'],
    ['br;q=0.5, gzip', both, 'gzip'],
    ['br;q=0.5, gzip;q=0.5', both, 'br'],
    ['br;q=0.501, gzip;q=0.5', ['gzip', 'br'], 'br'],
    ['br ; q=0.5 , gzip ; Q=1.000', both, 'gzip'],
    ['deflate', both, 'identity'],
    ['*', both, 'br'],
    ['*;q=0.1', both, 'br'],
    ['br;q=0, *', both, 'gzip'],
    ['br;q=0', both, 'identity'],
    ['br;q=0.0, gzip;q=0.000', both, 'identity'],
    ['gzip;q=0.1, *;q=0.5', both, 'br'],
    ['gzip;q=0.1, *;q=0', both, 'gzip'],
    ['identity', both, 'identity'],
    ['identity, gzip', both, 'gzip'],
    ['identity, gzip;q=0.5', both, 'identity'],
    ['identity;q=0.5, gzip;q=0.8', both, 'gzip'],
    ['identity;q=0, gzip', both, 'gzip'],
    // nothing acceptable: an answer all the same
    ['identity;q=0', both, 'identity'],
    ['*;q=0', both, 'identity'],
    ['deflate, identity;q=0', both, 'identity'],
    // what cannot be read is a refusal
    ['gzip;q=x', both, 'identity'],
    ['gzip;q=2', both, 'identity'],
    ['gzip;q=-1', both, 'identity'],
    ['gzip;q=0.1234', both, 'identity'],
    ['gzip;q', both, 'identity'],
    ['gzip;level=9', both, 'identity'],
    ['gzip br', both, 'identity'],
    ['gzip, gzip;q=0', both, 'identity'],
    ['x-gzip;q=0, gzip', both, 'identity'],
    ['__proto__, constructor', both, 'identity']
  ]
  for (const [value, available, expected] of table) t.equal(preferredEncoding(value, available), expected, `${value} of ${available.join()}`)
})
