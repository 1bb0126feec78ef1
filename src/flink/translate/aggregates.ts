/**
 * Aggregates as Flink SQL. Flink adds doubles in any order and rounds each time, so sums of doubles are taken apart into
 * whole numbers that it adds exactly, and put together here: the sum of all, rounded once.
 *
 * A double x below 2^75 that is a multiple of 2^-104 is `±(a·2^22 + b·2^-20 + c·2^-62 + d·2^-104)` with whole numbers a to
 * d below 2^53; any other double ends the job.
 */
import {
  canonicalOfDouble,
  comparableIn,
  isTextIn,
  numberIn,
  ordered,
  textIn,
  wide,
  withoutZeroSign,
} from './carriers.ts'
import { type Columns, translate, translateAny, translateCondition } from './expressions/expression.ts'
import { asWholeDouble } from '../../engine/program/values/whole-double.ts'
import { unexpected } from '../../lib/assert.ts'
import { Decimal } from '../../lib/decimal.ts'
import { integer } from '../../lib/whole-number.ts'
import type { BoundAggregate } from '../../plan/plan.ts'
import { type DataType, DOUBLE, JSON_TYPE, STRING, type Value } from '../../types.ts'
import { digits, type FlinkSql, list, once, opaque, ordering, sql } from './flink-sql.ts'
import { Refusal } from './refusal.ts'
import { putSum, wholeAverage } from './sums.ts'
import {
  carrierOf,
  decimalOf,
  digitsOf,
  guard,
  isFloating,
  isWhole,
  MOST_DIGITS,
  GivenBack,
  readCarrier,
  type Term,
} from './terms.ts'

/** Columns of Flink that make one value here. */
export interface Made {
  readonly type: DataType
  readonly columns: readonly FlinkSql[]
  /** One column is the value in a carrier: operators above it can go on with it in Flink. */
  readonly term?: Pick<Term, 'type' | 'digits'>
  /** Its values come back with what `Term.mark` says; in Flink the second column has it. */
  readonly marked?: true
  /** A decimal whose places the second column has (`Term.places`). */
  readonly placed?: true
  /** The carrier, made of the column, where that is kept as it came for the way back. */
  readonly carrier?: (column: FlinkSql) => FlinkSql
  /** Of several columns that make a value here: the carrier, where operators above go on with it in Flink. */
  readonly put?: (columns: readonly FlinkSql[]) => Term
  /** From the columns as text (`toText`). */
  read(columns: readonly (string | null)[]): Value
}

/**
 * The columns of an aggregate over rows. `marks`: JSON numbers need theirs (`Term.mark`). `keys`: those of the groups.
 * Throws a Refusal.
 */
export function translateAggregate(
  a: BoundAggregate,
  columns: Columns,
  marks: boolean,
  keys: readonly FlinkSql[] = [],
): Made {
  const condition = a.filter === undefined ? undefined : translateCondition(a.filter, columns)
  const only = (value: FlinkSql, as: FlinkSql): FlinkSql =>
    condition === undefined ? value : sql`CASE WHEN ${condition} THEN ${value} ELSE CAST(NULL AS ${as}) END`
  if (a.arg === undefined) return counted(a, sql`COUNT(${condition === undefined ? sql`*` : only(sql`1`, sql`INT`)})`)
  const hasPlaces = KNOW_PLACES.has(a.name) || (a.name === 'sum' && !a.distinct)
  const given = hasPlaces ? translateAny(a.arg, columns) : translate(a.arg, columns)
  const arg = { ...given, sql: once(given.sql) }
  // Values that are only counted need not be equal to anything.
  const key = a.distinct ? apart(keyOf(arg)) : arg
  const distinct = a.distinct ? sql`DISTINCT ` : sql``
  switch (a.name) {
    case 'count':
      return counted(a, sql`COUNT(${distinct}${only(key.sql, typeOf(key))})`)
    case 'sum':
    case 'avg':
      return isNumberOfDoubles(arg)
        ? summedDoubles(a, arg, a.distinct ? eachOnce(arg, only, keys, condition) : only, marks)
        : summed(a, arg, distinct, only)
    case 'min':
    case 'max':
      return extreme(a, arg, only, marks)
    case 'approx_count_distinct':
    case 'approx_quantile':
      throw new Refusal(`${a.text} is estimated in another way by Flink.`)
    default:
      throw new Refusal(`${a.text} depends on the order in which records are read, which Flink does not keep.`)
  }
}

/** Aggregates that take decimals with places of their own, also each once. */
const KNOW_PLACES: ReadonlySet<string> = new Set(['count', 'avg', 'min', 'max'])

/** The Flink type of a carrier, for NULL in its place and for its way back from a text. */
export function typeOf(term: Term): FlinkSql {
  return isWhole(term.type) && digitsOf(term) > 19 ? sql`DECIMAL(${MOST_DIGITS}, 0)` : carrierOf(term.type)
}

/** A carrier by which values are grouped: equal ones have the same bytes. */
export function keyOf(term: Term): Term {
  if (term.type.kind === 'json') return { ...term, sql: comparableIn(term) }
  // -0.0 and 0.0 are one value, and two of Flink's keys.
  return isFloating(term.type) ? { ...term, sql: withoutZeroSign(term.sql) } : term
}

/**
 * A key as what holds it apart from others, where Flink may sort to find those that are alike: to its sort NaN is equal
 * to every number, but for the first bytes of what it sorts. As a text it is equal to itself only.
 */
export function apart(key: Term): Term {
  return isFloating(key.type) && key.isNumber !== true
    ? { type: STRING, sql: once(sql`CAST(${key.sql} AS STRING)`) }
    : key
}

function counted({ type }: BoundAggregate, column: FlinkSql): Made {
  return { type, columns: [column], term: { type, digits: 19 }, read: ([n]) => readCarrier(n ?? '0', type) }
}

type Only = (value: FlinkSql, as: FlinkSql) => FlinkSql

/** What is made of a number, of one of the rows of a group that have it. */
function eachOnce(arg: Term, only: Only, keys: readonly FlinkSql[], condition: FlinkSql | undefined): Only {
  const counts = condition === undefined ? [] : [sql`CASE WHEN ${condition} THEN 1 ELSE 0 END`]
  const own = apart({ ...arg, sql: withoutZeroSign(doubleIn(arg)) })
  const by = [...keys, ...counts, own.sql].map(once)
  // Flink takes no constant for an order.
  const place = once(sql`ROW_NUMBER() OVER (PARTITION BY ${list(by, ', ')} ORDER BY ${once(opaque(sql`0`))})`)
  return (value, as) => only(sql`CASE WHEN ${place} = 1 THEN ${value} ELSE CAST(NULL AS ${as}) END`, as)
}

function isNumberOfDoubles({ type }: Term): boolean {
  return type.kind === 'json' || isFloating(type)
}

function doubleIn(arg: Term): FlinkSql {
  return once(arg.type.kind === 'json' ? numberIn(arg) : arg.sql)
}

function summed(a: BoundAggregate, arg: Term, distinct: FlinkSql, only: Only): Made {
  const isAverage = a.name === 'avg'
  if (arg.type.kind === 'null')
    return { type: a.type, columns: [sql`MAX(${arg.sql})`], term: { type: arg.type }, read: () => null }
  if (isWhole(arg.type)) {
    if (digitsOf(arg) > 28)
      throw new Refusal(`${a.text} may have more than 38 digits, which Flink does not compute with.`)
    const all = only(sql`CAST(${wide(arg)} AS DECIMAL(${MOST_DIGITS}, 0))`, sql`DECIMAL(${MOST_DIGITS}, 0)`)
    const total = sql`SUM(${distinct}${all})`
    if (isAverage)
      return {
        type: a.type,
        columns: [total, sql`COUNT(${distinct}${all})`],
        put: ([sum, n]) => ({ sql: wholeAverage(sum, n), type: DOUBLE }),
        read: ([sum, n]) => (sum === null ? null : average(BigInt(sum), Number(n))),
      }
    return {
      type: a.type,
      columns: [total],
      term: { type: a.type, digits: MOST_DIGITS },
      read: ([sum]) => (sum === null ? null : integer(BigInt(sum))),
    }
  }
  if (arg.type.kind === 'decimal') return summedDecimals(a, arg, distinct, only)
  throw new Refusal(`${a.text} of values of the type ${arg.type.kind} is not handed over to Flink.`)
}

function summedDoubles(a: BoundAggregate, arg: Term, only: Only, marks: boolean): Made {
  const [isAverage, isJson, x] = [a.name === 'avg', arg.type.kind === 'json', doubleIn(arg)]
  if (a.distinct && marks && isJson)
    throw new Refusal(`${a.text} adds JSON numbers, each once, of which a division has to know how each is written.`)
  const mark = marks && isJson && !isAverage ? arg.mark : undefined
  const isMarked = mark !== undefined
  const isDouble = mark?.() ?? ordering(sql`POSITION('.' IN ${arg.sql})`, '>', sql`0`)
  const fraction = isJson
    ? [sql`MAX(${only(sql`CASE WHEN ${isTextIn(arg)} THEN 0 WHEN ${isDouble} THEN 1 ELSE 0 END`, sql`INT`)})`]
    : []
  return {
    type: a.type,
    ...(isMarked ? { marked: true as const } : {}),
    columns: [
      ...limbs(x).map((limb) => sql`SUM(${only(limb, sql`DECIMAL(17, 0)`)})`),
      sql`COUNT(${only(x, sql`DOUBLE`)})`,
      ...fraction,
    ],
    put: isMarked ? undefined : (columns) => putSum(columns, isJson, isAverage),
    read: ([first, second, third, fourth, n, fractions]) => {
      if (n === null || n === '0' || first === null) return null
      const parts = [first, second, third, fourth].map((limb) => BigInt(limb ?? '0'))
      const unscaled = (parts[0] << 126n) + (parts[1] << 84n) + (parts[2] << 42n) + parts[3]
      const whole = isJson && fractions !== '1'
      const sum = whole ? integer(unscaled >> 104n) : nearest(unscaled, 104)
      if (!isAverage) return isMarked && !whole && Number.isInteger(sum) ? asWholeDouble(Number(sum)) : sum
      return typeof sum === 'bigint' ? average(sum, Number(n)) : sum / Number(n)
    },
  }
}

/** As our average divides: a sum with more digits than a double first exactly. */
function average(sum: bigint, n: number): number {
  const narrow = integer(sum)
  return typeof narrow === 'bigint' ? Decimal.fromInteger(narrow).divide(Decimal.fromInteger(n)).toNumber() : narrow / n
}

/** `unscaled · 2^-bits`, rounded to the nearest double, ties to even. */
export function nearest(unscaled: bigint, bits: number): number {
  const size = unscaled < 0n ? -unscaled : unscaled
  const length = size.toString(2).length
  const excess = length - 54
  if (excess <= 0) return Number(unscaled) / 2 ** bits
  // 54 bits and one more that says whether anything is behind them: rounding those is rounding all.
  const kept = size >> BigInt(excess)
  const sticky = (kept << 1n) | (kept << BigInt(excess) === size ? 0n : 1n)
  const rounded = Number(sticky) * 2 ** (excess - 1 - bits)
  return unscaled < 0n ? -rounded : rounded
}

/** The whole numbers that a double consists of, with its sign. */
function limbs(of: FlinkSql): FlinkSql[] {
  const x = once(of)
  const a = sql`FLOOR(ABS(${x}) / 4194304E0)`
  const restA = once(sql`(ABS(${x}) - FLOOR(ABS(${x}) / 4194304E0) * 4194304E0) * 1048576E0`)
  const restB = once(sql`(${restA} - FLOOR(${restA})) * 4398046511104E0`)
  const restC = once(sql`(${restB} - FLOOR(${restB})) * 4398046511104E0`)
  const [b, c, d] = [restA, restB, restC].map((rest) => sql`FLOOR(${rest})`)
  const fits = ordering(sql`ABS(${x})`, '<', sql`37778931862957161709568E0`)
  const wrong = sql`NOT ${fits} OR ${restC} <> ${d}`
  const checked = sql`CASE WHEN ${wrong} THEN ${guard('a double that is too large or too small to be added exactly', sql`CAST(${x} AS STRING)`, sql`DOUBLE`)} ELSE ${a} END`
  return [checked, b, c, d].map((limb) => sql`CAST(CAST(SIGN(${x}) * ${limb} AS BIGINT) AS DECIMAL(17, 0))`)
}

function summedDecimals(a: BoundAggregate, arg: Term, distinct: FlinkSql, only: Only): Made {
  const { precision, scale } = decimalOf(arg.type)
  if (precision > 28) throw new Refusal(`${a.text} may have more than 38 digits, which Flink does not compute with.`)
  const all = only(sql`CAST(${arg.sql} AS DECIMAL(${MOST_DIGITS}, ${scale}))`, sql`DECIMAL(${MOST_DIGITS}, ${scale})`)
  const read = (sum: string): Decimal => Decimal.parse(sum) ?? unexpected('a sum of decimals')
  const total = sql`SUM(${distinct}${all})`
  if (a.name === 'avg')
    return {
      type: a.type,
      columns: [total, sql`COUNT(${distinct}${all})`],
      read: ([sum, n]) =>
        sum === null
          ? null
          : read(sum)
              .divide(Decimal.fromInteger(Number(n)))
              .normalize(),
    }
  const type = { kind: 'decimal', precision: MOST_DIGITS, scale } as const
  if (arg.places === undefined)
    return { type: a.type, columns: [total], term: { type }, read: ([sum]) => (sum === null ? null : read(sum)) }
  // A sum is shown with as many places as the summand with the most.
  const places = only(sql`CASE WHEN ${arg.sql} IS NOT NULL THEN ${arg.places()} END`, sql`INT`)
  return {
    type: a.type,
    columns: [total, sql`MAX(${places})`],
    term: { type },
    placed: true,
    read: ([sum, most]) => (sum === null ? null : read(sum).round(Number(most))),
  }
}

function extreme(a: BoundAggregate, arg: Term, only: Only, marks: boolean): Made {
  const call = (value: FlinkSql, as: FlinkSql) =>
    a.name === 'min' ? sql`MIN(${only(value, as)})` : sql`MAX(${only(value, as)})`
  const { type } = arg
  if (type.kind === 'json') return extremeOfJson(a, arg, call, marks)
  if (type.kind === 'bytes') throw new Refusal(`${a.text} of bytes is not handed over to Flink.`)
  const plain = (value: FlinkSql, as: FlinkSql): Made => ({
    type: a.type,
    columns: [call(value, as)],
    term: { type, digits: arg.digits },
    read: ([found]) => (found === null ? null : readCarrier(found, type)),
  })
  if (type.kind === 'null') return plain(arg.sql, sql`STRING`)
  if (type.kind === 'string' || type.kind === 'uuid') return plain(ordered(arg.sql), sql`STRING`)
  if (isFloating(type)) return plain(plainDouble(arg.sql), sql`DOUBLE`)
  if (type.kind === 'decimal') {
    const { precision, scale } = decimalOf(type)
    if (arg.places !== undefined) return extremeWithPlaces(a, arg.sql, arg.places(), { precision, scale }, call)
    return plain(arg.sql, sql`DECIMAL(${precision}, ${scale})`)
  }
  return plain(
    arg.sql,
    type.kind === 'boolean'
      ? sql`BOOLEAN`
      : isWhole(type) && digitsOf(arg) > 19
        ? sql`DECIMAL(${MOST_DIGITS}, 0)`
        : sql`BIGINT`,
  )
}

/**
 * The least or the greatest decimal with its places: they go behind its digits, once as they are and once from above, so
 * that two that are alike and have different places are seen.
 */
function extremeWithPlaces(
  a: BoundAggregate,
  x: FlinkSql,
  places: FlinkSql,
  { precision, scale }: { readonly precision: number; readonly scale: number },
  call: Call,
): Made {
  if (precision + 2 > MOST_DIGITS)
    throw new Refusal(`Decimals of ${precision + 2} digits are not handed over to Flink.`)
  const as = sql`DECIMAL(${precision + 2}, ${scale + 2})`
  const behind = (count: FlinkSql): FlinkSql =>
    call(sql`CAST(${x} + CAST(${count} AS DECIMAL(2, 0)) * ${digits(`0.${'0'.repeat(scale + 1)}1`)} AS ${as})`, as)
  return {
    type: a.type,
    columns: [behind(places), behind(sql`99 - ${places}`)],
    read: ([low, high]) => {
      if (low === null || high === null) return null
      const [value, count] = digitsAndRest(low, scale)
      const [, fromAbove] = digitsAndRest(high, scale)
      const found = new Decimal(value, scale).round(Number(count))
      if (count + fromAbove !== 99n)
        throw new GivenBack(`decimals of different places are alike the ${a.name}: ${found}`)
      return found
    },
  }
}

/** A decimal with two digits behind its own: what it is without its point, and these two. */
function digitsAndRest(said: string, scale: number): [bigint, bigint] {
  const { unscaled } = (Decimal.parse(said) ?? unexpected('a decimal of Flink')).round(scale + 2)
  const rest = ((unscaled % 100n) + 100n) % 100n
  return [(unscaled - rest) / 100n, rest]
}

/** NaN and −0.0 have a place in our order and none in Flink's. */
function plainDouble(of: FlinkSql): FlinkSql {
  const x = once(of)
  const odd = sql`CAST(${x} AS STRING) IN ('NaN', '-0.0')`
  return sql`CASE WHEN ${odd} THEN ${guard('the order of a number', sql`CAST(${x} AS STRING)`, sql`DOUBLE`)} ELSE ${x} END`
}

type Call = (value: FlinkSql, as: FlinkSql) => FlinkSql

/** Booleans before numbers before texts. */
function extremeOfJson(a: BoundAggregate, given: Term, call: Call, marks: boolean): Made {
  const arg = { ...given, sql: comparableIn(given) }
  const isBoolean = sql`${arg.sql} IN ('true', 'false')`
  const number = marks && arg.mark !== undefined ? markedNumber(arg, arg.mark(), call) : plainNumber(arg, call)
  return {
    type: a.type,
    ...number.made,
    columns: [
      call(sql`CASE WHEN ${isBoolean} THEN ${arg.sql} END`, sql`STRING`),
      call(ordered(textIn(arg)), sql`STRING`),
      ...number.columns,
    ],
    put: number.made.marked === true ? undefined : (columns) => putExtreme(a.name, columns),
    read: ([boolean, text, ...numbers]) => {
      const values: Value[] = [boolean === null ? null : boolean === 'true', number.read(a.name, numbers), text].filter(
        (v) => v !== null,
      )
      return (a.name === 'min' ? values[0] : values.at(-1)) ?? null
    },
  }
}

/** The least or the greatest of the kinds that there are. */
function putExtreme(name: string, [boolean, said, number]: readonly FlinkSql[]): Term {
  const kinds = [boolean, canonicalOfDouble(number), sql`JSON_STRING(${said})`]
  const inOrder = name === 'min' ? kinds : kinds.toReversed()
  return { sql: once(sql`COALESCE(${list(inOrder, ', ')})`), type: JSON_TYPE }
}

interface Extreme {
  readonly made: Pick<Made, 'marked'>
  readonly columns: readonly FlinkSql[]
  read(name: string, columns: readonly (string | null)[]): Value
}

function plainNumber(arg: Term, call: Call): Extreme {
  return {
    made: {},
    columns: [call(numberIn(arg), sql`DOUBLE`)],
    read: (_, [number]) => (number === null ? null : Number(number)),
  }
}

/** Of doubles and of whole numbers, each of which has one. */
function markedNumber(arg: Term, mark: FlinkSql, call: Call): Extreme {
  const [x, isDouble] = [once(numberIn(arg)), once(mark)]
  return {
    made: { marked: true },
    columns: [
      call(sql`CASE WHEN ${isDouble} THEN ${x} END`, sql`DOUBLE`),
      call(sql`CASE WHEN NOT ${isDouble} THEN ${x} END`, sql`DOUBLE`),
    ],
    read: (name, columns) => {
      const [double, whole] = columns.map((said) => (said === null ? undefined : Number(said)))
      if (double === undefined) return whole ?? null
      if (double === whole) throw new GivenBack(`a whole number and a double are alike the ${name}: ${double}`)
      if (whole !== undefined && (name === 'min' ? whole < double : whole > double)) return whole
      return Number.isInteger(double) ? asWholeDouble(double) : double
    },
  }
}
