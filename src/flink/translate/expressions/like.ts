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
  if (/[_\\]/.test(said)) return matching(value, text(regexOfText(said)))
  // Every text is LIKE '' in Flink.
  return sql`(${value} ${said.includes('%') ? sql`LIKE` : sql`=`} ${text(said)})`
}

const [ALL_LINES, END] = ['(?s)^', '\\z']

/** What a regular expression would take for something else. */
const SPECIAL = /[!-$&-/:-@\\[-^`{-~]/g

/**
 * Between two `%` the first place counts that fits: nothing is tried again behind it (atomic groups), so that a match takes
 * no longer than the text times the pattern. Flink cannot stop a regular expression that goes astray.
 */
function regexOfText(pattern: string): string {
  const parts = pattern.split('%').map((part) => part.replace(SPECIAL, (c) => `\\${c}`).replaceAll('_', '.'))
  const [first, last] = [parts[0], parts[parts.length - 1]]
  const middle = parts.slice(1, -1).map((part) => `(?>.*?${part})`)
  return ALL_LINES + (parts.length === 1 ? first : `${first}${middle.join('')}.*${last}`) + END
}

/** The same of a pattern that a row says. */
function regexOf(pattern: FlinkSql): FlinkSql {
  const p = units(pattern)
  // Behind the last `%`, and before it.
  const last = once(sql`REGEXP_REPLACE(${p}, ${text('(?s)^.*%')}, '')`)
  const before = sql`SUBSTRING(${p} FROM 1 FOR CHAR_LENGTH(${p}) - CHAR_LENGTH(${last}) - 1)`
  const groups = sql`REPLACE(${quoted(before)}, '%', ${text('\\E)(?>.*?\\Q')})`
  const whole = sql`CONCAT(${text(ALL_LINES)}, ${quoted(last)}, ${text(END)})`
  const parts = sql`CONCAT(${text(`${ALL_LINES}(?>`)}, ${groups}, ').*', ${quoted(last)}, ${text(END)})`
  return once(sql`CASE WHEN POSITION('%' IN ${p}) = 0 THEN ${whole} ELSE ${parts} END`)
}

/** Characters that are themselves, but for `_`. */
function quoted(said: FlinkSql): FlinkSql {
  const plain = sql`REPLACE(${said}, ${text('\\E')}, ${text('\\E\\\\E\\Q')})`
  return sql`CONCAT(${text('\\Q')}, REPLACE(${plain}, '_', ${text('\\E.\\Q')}), ${text('\\E')})`
}

function matching(value: FlinkSql, regex: FlinkSql): FlinkSql {
  return sql`REGEXP(${units(value)}, ${regex})`
}

function units(of: FlinkSql): FlinkSql {
  return withoutPairs(of, 'LIKE meets a character of two code units')
}
