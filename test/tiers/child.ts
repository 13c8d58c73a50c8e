// A process of its own with the plugin on a shared backend; does what it is told over IPC.
import { createSubject } from './subject.ts'
import type { Job } from './subject.ts'

const run = createSubject()
process.on('message', ({ id, job }: { id: number, job: Job }) => {
  run(job).then(
    (result) => process.send?.({ id, result: result ?? null }),
    (error: Error) => process.send?.({ id, error: error.message })
  )
})
process.on('disconnect', () => process.exit())
