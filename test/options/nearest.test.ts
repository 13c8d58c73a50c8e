import t from 'tap'
import { nearest } from '../../lib/options/nearest.ts'

t.test('the known name that was meant', async t => {
  const known = ['timeout', 'tags', 'vary', 'etag', 'CACHE_TYPE', 'CACHE_DIR']
  const cases: Array<[string, string | undefined]> = [
    ['timout', 'timeout'], ['timeuot', 'timeout'], ['TIMEOUT', 'timeout'], ['tmieout', 'timeout'], ['tag', 'tags'], ['vray', 'vary'], ['timeout', 'timeout'],
    ['CACHE_DRI', 'CACHE_DIR'], ['', undefined], ['xyzxyz', undefined], ['x'.repeat(100_000), undefined]
  ]
  for (const [name, expected] of cases) t.equal(nearest(name, known), expected, name.slice(0, 20))
  t.equal(nearest('a', []), undefined)
})
