/**
 * Comparisons by order in Flink SQL that its planner can see as such: those that do not stand alone in an `IF`, and are not
 * part of a column that it does not look into.
 */

interface Frame {
  /** The name before a parenthesis, or `CASE`. */
  readonly head: string
  /** How many comparisons were found when it began. */
  readonly found: number
  readonly start: number
}

const TOKEN = /'[^']*'|`[^`]*`|(?<head>\w*)\(|\)|\bCASE\b|\bEND\b| (?:<=?|>=?) |\bBETWEEN\b/g
/** A column of a SELECT below (`once`): the planner asks it anew each time, and so copies nothing out of it. */
const COLUMN = /^CASE WHEN RAND_INTEGER\(1\) = 0 THEN /

/** Excerpts with the comparisons, none where all is well. */
export function looseOrderings(sql: string): string[] {
  const frames: Frame[] = []
  const found: string[] = []
  for (const match of sql.matchAll(TOKEN)) {
    const [token] = match
    const at = match.index
    if (token.startsWith("'") || token.startsWith('`')) continue
    if (token.endsWith('(') || token === 'CASE')
      frames.push({ head: match.groups?.['head'] ?? token, found: found.length, start: at })
    else if (token === ')') frames.pop()
    else if (token === 'END') {
      const { start, found: before } = frames.pop() ?? { start: at, found: 0 }
      const isColumn = COLUMN.test(sql.slice(start, start + 60)) && sql.startsWith(' AS `', at + 3)
      if (isColumn) found.length = before
    } else if (frames.at(-1)?.head !== 'IF') found.push(sql.slice(Math.max(0, at - 80), at + 40))
  }
  return found
}
