import { setTimeout as sleep } from 'node:timers/promises'

/** Stands for a slow database: the answer comes after `delay` ms. */
export async function slowly<T> (answer: T, delay: number): Promise<T> {
  await sleep(delay)
  return answer
}
