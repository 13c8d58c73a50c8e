import t from 'tap'
import { parseRequestDirectives } from '../../../lib/http/cache-control.ts'
import { currentAge, judge, ttl, usableOnError, usableUnder } from '../../../lib/http/policy/freshness.ts'

const T = Date.UTC(2026, 5, 15, 12)
const entry = (part: object = {}) => ({
  created: T, freshUntil: T + 60_000, staleWhileRevalidate: 0, staleIfError: 0, payload: { date: T, age: 0 }, ...part
})

t.test('the life of an entry: RFC 9111 §4.2, RFC 5861', async t => {
  const table: Array<[string, object, number, number, string, boolean]> = [
    ['new', {}, Infinity, 0, 'fresh', true],
    ['last moment', {}, Infinity, 59_999, 'fresh', true],
    ['its lifetime is over', {}, Infinity, 60_000, 'expired', false],
    ['never expires', { freshUntil: Infinity }, Infinity, 1e12, 'fresh', true],
    ['swr', { staleWhileRevalidate: 10_000 }, Infinity, 60_000, 'stale-while-revalidate', false],
    ['swr, last moment', { staleWhileRevalidate: 10_000 }, Infinity, 69_999, 'stale-while-revalidate', false],
    ['swr over', { staleWhileRevalidate: 10_000 }, Infinity, 70_000, 'expired', false],
    ['sie', { staleIfError: 10_000 }, Infinity, 69_999, 'stale-if-error', true],
    ['sie over', { staleIfError: 10_000 }, Infinity, 70_000, 'expired', false],
    ['swr before sie', { staleWhileRevalidate: 5_000, staleIfError: 10_000 }, Infinity, 64_000, 'stale-while-revalidate', true],
    ['sie after swr', { staleWhileRevalidate: 5_000, staleIfError: 10_000 }, Infinity, 65_000, 'stale-if-error', true],
    ['swr longer than sie', { staleWhileRevalidate: 10_000, staleIfError: 5_000 }, Infinity, 66_000, 'stale-while-revalidate', false],
    ['only a stale window', { freshUntil: T, staleWhileRevalidate: 5_000 }, Infinity, 0, 'stale-while-revalidate', false],
    ['softened', { staleWhileRevalidate: 10_000 }, T + 10_000, 10_000, 'stale-while-revalidate', false],
    ['softened later', { staleWhileRevalidate: 10_000 }, T + 10_000, 9_999, 'fresh', true],
    ['softened, window over', { staleWhileRevalidate: 10_000 }, T + 10_000, 20_000, 'expired', false],
    ['softened, never expires', { freshUntil: Infinity, staleIfError: 10_000 }, T + 10_000, 19_999, 'stale-if-error', true],
    ['softened after its lifetime: no second window', { staleWhileRevalidate: 10_000 }, T + 65_000, 70_000, 'expired', false],
    ['softened without windows', {}, T + 10_000, 10_000, 'expired', false],
    ['from 5 s ahead', {}, Infinity, -5_000, 'fresh', true],
    ['from more than 5 s ahead', {}, Infinity, -5_001, 'expired', false],
    ['ahead, never expires', { freshUntil: Infinity }, Infinity, -5_001, 'expired', false]
  ]
  for (const [name, part, softened, after, expected, onError] of table) {
    t.equal(judge(entry(part), softened, T + after), expected, name)
    // Only where the route or the reply opened a window at all.
    t.equal(usableOnError(entry(part), softened, T + after), onError && entry(part).staleIfError > 0, `${name}, on an error`)
  }
})

t.test('what a request asks for: RFC 9111 §5.2.1', async t => {
  const SWR = { staleWhileRevalidate: 10_000 }
  const SIE = { staleIfError: 10_000 }
  const table: Array<[string | undefined, object, number, boolean]> = [
    [undefined, {}, 10_000, true],
    [undefined, {}, 60_000, false],
    [undefined, SWR, 65_000, true],
    [undefined, SIE, 65_000, false],
    ['no-cache', {}, 0, false],
    ['no-store', {}, 0, true],
    ['max-age=10', {}, 10_000, true],
    ['max-age=10', {}, 11_000, false],
    ['max-age=10', { payload: { date: T, age: 5 } }, 6_000, false],
    ['max-age=10', { payload: { date: T - 5_000, age: 0 } }, 6_000, false],
    ['max-age=0', {}, 0, false],
    ['max-age=100', SWR, 65_000, false],
    ['max-age=100, max-stale=5', SWR, 65_000, true],
    ['min-fresh=50', {}, 10_000, true],
    ['min-fresh=50', {}, 10_001, false],
    ['min-fresh=50', { freshUntil: Infinity }, 10_001, true],
    ['min-fresh=0', SWR, 65_000, false],
    ['max-stale', {}, 60_000, false],
    ['max-stale', SIE, 65_000, true],
    ['max-stale', SIE, 70_000, false],
    ['max-stale=5', SIE, 65_000, true],
    ['max-stale=5', SIE, 65_001, false],
    ['max-stale=5', SWR, 66_000, false],
    ['max-stale=0', {}, 10_000, true]
  ]
  for (const [value, part, after, expected] of table) {
    t.equal(usableUnder(parseRequestDirectives(value, undefined), entry(part), Infinity, T + after), expected, `${value} ${JSON.stringify(part)} +${after}`)
  }
  t.equal(usableUnder(parseRequestDirectives('min-fresh=50', undefined), entry(), T + 30_000, T), false, 'softened counts')
})

t.test('Age: RFC 9111 §4.2.3', async t => {
  const table: Array<[number, number, number, number]> = [
    [T, 0, T, 0], [T, 0, T + 999, 0], [T, 0, T + 1000, 1], [T, 7, T + 2500, 9], [T - 30_000, 0, T, 30],
    [T + 30_000, 0, T, 0], [T + 30_000, 5, T, 5]
  ]
  for (const [date, age, now, expected] of table) t.equal(currentAge({ date, age }, now), expected)
})

t.test('ttl: RFC 9211 §2.4', async t => {
  const table: Array<[object, number, number, number | undefined]> = [
    [{}, Infinity, 0, 60], [{}, Infinity, 1, 60], [{}, Infinity, 1000, 59], [{}, Infinity, 59_999, 1],
    [{}, Infinity, 60_000, 0], [{}, Infinity, 60_001, -1], [{}, Infinity, 62_500, -3],
    [{ freshUntil: Infinity }, Infinity, 0, undefined], [{ freshUntil: Infinity }, T, 3000, -3], [{}, T + 10_000, 0, 10]
  ]
  for (const [part, softened, after, expected] of table) t.equal(ttl(entry(part), softened, T + after), expected)
})
