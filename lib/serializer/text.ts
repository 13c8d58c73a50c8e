type Unicode = string & { isWellFormed (): boolean }

/** UTF-8 turns a lone surrogate into U+FFFD, so that two different strings would become one. */
export function isWellFormed (text: string): boolean {
  return (text as Unicode).isWellFormed()
}
