/**
 * Topic name patterns of the configuration: a name, or a name with `*` for any run of characters (`orders`, `pay*`,
 * `*-dlq`, `eu.*.v1`, `*`). Case counts. No other character is special.
 */

/** Whether the whole name fits the pattern. Takes time proportional to pattern × name at worst, never more. */
export function matchesPattern(pattern: string, name: string): boolean {
  const pieces = pattern.split('*')
  return pieces.length === 1 ? pattern === name : fits(pieces, name)
}

/** `pieces`: what stands around and between the `*` of a pattern, two at least. */
function fits(pieces: readonly string[], name: string): boolean {
  const first = pieces[0]
  const last = pieces[pieces.length - 1]
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false
  let at = first.length
  const end = name.length - last.length
  for (let i = 1; i < pieces.length - 1; i++) {
    const found = name.indexOf(pieces[i], at)
    if (found < 0 || found + pieces[i].length > end) return false
    at = found + pieces[i].length
  }
  return true
}

/**
 * Whether a name fits one of the patterns, for very many names: patterns without `*` are looked up, however many there
 * are, and the others are taken apart once.
 */
export function anyOf(patterns: readonly string[]): (name: string) => boolean {
  if (patterns.some((pattern) => /^\*+$/.test(pattern))) return () => true
  const exact = new Set(patterns.filter((pattern) => !pattern.includes('*')))
  const wild = [...new Set(patterns)].filter((pattern) => pattern.includes('*')).map((pattern) => pattern.split('*'))
  return (name) => exact.has(name) || wild.some((pieces) => fits(pieces, name))
}

/**
 * The entry that counts for a name: the name itself, else the pattern with the most characters beside `*`, the earlier
 * one among equals.
 */
export function bestMatch<T>(
  entries: Readonly<Record<string, T>>,
  name: string,
): { readonly pattern: string; readonly value: T } | undefined {
  if (Object.hasOwn(entries, name)) return { pattern: name, value: entries[name] }
  let best: string | undefined
  for (const pattern of Object.keys(entries)) {
    if (matchesPattern(pattern, name) && (best === undefined || weight(pattern) > weight(best))) best = pattern
  }
  return best === undefined ? undefined : { pattern: best, value: entries[best] }
}

function weight(pattern: string): number {
  return pattern.length - (pattern.split('*').length - 1)
}
