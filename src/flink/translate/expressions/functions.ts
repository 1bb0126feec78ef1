/**
 * Functions that Flink computes exactly as we do: one row each. Any other call is refused by name. Texts are counted in
 * UTF-16 code units here and in characters there; where that shows, characters beyond the basic plane end the job.
 */
import { type CalendarField, calendarField } from './calendar.ts'
import { ASTRAL, asType, computed, numberIn, oneOf, ordered, textIn, wide } from '../carriers.ts'
import type { CompareBy } from '../../../plan/operators.ts'
import type { FunctionExpr } from '../../../plan/plan.ts'
import { padding } from '../../../functions/support/text.ts'
import { castTo, LAST_DOUBLE } from './casts.ts'
import { onCalendar, tumbleOf } from './windows.ts'
import { compared } from './comparison.ts'
import { BOOLEAN, DOUBLE, INT, LONG, STRING } from '../../../types.ts'
import { double, type FlinkSql, list, once, opaque, ordering, sql, text } from '../flink-sql.ts'
import { Refusal } from '../refusal.ts'
import { carrierOf, digitsOf, guard, isFloating, isWhole, type Term } from '../terms.ts'

type Row = (args: readonly Term[], e: FunctionExpr) => Term

/** A call with translated arguments. Throws a Refusal where Flink's answer would be another one. */
export function translateCall(e: FunctionExpr, args: readonly Term[]): Term {
  const row = Object.hasOwn(ROWS, e.fn.name) ? ROWS[e.fn.name] : undefined
  if (row === undefined) throw new Refusal(`${e.fn.name.toUpperCase()} is not handed over to Flink.`, e.span)
  return row(args, e)
}

/** An argument that has to be a text: a JSON value that is none ends the job, as it ends the query here. */
function textArgument(term: Term): FlinkSql {
  if (term.type.kind === 'string' || term.type.kind === 'uuid' || term.type.kind === 'null') return term.sql
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
  if (term.number !== undefined) return numberIn(term)
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
  return sql`CAST(CHAR_LENGTH(REGEXP_REPLACE(${value}, ${text(ASTRAL)}, 'xx')) AS BIGINT)`
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
    if (arg.type.kind === 'string' || arg.type.kind === 'uuid') return textArgument(arg)
    if (arg.type.kind === 'boolean' || arg.type.kind === 'json') return castTo(arg, STRING).sql
    if (arg.type.kind === 'null') return arg.sql
    if (isWhole(arg.type) && arg.type.kind !== 'date' && arg.type.kind !== 'time' && arg.type.kind !== 'timestamp')
      return sql`CAST(${arg.sql} AS STRING)`
    throw new Refusal(`${e.fn.name.toUpperCase()} of values that are no texts is not handed over to Flink.`, e.span)
  })
}

const textTest =
  (make: (value: FlinkSql, part: FlinkSql) => FlinkSql): Row =>
  ([value, part]) => ({ sql: make(textArgument(value), textArgument(part)), type: BOOLEAN })

/** A field of the calendar, in UTC. */
const field =
  (name: CalendarField): Row =>
  ([moment], e) => ({ sql: calendarField(name, onCalendar(moment, e)), type: INT })

/** A count of characters that the statement says; below zero it counts as zero. */
function count(e: FunctionExpr, at: number): number {
  return Math.max(0, wholeConstant(e, at))
}

function head(v: FlinkSql, n: number): FlinkSql {
  return sql`SUBSTRING(${v} FROM 1 FOR ${n})`
}

/** Without its last `n` characters. */
function withoutEnd(v: FlinkSql, n: number): FlinkSql {
  const length = sql`CHAR_LENGTH(${v})`
  return sql`CASE WHEN ${ordering(length, '<=', sql`${n}`)} THEN '' ELSE SUBSTRING(${v} FROM 1 FOR ${length} - ${n}) END`
}

const cutting =
  (make: (value: FlinkSql, n: number) => FlinkSql, fixed?: number): Row =>
  ([value], e) => ({ sql: make(unitsArgument(value), fixed ?? count(e, 1)), type: STRING })

/** Where a text begins in another one, from 1; 0 where it does not. Characters beyond the basic plane end the job. */
function place(target: Term, value: Term): FlinkSql {
  return sql`CAST(POSITION(${textArgument(target)} IN ${unitsArgument(value)}) AS BIGINT)`
}

/** The statement says how long a text is to be, and with what it is filled up. A longer one stays as it is. */
const padded =
  (make: (pad: FlinkSql, value: FlinkSql) => FlinkSql): Row =>
  ([value], e) => {
    const [size, filler] = [wholeConstant(e, 1), e.args[2]]
    if (
      size > MAX_PADDING ||
      (filler !== undefined && (filler.kind !== 'constant' || typeof filler.value !== 'string'))
    )
      throw new Refusal(
        `${e.fn.name.toUpperCase()} with a filling that rows say, or a long one, is not handed over.`,
        e.span,
      )
    const said = filler?.kind === 'constant' && typeof filler.value === 'string' ? filler.value : ' '
    const v = unitsArgument(value)
    const room = sql`GREATEST(${size} - CHAR_LENGTH(${v}), 0)`
    if (/[^\0-\uffff]/u.test(said)) throw new Refusal('A filling of characters of two code units stays here.', e.span)
    return { sql: make(sql`SUBSTRING(${text(padding(said, size))} FROM 1 FOR ${room})`, v), type: STRING }
  }

/**
 * Limit `flink.padding.max.length` (characters): the text that fills up another one, as it is written into a statement for
 * Flink. Beyond it: the statement is not handed over.
 */
const MAX_PADDING = 1000

const INTEGERS: ReadonlySet<string> = new Set(['int', 'long'])
/** What a JSON value may be equal to. */
const IN_JSON: ReadonlySet<string> = new Set(['json', 'string', 'boolean', 'int', 'long', 'float', 'double'])

/** How two values are compared of which a call does not say the types. */
function togetherAs(a: Term, b: Term, e: FunctionExpr): CompareBy {
  const [x, y] = [a.type.kind, b.type.kind]
  const isNumber = (t: Term): boolean => isFloating(t.type) || INTEGERS.has(t.type.kind)
  if (isNumber(a) && isNumber(b)) return 'number'
  if ((x === 'decimal' && INTEGERS.has(y)) || (y === 'decimal' && INTEGERS.has(x))) return 'decimal'
  if ((x === 'json' || y === 'json') && IN_JSON.has(x) && IN_JSON.has(y)) return 'dynamic'
  if (x === y && x !== 'json') return x === 'boolean' ? 'boolean' : x === 'decimal' ? 'decimal' : 'string'
  throw new Refusal(`${e.fn.name.toUpperCase()} of values of unlike types is not handed over to Flink.`, e.span)
}

/** A whole number near a double. Whole numbers stay what they are. */
const near =
  (make: (x: FlinkSql) => FlinkSql): Row =>
  ([value], e) => {
    if (isWhole(value.type)) return value
    if (value.type.kind === 'decimal')
      throw new Refusal(`${e.fn.name.toUpperCase()} of a decimal is not handed over to Flink.`, e.span)
    const x = once(doubleArgument(value))
    const fits = ordering(sql`ABS(${x})`, '<=', double(LAST_DOUBLE))
    const far = guard('a number has no whole number of 64 bits', sql`CAST(${x} AS STRING)`, sql`BIGINT`)
    const whole = sql`CASE WHEN ${x} IS NOT NULL AND NOT ${fits} THEN ${far} ELSE CAST(${make(x)} AS BIGINT) END`
    return asType({ sql: once(whole), type: LONG }, e.type)
  }

/** The largest or the smallest of whole numbers; NULL where one of them is. */
const extreme =
  (name: 'GREATEST' | 'LEAST'): Row =>
  (args, e) => {
    if (!args.every((arg) => isWhole(arg.type)))
      throw new Refusal(`${name} of values that are no whole numbers is not handed over to Flink.`, e.span)
    const digits = Math.max(...args.map(digitsOf))
    const all = args.map((arg) => sql`CAST(${arg.sql} AS DECIMAL(${digits}, 0))`)
    return { sql: sql`${name === 'LEAST' ? sql`LEAST` : sql`GREATEST`}(${list(all, ', ')})`, type: e.type, digits }
  }

/**
 * Letters whose other case came with a later Unicode than that of Java 17 (13): found by asking a Java 17 and Unicode 17
 * for both cases of every character.
 */
const YOUNG_LETTERS = text(
  '[\\u019b\\u0264\\u1c89\\u1c8a\\u2c2f\\u2c5f\\ua7c0\\ua7c1\\ua7cb-\\ua7dc\\x{10570}-\\x{105bc}\\x{10d50}-\\x{10d85}\\x{16ea0}-\\x{16ed3}]',
)

/** Java looks at less of what stands around a sigma, to tell whether it ends a word. */
function lowered(given: FlinkSql): FlinkSql {
  const v = once(given)
  const sigma = guard('the lower case of a sigma is wanted', v, sql`STRING`)
  const isKnown = sql`POSITION(${text('\u03a3')} IN ${v}) = 0`
  return sql`CASE WHEN ${isYoung(v)} THEN ${young(v)} WHEN ${isKnown} THEN LOWER(${v}) ELSE ${sigma} END`
}

function raised(given: FlinkSql): FlinkSql {
  const v = once(given)
  return sql`CASE WHEN ${isYoung(v)} THEN ${young(v)} ELSE UPPER(${v}) END`
}

function isYoung(v: FlinkSql): FlinkSql {
  return sql`REGEXP(${v}, ${YOUNG_LETTERS})`
}

function young(v: FlinkSql): FlinkSql {
  return guard('another case is wanted of a letter that Java 17 does not know', v, sql`STRING`)
}

const ROWS: Readonly<Record<string, Row>> = {
  lower: textToText(lowered),
  upper: textToText(raised),
  len: ([value], e) => ({ sql: units(textArgument(value)), type: e.type, digits: 10 }),
  concat: (args, e) => {
    // `||` is NULL where one side is.
    const parts = onlyTexts(args, e).map((part) => (e.fn.nullable === true ? sql`COALESCE(${part}, '')` : part))
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
  trim: textToText((v) => replaced(replaced(v, `^${SPACE}`), `${SPACE}\\z`)),
  ltrim: textToText((v) => replaced(v, `^${SPACE}`)),
  rtrim: textToText((v) => replaced(v, `${SPACE}\\z`)),
  replace: ([value, target, replacement], e) => {
    const what = e.args[1]
    if (what.kind !== 'constant' || what.value === '')
      throw new Refusal('REPLACE of a text that rows say is not handed over to Flink.', e.span)
    return {
      sql: sql`REPLACE(${textArgument(value)}, ${textArgument(target)}, ${textArgument(replacement)})`,
      type: STRING,
    }
  },
  takeleft: cutting(head),
  truncate: cutting(head),
  takeright: cutting((v, n) => (n === 0 ? sql`SUBSTRING(${v} FROM 1 FOR 0)` : sql`RIGHT(${v}, ${n})`)),
  dropleft: cutting((v, n) => sql`SUBSTRING(${v} FROM ${n + 1})`),
  dropright: cutting(withoutEnd),
  chop: cutting(withoutEnd, 1),
  deletewhitespace: textToText((v) => replaced(v, SPACE)),
  digits: textToText((v) => replaced(v, '\\P{Nd}+')),
  // By characters, there and here.
  reverse: textToText((v) => sql`REVERSE(${v})`),
  lpad: padded((pad, v) => sql`CONCAT(${pad}, ${v})`),
  rpad: padded((pad, v) => sql`CONCAT(${v}, ${pad})`),
  base64: textToText((v) => sql`TO_BASE64(${v})`),
  indexof: ([value, target], e) => ({ sql: sql`(${place(target, value)} - 1)`, type: e.type, digits: 10 }),
  position: ([target, value], e) => ({ sql: place(target, value), type: e.type, digits: 10 }),
  floor: near((x) => sql`FLOOR(${x})`),
  ceil: near((x) => sql`CEIL(${x})`),
  round: near(
    (x) =>
      sql`CASE WHEN ${ordering(sql`${x} - FLOOR(${x})`, '>=', sql`0.5`)} THEN FLOOR(${x}) + 1 ELSE FLOOR(${x}) END`,
  ),
  max: extreme('GREATEST'),
  min: extreme('LEAST'),
  contains: textTest((v, part) => ordering(sql`POSITION(${part} IN ${v})`, '>', sql`0`)),
  startswith: textTest((v, part) => sql`STARTSWITH(${v}, ${part})`),
  endswith: textTest((v, part) => sql`ENDSWITH(${v}, ${part})`),
  coalesce: (args, e) =>
    oneOf(
      args,
      e.type,
      (values) => sql`COALESCE(${list(values, ', ')})`,
      (each, values) => {
        const whens = each.map((said, i) => sql`WHEN ${values[i]} IS NOT NULL THEN ${said}`)
        return sql`CASE ${list(whens, ' ')} END`
      },
    ),
  nullif: ([a, b], e) => {
    const x = { ...a, sql: once(a.sql) }
    const [left, right] = e.args
    // NULL is equal to nothing.
    if (a.type.kind === 'null' || b.type.kind === 'null') return a
    const equal = compared('=', togetherAs(a, b, e), x, b, { left, right })
    const none = sql`CAST(NULL AS ${carrierOf(a.type)})`
    return { ...a, sql: sql`CASE WHEN ${equal} THEN ${none} ELSE ${x.sql} END`, number: undefined }
  },
  isnull: ([a]) => ({ sql: sql`(${a.sql} IS NULL)`, type: BOOLEAN }),
  isnotnull: ([a]) => ({ sql: sql`(${a.sql} IS NOT NULL)`, type: BOOLEAN }),
  as_nullable: ([a]) => a,
  as_non_nullable: ([a]) => a,
  abs: ([a], e) => {
    if (a.type.kind === 'json') return computed(sql`ABS(${doubleArgument(a)})`, a)
    if (a.type.kind === 'decimal') return { sql: sql`ABS(${a.sql})`, type: a.type, places: a.places }
    if (isFloating(a.type)) return { sql: sql`ABS(${a.sql})`, type: e.type }
    if (!INTEGERS.has(a.type.kind)) throw new Refusal(`ABS of a value of the type ${a.type.kind} stays here.`, e.span)
    if (digitsOf(a) < 10) return { sql: sql`ABS(${wide(a)})`, type: e.type, digits: digitsOf(a) }
    const size = once(sql`ABS(${wide(a)})`)
    const most = e.type.kind === 'int' ? 2_147_483_647n : 9_223_372_036_854_775_807n
    const none = guard('a number has no room without its sign', sql`CAST(${size} AS STRING)`, sql`DECIMAL(19, 0)`)
    const fits = sql`CASE WHEN ${ordering(size, '>', sql`${most}`)} THEN ${none} ELSE CAST(${size} AS DECIMAL(19, 0)) END`
    return { sql: once(fits), type: e.type, digits: 19 }
  },
  sqrt: ([a]) => {
    // Flink raises to the power of a half, which gives zero no sign and takes -Infinity for Infinity.
    const x = once(doubleArgument(a))
    const root = sql`SQRT(CASE WHEN ${ordering(x, '<', sql`0`)} THEN ${double(-1)} ELSE ${x} END)`
    return { sql: sql`CASE WHEN ${x} = ${double(0)} THEN ${opaque(x)} ELSE ${root} END`, type: DOUBLE }
  },
  tumble: ([moment], e) => ({ sql: tumbleOf(e, moment), type: e.type }),
  year: field('year'),
  month: field('month'),
  day: field('day'),
  hour: field('hour'),
  minute: field('minute'),
  second: field('second'),
}
