import type { Functions } from '../types/functions.ts'
export function cacheFunctions (..._x: unknown[]): Functions & { close (): Promise<void> } { return { close: async () => {} } as never }
export function makeTemplateFragmentKey (name: string): string { return name }
