/** One piece of a route's pattern: text as it stands, a parameter, or the wildcard. */
type Piece = { readonly text: string } | { readonly parameter: string, readonly optional: boolean } | { readonly wildcard: true }

/** A route's pattern in its pieces; the regular expressions of parameters are left out. `::` is a colon. */
export function piecesOf (pattern: string): Piece[] {
  const pieces: Piece[] = []
  let text = ''
  const flush = (): void => {
    if (text !== '') pieces.push({ text })
    text = ''
  }
  for (let i = 0; i < pattern.length; i++) {
    const char = pattern[i]!
    if (char === ':' && pattern[i + 1] === ':') {
      text += ':'
      i++
    } else if (char === ':') {
      flush()
      let end = i + 1
      while (end < pattern.length && !'/-.:(?*'.includes(pattern[end]!)) end++
      const parameter = pattern.slice(i + 1, end)
      if (pattern[end] === '(') end = closing(pattern, end)
      const optional = pattern[end] === '?'
      pieces.push({ parameter, optional })
      i = optional ? end : end - 1
    } else if (char === '*') {
      flush()
      pieces.push({ wildcard: true })
    } else {
      text += char
    }
  }
  flush()
  return pieces
}

/** Just behind the parenthesis that closes the one at `start`. */
function closing (pattern: string, start: number): number {
  let depth = 0
  for (let i = start; i < pattern.length; i++) {
    if (pattern[i] === '\\') i++
    else if (pattern[i] === '(') depth++
    else if (pattern[i] === ')' && --depth === 0) return i + 1
  }
  return pattern.length
}

/** The pattern without regular expressions: what two spellings of one pattern have in common. */
export function plainPattern (pattern: string): string {
  return piecesOf(pattern).map((piece) => 'text' in piece ? piece.text.replaceAll(':', '::') : 'wildcard' in piece ? '*' : `:${piece.parameter}${piece.optional ? '?' : ''}`).join('')
}

export function hasParameters (pattern: string): boolean {
  return piecesOf(pattern).some((piece) => !('text' in piece))
}

/** Does a path fall under a pattern? Wider than the router, which also knows the regular expressions. */
export function matchesPattern (pattern: string, path: string, caseSensitive: boolean): boolean {
  const source = piecesOf(pattern).map((piece) => {
    if ('text' in piece) return piece.text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
    if ('wildcard' in piece) return '.*'
    return piece.optional ? '[^/]*' : '[^/]+'
  }).join('')
  return new RegExp(`^${source}/?$`, caseSensitive ? 's' : 'is').test(path)
}

/** The path that a pattern makes with these values. A missing one is told by its name. */
export function fillPattern (pattern: string, values: Readonly<Record<string, string | number>>): string | { missing: string } {
  let path = ''
  for (const piece of piecesOf(pattern)) {
    if ('text' in piece) {
      path += piece.text
      continue
    }
    const name = 'wildcard' in piece ? '*' : piece.parameter
    const value = Object.hasOwn(values, name) ? values[name] : undefined
    if (value === undefined) {
      if ('wildcard' in piece || !piece.optional) return { missing: name }
      path = path.replace(/\/$/, '')
      continue
    }
    path += 'wildcard' in piece ? String(value).split('/').map(encodeURIComponent).join('/') : encodeURIComponent(String(value))
  }
  return path
}
