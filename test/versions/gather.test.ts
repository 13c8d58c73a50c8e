import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { Entry } from '../../lib/entry.ts'
import type { Store } from '../../lib/stores/store.ts'
import { gatheredLookups } from '../../lib/versions/gather.ts'
import type { Found } from '../../lib/versions/versioned.ts'

interface Sent { readonly keys: readonly string[], answer (values?: Record<string, string>): void, fail (error: Error): void }

/** A backend whose every answer waits for the test. Values are texts; `judge` takes them for entries. */
function bench () {
  const sent: Sent[] = []
  let flushed = 0
  const inner = {
    async getMany (keys: readonly string[]): Promise<Array<Buffer | undefined>> {
      return await new Promise((resolve, reject) => {
        sent.push({
          keys,
          answer: (values = {}) => { resolve(keys.map((key) => values[key] === undefined ? undefined : Buffer.from(values[key]))) },
          fail: reject
        })
      })
    },
    flush () { flushed++ }
  }
  const judged: string[] = []
  const counted: Array<number | undefined> = []
  let readLate: ((marks: string[]) => void) | undefined
  const lookup = gatheredLookups({
    store: {
      operation: async (work, calls) => {
        counted.push(calls)
        return await work(inner as unknown as Store<Buffer>)
      }
    },
    markKey: (name) => 'm:' + name,
    readMarks: async () => await new Promise((resolve) => { readLate = resolve }),
    judge: ({ key, bytes, names, marks }, late) => {
      judged.push(key)
      const found = (text: string | undefined): Found => ({ key, entry: text as unknown as Entry, softened: Infinity, names, marks, sequence: 0 })
      const text = bytes?.toString()
      return text === 'late' ? late(['tag']).then(([mark]) => found(mark)) : found(text)
    }
  })
  return { lookup, sent, judged, counted, flushes: () => flushed, answerLate: (marks: string[]) => readLate!(marks) }
}

t.test('the look-ups of one turn are one read, and those of one key are one question', async (t) => {
  const { lookup, sent, judged, counted, flushes } = bench()
  const answers = [lookup('a', ['c', 'u']), lookup('b', ['c']), lookup('a', ['c', 'u']), lookup('v', [])]
  t.same(sent, [], 'nothing is sent before the end of the turn')
  await turn()
  t.same(sent.map(({ keys }) => keys), [['a', 'm:c', 'm:u', 'b', 'm:c', 'v']])
  t.equal(flushes(), 1, 'and then at once')
  sent[0]!.answer({ a: 'A', v: 'V', 'm:c': '1', 'm:u': '2' })
  const [a, b, again, v] = await Promise.all(answers)
  t.match([a!.entry, b!.entry, v!.entry], ['A', undefined, 'V'])
  t.same([a!.marks, b!.marks, v!.marks], [['1', '2'], ['1'], []])
  t.equal(again, a)
  t.same(judged, ['a', 'b', 'v'])
  t.same(counted, [4], 'where it fails, it counts as all of them')
})

t.test('nobody joins a question that has been sent', async (t) => {
  const { lookup, sent } = bench()
  const before = lookup('a', [])
  await turn()
  const after = lookup('a', [])
  sent[0]!.answer({ a: 'old' })
  t.equal((await before).entry, 'old')
  await turn()
  sent[1]!.answer({ a: 'new' })
  t.equal((await after).entry, 'new')
})

t.test('of very many keys in one turn, the first are sent before it ends', async (t) => {
  const { lookup, sent } = bench()
  const answers = Array.from({ length: 20 }, (_, n) => lookup(`k${n}`, []))
  t.same(sent.map(({ keys }) => keys.length), [16])
  const again = lookup('k0', [])
  await turn()
  t.same(sent.map(({ keys }) => keys.length), [16, 5], 'and what is asked again after that is read again')
  sent[0]!.answer({ k0: 'before' })
  sent[1]!.answer({ k0: 'after', k19: 'last' })
  t.match([(await answers[0]!).entry, (await answers[19]!).entry, (await again).entry], ['before', 'last', 'after'])
})

t.test('one key with other names is another question', async (t) => {
  const { lookup, sent } = bench()
  const answers = [lookup('a', ['c']), lookup('a', ['c', 'x']), lookup('a', ['c', 'x'])]
  await turn()
  t.same(sent[0]!.keys, ['a', 'm:c', 'a', 'm:c', 'm:x'])
  sent[0]!.answer({ a: 'A', 'm:x': '9' })
  t.same((await Promise.all(answers)).map(({ marks }) => marks), [[undefined], [undefined, '9'], [undefined, '9']])
})

t.test('a read that fails is everybody\'s failure, and the next turn asks anew', async (t) => {
  const { lookup, sent } = bench()
  const answers = [lookup('a', []), lookup('b', ['c']), lookup('a', [])]
  await turn()
  sent[0]!.fail(new Error('connection lost'))
  for (const answer of answers) await t.rejects(answer, { message: 'connection lost' })
  const next = lookup('a', [])
  await turn()
  sent[1]!.answer({ a: 'A' })
  t.equal((await next).entry, 'A')
})

t.test('an entry that needs another read holds up no other', async (t) => {
  const { lookup, sent, answerLate } = bench()
  const slow = lookup('slow', [])
  const quick = lookup('quick', [])
  await turn()
  sent[0]!.answer({ slow: 'late', quick: 'Q' })
  t.equal((await quick).entry, 'Q')
  answerLate(['mark'])
  t.equal((await slow).entry, 'mark')
})
