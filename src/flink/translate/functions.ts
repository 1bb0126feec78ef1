/**
 * Functions that Flink computes exactly as we do: one row each. Any other call is refused by name. Texts are counted in
 * UTF-16 code units here and in characters there; where that shows, characters beyond the basic plane end the job.
 */
import { asType, numberIn, ordered, textIn, wide } from './carriers.ts'
import type { FunctionExpr } from '../../plan/plan.ts'
import { BOOLEAN, DOUBLE, STRING } from '../../types.ts'
import { type FlinkSql, list, once, sql, text } from './flink-sql.ts'
import { Refusal } from './refusal.ts'
import { digitsOf, guard, isWhole, type Term } from './terms.ts'

type Row = (args: readonly Term[], e: FunctionExpr) => Term

/** A call with translated arguments. Throws a Refusal where Flink's answer would be another one. */
export function translateCall(e: FunctionExpr, args: readonly Term[]): Term {
  const row = Object.hasOwn(ROWS, e.fn.name) ? ROWS[e.fn.name] : undefined
  if (row === undefined) throw new Refusal(`${e.fn.name.toUpperCase()} is not handed over to Flink.`, e.span)
  return row(args, e)
}

/** An argument that has to be a text: a JSON value that is none ends the job, as it ends the query here. */
function textArgument(term: Term): FlinkSql {
  if (term.type.kind === 'string' || term.type.kind === 'uuid') return term.sql
  if (term.type.kind !== 'json')
    throw new Refusal(`A text function of a value of the type ${term.type.kind} stays here.`)
  const c = once(term.sql)
  const none = sql`${c} IS NOT NULL AND SUBSTRING(${c} FROM 1 FOR 1) <> '"'`
  return once(sql`CASE WHEN ${none} THEN ${guard('a text is expected', c, sql`STRING`)} ELSE ${textIn(term)} END`)
}

/** The same without characters that are two code units. */
function unitsArgument(term: Term): FlinkSql {
  return ordered(textArgument(term))
}

function doubleArgument(term: Term): FlinkSql {
  if (term.type.kind !== 'json') return asType(term, DOUBLE).sql
  const c = once(term.sql)
  const none = sql`${c} IS NOT NULL AND ${numberIn(term)} IS NULL`
  return once(sql`CASE WHEN ${none} THEN ${guard('a number is expected', c, sql`DOUBLE`)} ELSE ${numberIn(term)} END`)
}

const textToText =
  (make: (value: FlinkSql) => FlinkSql): Row =>
  ([value]) => ({ sql: make(textArgument(value)), type: STRING })

const wholeConstant = (e: FunctionExpr, at: number): number => {
  const arg = e.args[at]
  if (arg?.kind === 'constant' && typeof arg.value === 'number' && Number.isInteger(arg.value)) return arg.value
  throw new Refusal(`${e.fn.name.toUpperCase()} with a position that rows say is not handed over to Flink.`, e.span)
}

/** How many code units a text has: each character beyond the basic plane counts twice. */
function units(value: FlinkSql): FlinkSql {
  return sql`CAST(CHAR_LENGTH(REGEXP_REPLACE(${value}, ${text('[\\x{10000}-\\x{10FFFF}]')}, 'xx')) AS BIGINT)`
}

const ROWS: Readonly<Record<string, Row>> = {
  lower: textToText((v) => sql`LOWER(${v})`),
  upper: textToText((v) => sql`UPPER(${v})`),
  length: ([value], e) => ({ sql: units(textArgument(value)), type: e.type, digits: 10 }),
  concat: (args) => {
    const parts = args.map((a) => textArgument(a))
    return { sql: sql`CONCAT(${list(parts, ', ')})`, type: STRING }
  },
  substring: ([value], e) => {
    const from = wholeConstant(e, 1)
    if (from < 1) throw new Refusal('SUBSTRING from a place before the first is not handed over to Flink.', e.span)
    if (e.args.length === 2) return { sql: sql`SUBSTRING(${unitsArgument(value)} FROM ${from})`, type: STRING }
    const count = wholeConstant(e, 2)
    if (count < 0) throw new Refusal('SUBSTRING of less than nothing is not handed over to Flink.', e.span)
    return { sql: sql`SUBSTRING(${unitsArgument(value)} FROM ${from} FOR ${count})`, type: STRING }
  },
  coalesce: (args, e) => {
    const all = args.map((a) => asType(a, e.type).sql)
    return { sql: sql`COALESCE(${list(all, ', ')})`, type: e.type }
  },
  nullif: ([a, b], e) => {
    if (a.type.kind !== b.type.kind || a.type.kind === 'json')
      throw new Refusal('NULLIF of values of unlike types is not handed over to Flink.', e.span)
    return { sql: sql`NULLIF(${a.sql}, ${b.sql})`, type: e.type }
  },
  isnull: ([a]) => ({ sql: sql`(${a.sql} IS NULL)`, type: BOOLEAN }),
  isnotnull: ([a]) => ({ sql: sql`(${a.sql} IS NOT NULL)`, type: BOOLEAN }),
  abs: ([a], e) => {
    if (isWhole(a.type)) return { sql: sql`ABS(${wide(a)})`, type: e.type, digits: digitsOf(a) }
    if (a.type.kind === 'decimal') return { sql: sql`ABS(${a.sql})`, type: a.type }
    if (a.type.kind === 'json') throw new Refusal('ABS of a JSON value is not handed over to Flink.', e.span)
    return { sql: sql`ABS(${a.sql})`, type: e.type }
  },
  sqrt: ([a]) => ({ sql: sql`SQRT(${doubleArgument(a)})`, type: DOUBLE }),
}
