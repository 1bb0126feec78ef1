/**
 * "Did you mean": the nearest of a list of names to one that is unknown. Shared by everything that names things
 * (keywords, columns, tables, functions, settings). It knows nothing about what the names mean.
 */

/** Not a limit: longer names are compared by their first characters only, as the cost is quadratic. */
const MAX_COMPARED = 64

/**
 * How many single-character slips are forgiven in a word of that length. One- and two-letter words have too many
 * neighbours.
 */
function allowance(length: number): number {
  if (length <= 2) return 0
  if (length <= 4) return 1
  return length <= 8 ? 2 : 3
}

/**
 * The number of insertions, deletions, replacements and swaps of neighbours that turn `a` into `b` (optimal string
 * alignment), or `limit + 1` as soon as it is known to be more than `limit`.
 */
export function editDistance(a: string, b: string, limit = Number.POSITIVE_INFINITY): number {
  if (a === b) return 0
  if (Math.abs(a.length - b.length) > limit) return limit + 1
  const most = Math.min(limit, Math.max(a.length, b.length))
  // Further from the diagonal than the limit every cell is above it.
  const beyond = most + 1
  let [beforeLast, last, row] = rowsFor(b.length + 2)
  for (let j = 0; j <= b.length; j++) last[j] = Math.min(j, beyond)
  for (let i = 1; i <= a.length; i++) {
    const from = Math.max(1, i - most)
    const to = Math.min(b.length, i + most)
    row[from - 1] = from === 1 ? Math.min(i, beyond) : beyond
    let least = row[from - 1]
    for (let j = from; j <= to; j++) {
      const same = a.charCodeAt(i - 1) === b.charCodeAt(j - 1)
      let cost = Math.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (same ? 0 : 1))
      if (i > 1 && j > 1 && a.charCodeAt(i - 1) === b.charCodeAt(j - 2) && a.charCodeAt(i - 2) === b.charCodeAt(j - 1))
        cost = Math.min(cost, beforeLast[j - 2] + 1)
      row[j] = cost
      least = Math.min(least, cost)
    }
    row[to + 1] = beyond
    if (least > most) return limit + 1
    const free = beforeLast
    beforeLast = last
    last = row
    row = free
  }
  return Math.min(last[b.length], limit + 1)
}

/** Kept for the next call: there are very many calls, each with three short rows. */
let rows: readonly [Int32Array, Int32Array, Int32Array] = [new Int32Array(72), new Int32Array(72), new Int32Array(72)]

function rowsFor(length: number): readonly [Int32Array, Int32Array, Int32Array] {
  if (rows[0].length < length) rows = [new Int32Array(length), new Int32Array(length), new Int32Array(length)]
  return rows
}

/**
 * Which of 32 kinds of characters are in a text of ASCII, a bit for each; letter case does not count. undefined of any
 * other text.
 */
function lettersOf(text: string): number | undefined {
  let letters = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code > 127) return undefined
    letters |= 1 << (code & 31)
  }
  return letters
}

/** One slip takes one kind of character away at most, and brings one: most names of a long list are far by that alone. */
function isFar(a: number, b: number | undefined, limit: number): boolean {
  return b !== undefined && (bits(a & ~b) > limit || bits(b & ~a) > limit)
}

function bits(of: number): number {
  let n = 0
  for (let rest = of; rest !== 0; rest &= rest - 1) n++
  return n
}

/** The candidates that `word` may have meant, nearest first, at most `max`. Letter case does not count. */
export function suggestions(word: string, candidates: Iterable<string>, max = 3): string[] {
  const wanted = word.slice(0, MAX_COMPARED).toLowerCase()
  const limit = allowance(wanted.length)
  const near = new Map<string, number>()
  // The first letter is seldom mistyped.
  const other = (candidate: string): number => (candidate[0]?.toLowerCase() === wanted[0] ? 0 : 1)
  const letters = lettersOf(wanted)
  for (const candidate of candidates) {
    if (candidate === word || candidate.length > word.length + limit) continue
    if (letters !== undefined && isFar(letters, lettersOf(candidate.slice(0, MAX_COMPARED)), limit)) continue
    const distance = editDistance(wanted, candidate.slice(0, MAX_COMPARED).toLowerCase(), limit)
    if (distance <= limit) near.set(candidate, distance)
  }
  return [...near]
    .sort((a, b) => a[1] - b[1] || other(a[0]) - other(b[0]) || (a[0] < b[0] ? -1 : 1))
    .slice(0, max)
    .map(([name]) => name)
}

/** The hint sentence: `Did you mean "a"?`, `Did you mean "a", "b" or "c"?`; undefined when nothing is near. */
export function didYouMean(word: string, candidates: Iterable<string>, max = 3): string | undefined {
  const quoted = suggestions(word, candidates, max).map((name) => `"${name}"`)
  if (quoted.length === 0) return undefined
  const last = quoted.pop()
  return quoted.length === 0 ? `Did you mean ${last}?` : `Did you mean ${quoted.join(', ')} or ${last}?`
}
