const WORDS = /\b(?:this|super)\b/

/**
 * Does a function's text use `this`, outside of comments and strings? Where the text cannot be followed (a quote in a
 * regular expression, say) the answer is yes: an unneeded question for an identity is harmless, a shared entry is not.
 */
export function usesThis (source: string): boolean {
  if (!WORDS.test(source)) return false
  const code = withoutText(source)
  return code === undefined || WORDS.test(code)
}

/** The code without comments and plain strings; `undefined` where a string does not end. Templates stay: they hold code. */
function withoutText (source: string): string | undefined {
  let code = ''
  for (let at = 0; at < source.length;) {
    const two = source.slice(at, at + 2)
    if (two === '//') {
      at = lineEnd(source, at)
    } else if (two === '/*') {
      const end = source.indexOf('*/', at + 2)
      if (end === -1) return undefined
      at = end + 2
      code += ' '
    } else if (source[at] === "'" || source[at] === '"') {
      const end = stringEnd(source, at)
      if (end === undefined) return undefined
      at = end
      code += "''"
    } else {
      code += source[at++]
    }
  }
  return code
}

function lineEnd (source: string, from: number): number {
  const end = source.indexOf('\n', from)
  return end === -1 ? source.length : end
}

function stringEnd (source: string, from: number): number | undefined {
  for (let at = from + 1; at < source.length; at++) {
    if (source[at] === '\\') at++
    else if (source[at] === source[from]) return at + 1
    else if (source[at] === '\n') return undefined
  }
  return undefined
}
