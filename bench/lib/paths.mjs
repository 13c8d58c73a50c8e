import { join } from 'node:path'

export const bench = join(import.meta.dirname, '..')
export const results = join(bench, 'results')
export const plugin = join(bench, '../dist/index.js')
export const contenderFile = (name) => join(bench, 'contenders', `${name}.mjs`)
