import { nearest } from './nearest.ts'

/** One thing that is wrong with an option; the text says what it takes. Several are reported together. */
export class Fault extends Error {}

const SHOWN = 80

/**
 * A value as a message may show it. Texts that could carry credentials (a URL, anything with `@`) are not shown, nor
 * is what an object or a list holds.
 */
export function show (value: unknown): string {
  if (typeof value === 'string') return showText(value)
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value)
  if (typeof value === 'boolean' || value === null || value === undefined) return String(value)
  return kind(value)
}

function showText (text: string): string {
  if (text.includes('@') || text.includes('//')) return 'a string that is not shown, since it may hold a password'
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text)
}

/** What sort of value it is, and nothing of what it holds: for options that may be secret. */
export function kind (value: unknown): string {
  if (value === null) return 'null'
  if (typeof value === 'object') return isArray(value) ? 'a list' : 'an object'
  return value === undefined ? 'undefined' : `a ${typeof value}`
}

function isArray (value: unknown): boolean {
  try {
    return Array.isArray(value)
  } catch { // a revoked proxy
    return false
  }
}

/** An option's or policy's name, quoted when it is not an ordinary one. */
export function showName (name: string): string {
  return /^[\w-]{1,64}$/.test(name) ? name : show(name)
}

/** The fault of a name that nobody knows: the nearest known one, else all of them. */
export function unknownName (what: string, name: string, known: readonly string[]): string {
  const guess = nearest(name, known)
  const hint = guess === undefined ? `known are ${known.join(', ')}` : `did you mean ${guess}?`
  return `unknown ${what} ${showName(name)}: ${hint}`
}

/** Runs one check and keeps its fault; `undefined` when there was one. */
export function collect<T> (faults: string[], path: string, check: () => T): T | undefined {
  try {
    return check()
  } catch (error) {
    // Another error comes from the user's own getter or proxy; its text may hold anything, so it is not repeated.
    faults.push(`${path} ${error instanceof Fault ? error.message : 'cannot be read: a getter or proxy of it threw'}`)
    return undefined
  }
}
