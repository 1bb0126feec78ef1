/**
 * CAST. A text or a JSON value that says no value of the wanted type ends the query here, and the job there; so do the
 * few spellings that Flink would read in another way.
 */
import { type DataType, DOUBLE, STRING, type TimeUnit } from '../../../types.ts'
import { daysSinceEpoch, floorDivided } from './calendar.ts'
import { asDecimal, canonicalOf, momentText, numberIn, textIn, wide } from '../carriers.ts'
import { between, digits, double, type FlinkSql, list, once, ordering, sql, text } from '../flink-sql.ts'
import { Refusal } from '../refusal.ts'
import { digitsOf, guard, isFloating, MOST_DIGITS, nullOf, type Term } from '../terms.ts'

/** A value as one of another type. Throws a Refusal. */
export function castTo(of: Term, type: DataType, implicit = false): Term {
  const between = sameKind(of, type) ?? betweenNumbers(of, type)
  return between ?? ofTextOrJson(of, type) ?? moved(of, type, implicit) ?? refuse(of, type)
}

function refuse({ type: { kind } }: Term, type: DataType): never {
  throw new Refusal(`A cast of ${kind} to ${type.kind} is not handed over to Flink.`)
}

function sameKind(of: Term, type: DataType): Term | undefined {
  const { kind } = of.type
  if (kind === 'null') return nullOf(type)
  if (kind === 'decimal') return type.kind === 'decimal' && type.precision === undefined ? of : undefined
  if (kind === 'long' && of.digits !== undefined) return undefined
  return kind === type.kind && kind !== 'timestamp' && kind !== 'time' ? of : undefined
}

function betweenNumbers(of: Term, type: DataType): Term | undefined {
  switch (type.kind) {
    case 'int':
    case 'long':
      return toWhole(of, type)
    case 'double':
    case 'float':
      return toFloating(of, type)
    case 'decimal':
      return isInteger(of) && type.precision === undefined ? asDecimal(of) : undefined
    case 'string':
      return toText(of)
    case 'json':
      // A float becomes the number with its digits, and is carried as a double here.
      return of.type.kind === 'decimal' || of.type.kind === 'float' ? undefined : { sql: canonicalOf(of), type }
    case 'timestamp':
      // A number counts milliseconds.
      return isInteger(of) && type.unit === 'millis' && digitsOf(of) <= 19 ? { ...of, type } : undefined
    default:
      return undefined
  }
}

function isInteger({ type: { kind } }: Term): boolean {
  return kind === 'int' || kind === 'long'
}

/** The ends of whole numbers: there are fewer doubles near those of 64 bits. */
const ENDS = {
  int: { least: -(2n ** 31n), most: 2n ** 31n - 1n },
  long: { least: -(2n ** 63n), most: 2n ** 63n - 1n },
} as const
/** The largest double that is a whole number of 64 bits; what is beyond has none, here and there. */
export const LAST_DOUBLE = 2 ** 63 - 1024

/** Without its fraction; what has no room ends the query here, and the job there. */
function toWhole(of: Term, type: DataType & { readonly kind: 'int' | 'long' }): Term | undefined {
  const { kind } = of.type
  const { least, most } = ENDS[type.kind]
  const none = (x: FlinkSql): FlinkSql =>
    guard(`a value is cast to ${type.kind} that says none`, sql`CAST(${x} AS STRING)`, sql`BIGINT`)
  const withRoom = (x: FlinkSql, fits: FlinkSql, whole: FlinkSql): Term => ({
    sql: once(sql`CASE WHEN ${x} IS NULL OR ${fits} THEN ${whole} ELSE ${none(x)} END`),
    type,
  })
  const ofDigits = (x: FlinkSql, count: number): Term => {
    const end = (n: bigint): FlinkSql => sql`CAST(${text(String(n))} AS DECIMAL(${count}, 0))`
    return withRoom(x, between(x, end(least), end(most)), sql`CAST(${x} AS BIGINT)`)
  }
  if (kind === 'boolean') return { sql: oneOrZero(of.sql), type }
  if (isInteger(of)) {
    const count = digitsOf(of)
    return count <= (type.kind === 'int' ? 9 : 18) ? { ...of, type, digits: count } : ofDigits(once(wide(of)), count)
  }
  if (isFloating(of.type)) {
    const x = once(of.sql)
    // What lies between the ends and the next whole numbers loses its fraction.
    const fits =
      type.kind === 'int'
        ? sql`(${ordering(x, '>', double(Number(least) - 1))} AND ${ordering(x, '<', double(Number(most) + 1))})`
        : between(x, double(Number(least)), double(LAST_DOUBLE))
    return withRoom(x, sql`COALESCE(${fits}, FALSE)`, sql`CAST(${x} AS BIGINT)`)
  }
  if (kind !== 'decimal') return undefined
  const whole = sql`REGEXP_REPLACE(CAST(${of.sql} AS STRING), '[.].*', '')`
  return ofDigits(once(sql`CAST(${whole} AS DECIMAL(${MOST_DIGITS}, 0))`), MOST_DIGITS)
}

function oneOrZero(of: FlinkSql): FlinkSql {
  const x = once(of)
  return once(sql`CASE WHEN ${x} THEN CAST(1 AS BIGINT) WHEN NOT ${x} THEN CAST(0 AS BIGINT) END`)
}

function toFloating(of: Term, type: DataType & { readonly kind: 'float' | 'double' }): Term | undefined {
  const { kind } = of.type
  const isFloat = type.kind === 'float'
  if (kind === 'float' || kind === 'double')
    return isFloat && kind === 'double' ? { sql: narrowedOrNone(of.sql), type } : { ...of, type }
  if (isFloat && (kind === 'json' || kind === 'string')) {
    const wide = ofTextOrJson(of, DOUBLE)
    return wide === undefined ? undefined : { sql: narrowedOrNone(wide.sql), type }
  }
  const wide = doubleOf(of)
  return wide === undefined ? undefined : { sql: isFloat ? narrowed(wide) : wide, type }
}

/** The nearest double of a number that a float has room for. A whole number that becomes a float is rounded twice, as here. */
function doubleOf(of: Term): FlinkSql | undefined {
  if (isInteger(of)) return sql`CAST(${of.sql} AS DOUBLE)`
  if (of.type.kind === 'boolean') return sql`CAST(${oneOrZero(of.sql)} AS DOUBLE)`
  // Flink itself divides two doubles, which rounds twice.
  return of.type.kind === 'decimal' ? sql`CAST(CAST(${of.sql} AS STRING) AS DOUBLE)` : undefined
}

function toText(of: Term): Term | undefined {
  const { kind } = of.type
  const moment = momentText(of)
  if (moment !== undefined) return { sql: moment, type: STRING }
  if (isInteger(of) || (kind === 'decimal' && of.places === undefined))
    return { sql: sql`CAST(${of.sql} AS STRING)`, type: STRING }
  if (kind === 'boolean') return { sql: canonicalOf(of), type: STRING }
  return kind === 'uuid' ? { ...of, type: STRING } : undefined
}

/** The nearest float, carried as a double. */
function narrowed(x: FlinkSql): FlinkSql {
  return sql`CAST(CAST(${x} AS FLOAT) AS DOUBLE)`
}

/** The least double that is nearer to what would be the next float than to the largest one. */
const BEYOND_FLOATS = 2 ** 128 - 2 ** 103

/** The same of a double, which may be too large for a float. */
function narrowedOrNone(of: FlinkSql): FlinkSql {
  const x = once(of)
  const isFar = sql`${ordering(sql`ABS(${x})`, '>=', double(BEYOND_FLOATS))} AND CAST(${x} AS STRING) NOT IN ('Infinity', '-Infinity')`
  const none = guard('a value is cast to float that says none', sql`CAST(${x} AS STRING)`, sql`DOUBLE`)
  return once(sql`CASE WHEN ${isFar} THEN ${none} ELSE ${narrowed(x)} END`)
}

/** Moments in other units: what is behind the coarser one is cut off. */
function moved(of: Term, type: DataType, implicit: boolean): Term | undefined {
  const [from, to] = [unitsOfDay(of.type), unitsOfDay(type)]
  if (from === undefined || to === undefined) return undefined
  if (to < from) {
    if ((type.kind === 'timestamp' && type.between === true) || (of.digits ?? 0) > 18) return undefined
    const made = { sql: floorDivided(sql`CAST(${of.sql} AS BIGINT)`, from / to), type }
    // More days than those of 32 bits, as which the days of records are known.
    return type.kind === 'date' && from === UNITS_OF_DAY.millis ? { ...made, digits: 12 } : made
  }
  if (type.kind === 'date') return undefined
  const times = digits(String(to / from))
  const product = sql`(${wide(of)} * ${times})`
  const most = digitsOf(of) + times.text.length
  return implicit || most <= 18 ? { sql: product, type, digits: most } : { sql: within64(once(product)), type }
}

/** A moment that is one of 64 bits; any other is an error here. */
function within64(moment: FlinkSql): FlinkSql {
  const far = guard('a moment beyond 64 bits is met', sql`CAST(${moment} AS STRING)`, sql`BIGINT`)
  const isOne = between(moment, digits(String(-(2n ** 63n))), digits(String(2n ** 63n - 1n)))
  return once(sql`CASE WHEN ${isOne} THEN CAST(${moment} AS BIGINT) ELSE ${far} END`)
}

/** How many of the unit make a day. */
function unitsOfDay(type: DataType): bigint | undefined {
  if (type.kind === 'date') return 1n
  return type.kind === 'timestamp' ? UNITS_OF_DAY[type.unit] : undefined
}

const UNITS_OF_DAY: Readonly<Record<TimeUnit, bigint>> = {
  millis: 86_400_000n,
  micros: 86_400_000_000n,
  nanos: 86_400_000_000_000n,
}

// ---------------------------------------------------------------------------------------------- texts and JSON

function ofTextOrJson(of: Term, type: DataType): Term | undefined {
  const { kind } = of.type
  if (kind !== 'json' && kind !== 'string') return undefined
  const given = once(kind === 'json' ? textIn(of) : of.sql)
  const number = kind === 'json' ? numberIn(of) : undefined
  const json = kind === 'json' ? once(of.sql) : undefined
  const says = (found: FlinkSql, as: FlinkSql): FlinkSql => {
    const value = once(found)
    const odd = guard(`a value is cast to ${type.kind} that says none`, json ?? given, as)
    return once(sql`CASE WHEN ${json ?? given} IS NOT NULL AND ${value} IS NULL THEN ${odd} ELSE ${value} END`)
  }
  switch (type.kind) {
    case 'double':
      return { sql: says(oneOf([number, booleanIn(json, sql`DOUBLE`), doubleOfText(given)]), sql`DOUBLE`), type }
    case 'int':
    case 'long': {
      const most = type.kind === 'int' ? double(2 ** 31 - 1) : double(1e15)
      const least = type.kind === 'int' ? double(-(2 ** 31)) : double(-1e15)
      const whole = number === undefined ? undefined : within(truncated(number), least, most)
      const found = oneOf([whole, booleanIn(json, sql`BIGINT`), wholeOfText(given, type.kind)])
      return { sql: says(found, sql`BIGINT`), type }
    }
    case 'string':
      return json === undefined ? undefined : { sql: says(oneOf([given, plainIn(json)]), sql`STRING`), type }
    case 'date':
    case 'timestamp': {
      if (type.kind === 'timestamp' && (type.unit !== 'millis' || type.between === true)) return undefined
      const isDate = type.kind === 'date'
      const far = double(isDate ? 1e11 : 1e15)
      const counted = number === undefined ? undefined : within(sql`FLOOR(${number})`, sql`-${far}`, far)
      const said = isDate ? sql`CAST(FLOOR(${millisOfText(given)} / 86400000E0) AS BIGINT)` : millisOfText(given)
      return { sql: says(oneOf([counted, said]), sql`BIGINT`), type }
    }
    default:
      return undefined
  }
}

/** The first that is there. */
function oneOf(found: readonly (FlinkSql | undefined)[]): FlinkSql {
  const [first, ...others] = found.filter((one) => one !== undefined)
  return others.reduce((all, one) => sql`COALESCE(${all}, ${one})`, first)
}

function truncated(number: FlinkSql): FlinkSql {
  return sql`CASE WHEN ${ordering(number, '<', sql`0`)} THEN CEIL(${number}) ELSE FLOOR(${number}) END`
}

/** A whole double as a whole number; none outside of the bounds. */
function within(of: FlinkSql, least: FlinkSql, most: FlinkSql): FlinkSql {
  const whole = once(of)
  return sql`CASE WHEN ${between(whole, least, most)} THEN CAST(${whole} AS BIGINT) END`
}

/** true is 1 and false is 0. */
function booleanIn(json: FlinkSql | undefined, as: FlinkSql): FlinkSql | undefined {
  if (json === undefined) return undefined
  return sql`CASE ${json} WHEN 'true' THEN CAST(1 AS ${as}) WHEN 'false' THEN CAST(0 AS ${as}) END`
}

/** A whole number, true or false as it is written; Java writes fractions in another way. */
function plainIn(json: FlinkSql): FlinkSql {
  return sql`CASE WHEN ${json} IN ('true', 'false') OR REGEXP(${json}, '^(0|-?[1-9][0-9]{0,17})$') THEN ${json} END`
}

/** As many digits as are read exactly, without white space, which is not the same on both sides. */
function doubleOfText(given: FlinkSql): FlinkSql {
  const isNumber = sql`REGEXP(${given}, ${text('^[+-]?([0-9]{1,200}([.][0-9]{0,300})?|[.][0-9]{1,300})([eE][+-]?[0-9]{1,2})?$')})`
  return sql`CASE WHEN ${isNumber} THEN TRY_CAST(${given} AS DOUBLE) END`
}

function wholeOfText(given: FlinkSql, kind: 'int' | 'long'): FlinkSql {
  const whole = sql`CASE WHEN REGEXP(${given}, ${text('^[+-]?[0-9]{1,19}$')}) THEN TRY_CAST(${given} AS BIGINT) END`
  if (kind === 'long') return whole
  const n = once(whole)
  return sql`CASE WHEN ${between(n, sql`-2147483648`, sql`2147483647`)} THEN ${n} END`
}

// ---------------------------------------------------------------------------------------------- moments as text

/** `2024-03-09`, `2024-03-09 06:15`, `2024-03-09T06:15:00.123+02:00`: those of years of four digits from 0001. */
const MOMENT = `^[0-9]{4}-[0-9]{2}-[0-9]{2}([Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?(Z|z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)?)?\\z`

/** Milliseconds since the epoch; NULL for a text that says no moment, or no day of the calendar. */
function millisOfText(given: FlinkSql): FlinkSql {
  const s = once(sql`CASE WHEN REGEXP(${given}, ${text(MOMENT)}) THEN ${given} END`)
  const part = (from: number, length: number): FlinkSql =>
    once(sql`COALESCE(TRY_CAST(SUBSTRING(${s} FROM ${from} FOR ${length}) AS BIGINT), 0)`)
  const [year, month, day, hour, minute] = [part(1, 4), part(6, 2), part(9, 2), part(12, 2), part(15, 2)]
  const second = once(sql`CASE WHEN SUBSTRING(${s} FROM 17 FOR 1) = ':' THEN ${part(18, 2)} ELSE 0 END`)
  const fraction = sql`RPAD(COALESCE(REGEXP_EXTRACT(${s}, ${text('[.,]([0-9]{1,3})')}, 1), '0'), 3, '0')`
  const zone = (group: number): FlinkSql =>
    once(sql`REGEXP_EXTRACT(${s}, ${text('^.{16}[0-9:.,]*([+-])([0-9]{2}):?([0-9]{2})?$')}, ${group})`)
  const aside = (group: number): FlinkSql => once(sql`COALESCE(TRY_CAST(${zone(group)} AS BIGINT), 0)`)
  const east = once(sql`(${aside(2)} * 3600 + ${aside(3)} * 60)`)
  const isLeap = sql`(MOD(${year}, 4) = 0 AND (MOD(${year}, 100) <> 0 OR MOD(${year}, 400) = 0))`
  const length = sql`CASE WHEN ${month} = 2 THEN CASE WHEN ${isLeap} THEN 29 ELSE 28 END WHEN ${month} IN (4, 6, 9, 11) THEN 30 ELSE 31 END`
  const months = between(month, sql`1`, sql`12`)
  const isDay = sql`${ordering(year, '>=', sql`1`)} AND ${months} AND ${between(day, sql`1`, length)}`
  const ends = [hour, minute, second, aside(3)].map((of, i) => ordering(of, '<', i === 0 ? sql`24` : sql`60`))
  const isTime = sql`${list(ends, ' AND ')} AND ${ordering(east, '<=', sql`64800`)}`
  const seconds = sql`${daysSinceEpoch(year, month, day)} * 86400 + ${hour} * 3600 + ${minute} * 60 + ${second}`
  const moment = sql`(${seconds} - CASE WHEN ${zone(1)} = '-' THEN -${east} ELSE ${east} END) * 1000 + CAST(${fraction} AS BIGINT)`
  return once(sql`CASE WHEN ${s} IS NOT NULL AND ${isDay} AND ${isTime} THEN ${moment} END`)
}
