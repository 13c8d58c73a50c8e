import { errors } from '../errors.ts'
import { argumentsKey } from './arguments-key.ts'

/**
 * The key of a template fragment, for `cache.get` and `cache.delete`.
 *
 * @param varyOn what the fragment depends on, in order; compared like the arguments of a memoized function
 * @throws FST_CACHE_ERR_FUNCTION for a part that cannot be a part of a key
 */
export function makeTemplateFragmentKey (name: string, varyOn?: readonly unknown[] | null): string {
  if (typeof name !== 'string' || name === '') {
    throw new errors.FST_CACHE_ERR_FUNCTION(`a fragment needs a name, a non-empty string; got ${name === '' ? "''" : typeof name}`)
  }
  if (varyOn !== undefined && varyOn !== null && !Array.isArray(varyOn)) {
    throw new errors.FST_CACHE_ERR_FUNCTION(`fragment('${name}'): varyOn must be a list; got ${typeof varyOn}`)
  }
  return `fragment:${argumentsKey([name])}${argumentsKey(varyOn ?? [], `fragment('${name}'), varyOn`)}`
}

/** What a template engine made, as text. */
export function rendered (result: unknown): string {
  return result === undefined || result === null ? '' : String(result)
}
