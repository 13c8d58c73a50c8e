import t from 'tap'

import { PrefixedKeys } from '../lib/prefixed-keys.ts'

t.test('every key has the prefix in front, whatever came before it', async (t) => {
  const keys = new PrefixedKeys('shop|')
  const wrong: string[] = []
  const ask = (key: string): void => { if (keys.of(key) !== `shop|${key}`) wrong.push(key) }
  const loads: Array<(i: number) => string> = [
    (i) => `product:${i % 1_000}`, // all of them known
    (i) => `product:${i}`, // none: given up
    (i) => `product:${i % 5_000}`, // some
    (i) => ['', 'a', 'shop|a', 'shop|', '__proto__', '\ud800', '\udc00', '\ufffd', 'x'.repeat(64), 'x'.repeat(65), 'x'.repeat(64) + 'y'][i % 11]!
  ]
  for (let round = 0; round < 2; round++) {
    for (const load of loads) {
      for (let i = 0; i < 60_000; i++) ask(load(i))
    }
  }
  t.same(wrong.slice(0, 5), [])
})
