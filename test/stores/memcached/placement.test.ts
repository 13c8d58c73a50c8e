import t from 'tap'
import { createPlacement } from '../../../lib/stores/memcached/placement.ts'

const KEYS = Array.from({ length: 20_000 }, (_, i) => `app_page:${i}`)
const THREE = ['10.0.0.1:11211', '10.0.0.2:11211', '10.0.0.3:11211']
const FOUR = [...THREE, '10.0.0.4:11211']

await t.test('from three servers to four: about a quarter of the keys move, all to the new one', async (t) => {
  const [before, after] = [createPlacement(THREE), createPlacement(FOUR)]
  const moved = KEYS.filter((key) => before(key) !== after(key))
  t.comment(`${(100 * moved.length / KEYS.length).toFixed(1)} % of ${KEYS.length} keys move`)
  t.ok(moved.length > 0.23 * KEYS.length && moved.length < 0.27 * KEYS.length)
  t.ok(moved.every((key) => after(key) === 3))
})

await t.test('even shares', async (t) => {
  const place = createPlacement(FOUR)
  const shares = [0, 0, 0, 0]
  for (const key of KEYS) shares[place(key)] = (shares[place(key)] as number) + 1
  for (const share of shares) t.ok(share > 0.23 * KEYS.length && share < 0.27 * KEYS.length, `${share}`)
})

await t.test('the order of the list does not matter', async (t) => {
  const order = [2, 0, 3, 1]
  const [place, shuffled] = [createPlacement(FOUR), createPlacement(order.map((i) => FOUR[i] as string))]
  t.ok(KEYS.every((key) => order[shuffled(key)] === place(key)))
})

await t.test('among some of them', async (t) => {
  const place = createPlacement(FOUR)
  t.ok(KEYS.every((key) => [1, 3].includes(place(key, [1, 3]))))
  t.ok(KEYS.every((key) => place(key, [2]) === 2))
})
