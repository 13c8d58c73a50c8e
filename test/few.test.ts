import t from 'tap'
import fc from 'fast-check'
import { Few } from '../lib/few.ts'

const steps = fc.array(fc.tuple(fc.constantFrom('set', 'delete', 'clear'), fc.constantFrom('a', 'b', 'c', 'd'), fc.integer()), { maxLength: 40 })

t.test('it holds what a Map would, under any order of steps', async () => {
  fc.assert(fc.property(steps, (list) => {
    const few = new Few<number>()
    const map = new Map<string, number>()
    for (const [step, key, value] of list) {
      if (step === 'clear') {
        few.clear()
        map.clear()
      } else if (step === 'delete') {
        few.delete(key)
        map.delete(key)
      } else {
        few.set(key, value)
        map.set(key, value)
      }
      const same = few.size === map.size && ['a', 'b', 'c', 'd'].every((key) => few.get(key) === map.get(key)) &&
        few.oldest === map.keys().next().value && JSON.stringify(few.entries()) === JSON.stringify([...map])
      if (!same) return false
    }
    return true
  }), { numRuns: 2000 })
})
