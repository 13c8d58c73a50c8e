/** A string of Node 20 and later has it; the ES2023 library does not declare it yet. */
type WellFormed = string & { isWellFormed (): boolean }

/**
 * A string as a part of a key: its length in front, so that no content can be taken for the next part. A lone
 * surrogate has no UTF-8 form (every one of them would become U+FFFD on the wire and meet the others), so that such a
 * string is written with escapes, under a tag of its own.
 */
export function textKey (text: string): string {
  if ((text as WellFormed).isWellFormed()) return `s${text.length}:${text}`
  const escaped = JSON.stringify(text)
  return `S${escaped.length}:${escaped}`
}

function numberKey (value: number): string {
  return Object.is(value, -0) ? 'n-0;' : `n${value};`
}

/** The key of a primitive; `undefined` for an object, a function or a symbol. Each ends where its next part begins. */
export function primitiveKey (value: unknown): string | undefined {
  switch (typeof value) {
    case 'string': return textKey(value)
    case 'number': return numberKey(value)
    case 'boolean': return value ? 't' : 'f'
    case 'undefined': return 'u'
    case 'bigint': return `i${value};`
    case 'object': return value === null ? 'z' : undefined
    default: return undefined
  }
}
