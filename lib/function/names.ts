import { textKey } from './key-text.ts'

/** The names, among an entry's dependencies, whose versions a purge moves. They never meet: each begins with a letter of its own. */

/** The version of everything that carries a tag. */
export function tagName (tag: string): string {
  return `t:${textKey(tag)}`
}

/** The version of all results of a function. */
export function functionName (name: string): string {
  return `f:${textKey(name)}`
}

/** The version of all results of a function as a method of one instance. `identity`: short, unique. */
export function instanceName (name: string, identity: string): string {
  return `i:${textKey(name)}${identity}`
}
