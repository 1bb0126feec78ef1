/** LIKE: with `%` alone as Flink's own, with anything else as a regular expression, in which every character is itself. */
import type { LikeMatch } from '../../../plan/plan.ts'
import { BOOLEAN } from '../../../types.ts'
import { textIn, withoutPairs } from '../carriers.ts'
import { type FlinkSql, once, sql, text } from '../flink-sql.ts'
import { Refusal } from '../refusal.ts'
import type { Term } from '../terms.ts'

/** `pattern`: where rows say it. `_` stands for a code unit here, and for a character there: one of two ends the job. */
export function like({ pattern, negated, span }: LikeMatch, of: Term, said: Term | undefined): Term {
  const value = textOf(of, span)
  const matches = said === undefined ? fixed(value, pattern) : matching(value, regexOf(textOf(said, span)))
  return { sql: negated ? sql`(NOT ${matches})` : matches, type: BOOLEAN }
}

function textOf(term: Term, span: LikeMatch['span']): FlinkSql {
  if (term.type.kind === 'json') return textIn(term)
  if (term.type.kind === 'string' || term.type.kind === 'uuid' || term.type.kind === 'null') return term.sql
  throw new Refusal(`LIKE on a value of the type ${term.type.kind} is not handed over to Flink.`, span)
}

function fixed(value: FlinkSql, pattern: LikeMatch['pattern']): FlinkSql {
  const said = pattern.kind === 'constant' ? pattern.value : undefined
  if (said === null) return sql`CAST(NULL AS BOOLEAN)`
  if (typeof said !== 'string') throw new Refusal('LIKE with a pattern that is no text is not handed over to Flink.')
  // A backslash is an escape there, and nothing here.
  if (/[_\\]/.test(said)) return matching(value, text(ALL_LINES + wildcards(escaped(said)) + END))
  // Every text is LIKE '' in Flink.
  return sql`(${value} ${said.includes('%') ? sql`LIKE` : sql`=`} ${text(said)})`
}

const [ALL_LINES, END] = ['(?s)^', '\\z']

/** What a regular expression would take for something else. */
const SPECIAL = '[!-$&-/:-@\\[-^`{-~]'

function escaped(pattern: string): string {
  return pattern.replace(new RegExp(SPECIAL, 'g'), (c) => `\\${c}`)
}

function wildcards(pattern: string): string {
  return pattern.replaceAll('_', '.').replaceAll('%', '.*')
}

/** The same of a pattern that a row says: quoted, but for its wildcards. */
function regexOf(pattern: FlinkSql): FlinkSql {
  const plain = sql`REPLACE(${units(pattern)}, ${text('\\E')}, ${text('\\E\\\\E\\Q')})`
  const quoted = sql`REPLACE(REPLACE(${plain}, '_', ${text('\\E.\\Q')}), '%', ${text('\\E.*\\Q')})`
  return once(sql`CONCAT(${text(`${ALL_LINES}\\Q`)}, ${quoted}, ${text(`\\E${END}`)})`)
}

function matching(value: FlinkSql, regex: FlinkSql): FlinkSql {
  return sql`REGEXP(${units(value)}, ${regex})`
}

function units(of: FlinkSql): FlinkSql {
  return withoutPairs(of, 'LIKE meets a character of two code units')
}
