/**
 * Functions that Flink computes exactly as we do: one row each. Any other call is refused by name. Texts are counted in
 * UTF-16 code units here and in characters there; where that shows, characters beyond the basic plane end the job.
 */
import { asType, numberIn, ordered, textIn, wide } from './carriers.ts'
import type { FunctionExpr } from '../../plan/plan.ts'
import { parseWindow } from '../../functions/library/time/windows.ts'
import { BOOLEAN, DOUBLE, INT, STRING } from '../../types.ts'
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

/** White space as JavaScript has it. */
const SPACE =
  '[\\x09-\\x0D\\x20\\xA0\\x{1680}\\x{2000}-\\x{200A}\\x{2028}\\x{2029}\\x{202F}\\x{205F}\\x{3000}\\x{FEFF}]+'

function replaced(value: FlinkSql, pattern: string): FlinkSql {
  return sql`REGEXP_REPLACE(${value}, ${text(pattern)}, '')`
}

/** Text arguments only: what a number looks like as text differs. */
function onlyTexts(args: readonly Term[], e: FunctionExpr): readonly FlinkSql[] {
  return args.map((arg) => {
    if (arg.type.kind === 'string' || arg.type.kind === 'uuid' || arg.type.kind === 'json') return textArgument(arg)
    if (isWhole(arg.type) && arg.type.kind !== 'date' && arg.type.kind !== 'time' && arg.type.kind !== 'timestamp')
      return sql`CAST(${arg.sql} AS STRING)`
    throw new Refusal(`${e.fn.name.toUpperCase()} of values that are no texts is not handed over to Flink.`, e.span)
  })
}

const textTest =
  (make: (value: FlinkSql, part: FlinkSql) => FlinkSql): Row =>
  ([value, part]) => ({ sql: make(textArgument(value), textArgument(part)), type: BOOLEAN })

/** The whole number that is not above `a / b`, for b > 0. */
function floorDivided(a: FlinkSql, b: bigint): FlinkSql {
  const x = once(a)
  return sql`((${x} - MOD(MOD(${x}, ${b}) + ${b}, ${b})) / ${b})`
}

/** Milliseconds since the epoch of a timestamp or a date. */
function millisOf(term: Term, e: FunctionExpr): FlinkSql {
  if (term.type.kind === 'date') return sql`(CAST(${term.sql} AS BIGINT) * 86400000)`
  if (term.type.kind !== 'timestamp' || digitsOf(term) > 19)
    throw new Refusal(`${e.fn.name.toUpperCase()} of a value that is no timestamp is not handed over to Flink.`, e.span)
  const per = { millis: 1n, micros: 1000n, nanos: 1_000_000n }[term.type.unit]
  return per === 1n ? term.sql : floorDivided(term.sql, per)
}

/** A field of the calendar, in UTC. */
const field =
  (make: (moment: FlinkSql) => FlinkSql): Row =>
  ([moment], e) => ({
    sql: sql`CAST(${make(sql`CAST(TO_TIMESTAMP_LTZ(${millisOf(moment, e)}, 3) AS TIMESTAMP(3))`)} AS BIGINT)`,
    type: INT,
  })

const WEEK = 604_800_000n
/** 1970-01-05 was a Monday. */
const MONDAY = 345_600_000n

function windowStart(moment: Term, e: FunctionExpr): FlinkSql {
  const [, size] = e.args
  const duration = size?.kind === 'constant' && typeof size.value === 'string' ? parseWindow(size.value) : undefined
  if (duration === undefined || duration.months > 0)
    throw new Refusal('Windows of months and years are not handed over to Flink.', e.span)
  const millis = BigInt(duration.millis)
  const origin = millis % WEEK === 0n ? MONDAY : 0n
  return sql`(${floorDivided(sql`(${millisOf(moment, e)} - ${origin})`, millis)} * ${millis} + ${origin})`
}

const ROWS: Readonly<Record<string, Row>> = {
  lower: textToText((v) => sql`LOWER(${v})`),
  upper: textToText((v) => sql`UPPER(${v})`),
  len: ([value], e) => ({ sql: units(textArgument(value)), type: e.type, digits: 10 }),
  concat: (args, e) => {
    const parts = onlyTexts(args, e).map((part) => sql`COALESCE(${part}, '')`)
    return { sql: sql`CONCAT(${list(parts, ', ')})`, type: STRING }
  },
  substr: ([value], e) => {
    const from = wholeConstant(e, 1)
    const until = e.args.length === 2 ? undefined : wholeConstant(e, 2)
    if (from < 0 || (until !== undefined && until < from))
      throw new Refusal('SUBSTR from the end of a text is not handed over to Flink.', e.span)
    const v = unitsArgument(value)
    return {
      sql:
        until === undefined
          ? sql`SUBSTRING(${v} FROM ${from + 1})`
          : sql`SUBSTRING(${v} FROM ${from + 1} FOR ${until - from})`,
      type: STRING,
    }
  },
  trim: textToText((v) => replaced(replaced(v, `^${SPACE}`), `${SPACE}$`)),
  ltrim: textToText((v) => replaced(v, `^${SPACE}`)),
  rtrim: textToText((v) => replaced(v, `${SPACE}$`)),
  replace: ([value, target, replacement], e) => {
    const what = e.args[1]
    if (what.kind !== 'constant' || what.value === '')
      throw new Refusal('REPLACE of a text that rows say is not handed over to Flink.', e.span)
    return {
      sql: sql`REPLACE(${textArgument(value)}, ${textArgument(target)}, ${textArgument(replacement)})`,
      type: STRING,
    }
  },
  contains: textTest((v, part) => sql`(POSITION(${part} IN ${v}) > 0)`),
  startswith: textTest((v, part) => sql`STARTSWITH(${v}, ${part})`),
  endswith: textTest((v, part) => sql`ENDSWITH(${v}, ${part})`),
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
  as_nullable: ([a]) => a,
  as_non_nullable: ([a]) => a,
  abs: ([a], e) => {
    if (isWhole(a.type) && digitsOf(a) < 10) return { sql: sql`ABS(${wide(a)})`, type: e.type, digits: digitsOf(a) }
    if (a.type.kind === 'decimal') return { sql: sql`ABS(${a.sql})`, type: a.type }
    if (a.type.kind !== 'double' && a.type.kind !== 'float')
      throw new Refusal('ABS of a value that may have no room without its sign is not handed over to Flink.', e.span)
    return { sql: sql`ABS(${a.sql})`, type: e.type }
  },
  sqrt: ([a]) => ({ sql: sql`SQRT(${doubleArgument(a)})`, type: DOUBLE }),
  tumble: ([moment], e) => ({ sql: windowStart(moment, e), type: e.type }),
  year: field((t) => sql`EXTRACT(YEAR FROM ${t})`),
  month: field((t) => sql`EXTRACT(MONTH FROM ${t})`),
  day: field((t) => sql`EXTRACT(DAY FROM ${t})`),
  hour: field((t) => sql`EXTRACT(HOUR FROM ${t})`),
  minute: field((t) => sql`EXTRACT(MINUTE FROM ${t})`),
  second: field((t) => sql`EXTRACT(SECOND FROM ${t})`),
}
