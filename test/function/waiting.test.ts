import t from 'tap'

import { LATE, pause, systemTimers, within } from '../../lib/function/waiting.ts'

t.test('timers never keep the process alive, and long ones do not fire at once', async (t) => {
  const timer = systemTimers.start(() => t.fail('fired'), 1e12) as NodeJS.Timeout
  t.notOk(timer.hasRef())
  await new Promise((resolve) => setTimeout(resolve, 5))
  systemTimers.stop(timer)
})

t.test('within', async (t) => {
  const alive = setInterval(() => {}, 1000)
  t.teardown(() => clearInterval(alive))
  t.equal(await within(systemTimers, new Promise(() => {}), 1), LATE)
  t.equal(await within(systemTimers, Promise.resolve(1), 1_000), 1)
  await t.rejects(within(systemTimers, Promise.reject(new Error('no')), 1_000), { message: 'no' })
  t.equal(await within(systemTimers, Promise.resolve(1), undefined), 1)
  await pause(systemTimers, 1)
})
