import { KeyWalk } from './key-walk.ts'
import { primitiveKey } from './key-text.ts'

/**
 * The canonical text of a list of arguments. Two lists have the same text exactly when they are deeply and strictly
 * equal (`util.isDeepStrictEqual`), apart from what that function cannot see or does not take for equal with itself:
 * URLs are compared by their text, two invalid dates are equal, an instance of a class is what its `cachingId()` or
 * `toJSON()` says under its class's name, and properties that somebody hung on a typed array are not looked at.
 *
 * Every part ends by itself (a length in front, or a closing mark), so that no content can be taken for another part.
 *
 * @param args the arguments; a trailing `undefined` counts
 * @param subject names the function in the message of a refusal
 * @throws FST_CACHE_ERR_FUNCTION for an argument that has no key: a function, a symbol, an instance of a class with neither method
 */
export function argumentsKey (args: readonly unknown[], subject = 'the function'): string {
  // One or two strings or numbers are what most calls bring: no walk, no list.
  if (args.length <= 2) {
    const first = args.length === 0 ? '' : primitiveKey(args[0])
    if (first !== undefined) {
      const second = args.length < 2 ? '' : primitiveKey(args[1])
      if (second !== undefined) return first + second
    }
  }
  let key = ''
  for (let i = 0; i < args.length; i++) {
    key += primitiveKey(args[i]) ?? new KeyWalk(`${subject}: argument ${i + 1}`).key(args[i])
  }
  return key
}
