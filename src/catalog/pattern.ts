/**
 * Topic name patterns of the configuration: a name, or a name with `*` for any run of characters (`orders`, `pay*`,
 * `*-dlq`, `eu.*.v1`, `*`). Case counts. No other character is special.
 */

/** Whether the whole name fits the pattern. Takes time proportional to pattern × name at worst, never more. */
export function matchesPattern(pattern: string, name: string): boolean {
  const pieces = pattern.split('*')
  if (pieces.length === 1) return pattern === name
  const first = pieces[0]
  const last = pieces[pieces.length - 1]
  if (name.length < first.length + last.length || !name.startsWith(first) || !name.endsWith(last)) return false
  let at = first.length
  const end = name.length - last.length
  for (const piece of pieces.slice(1, -1)) {
    const found = name.indexOf(piece, at)
    if (found < 0 || found + piece.length > end) return false
    at = found + piece.length
  }
  return true
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
