/**
 * What a `Cookie` field says under these names, so that no two fields that differ in it give the same text: of each name
 * all values in their order, byte for byte as sent (quotes and white space too). An absent cookie differs from an empty
 * one. Names are case-sensitive, and not decoded (RFC 6265 §4.2).
 */
export function cookieValues (header: string | undefined, names: readonly string[]): string {
  if (header === undefined || names.length === 0) return '-'.repeat(names.length)
  const pairs = header.split(';')
  let text = ''
  for (const name of names) text += valuesOf(pairs, name)
  return text
}

function valuesOf (pairs: readonly string[], name: string): string {
  let values = ''
  for (const pair of pairs) {
    const equals = pair.indexOf('=')
    if ((equals === -1 ? pair : pair.slice(0, equals)).trim() !== name) continue
    // A bare name is not the empty value: parsers differ in what they make of it
    values += equals === -1 ? '!' : `${pair.length - equals - 1}:${pair.slice(equals + 1)}`
  }
  // The end mark cannot be taken for a value, which begins with a digit or "!"
  return `${values}-`
}
