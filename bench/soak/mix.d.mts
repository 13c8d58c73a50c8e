import type { Agent } from 'node:http'

export interface Wanted {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly starts: string
  readonly statuses: readonly number[]
  readonly leaves: 'early' | 'midway' | undefined
}

export function mix (seed: number, among?: number): () => Wanted
export function play (options: {
  port: number
  agent: Agent
  next: () => Wanted
  workers: number
  going: (requests: number) => boolean
}): Promise<{ requests: number, faults: string[] }>
