import t from 'tap'
import { eventually, startOrigin } from '../helpers/origin.ts'

t.test('a forced update runs for itself, also while another run of the key is under way and nothing is stored yet', async (t) => {
  const gates: Array<() => void> = []
  const origin = await startOrigin((app, origin) => {
    app.get('/f', { config: { cache: { timeout: 60, queryString: false, isolate: false, forcedUpdate: (request) => request.url.endsWith('?update') } } }, async () => {
      const run = origin.ran()
      await new Promise<void>((resolve) => { gates[run] = resolve })
      return `run ${run}`
    })
  })
  t.teardown(() => origin.close())
  const first = origin.get('/f')
  await eventually(() => origin.runs() === 1)
  const forced = origin.get('/f?update')
  t.ok(await eventually(() => origin.runs() === 2), 'it does not wait for the first')
  gates[2]?.()
  t.equal((await forced).text, 'run 2')
  gates[1]?.()
  t.equal((await first).text, 'run 1')
})
