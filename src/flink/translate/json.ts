/** JSON in Flink: what is at a path of a text, the items of a list, and the canonical text of either. */
import { canonicalOfDouble } from './carriers.ts'
import { type FlinkSql, list, once, ordering, sql, text } from './flink-sql.ts'
import { Refusal } from './refusal.ts'
import { decoded, guard } from './terms.ts'

/** The value at a path of a JSON text, in a list of its own, so that it keeps its type: `[5]`. */
export function wrappedAt(json: FlinkSql, steps: readonly (string | number)[]): FlinkSql {
  const path = text(`$${steps.map(jsonStep).join('')}`)
  return sql`JSON_QUERY(${json}, ${path} WITH UNCONDITIONAL ARRAY WRAPPER)`
}

function jsonStep(step: string | number): string {
  if (typeof step === 'number') return `[${step}]`
  if (/['\\\u0000-\u001f]/.test(step))
    throw new Refusal(`A field of the name ${JSON.stringify(step)} is not handed over to Flink.`)
  return `['${step}']`
}

/**
 * The canonical text of a JSON value that stands in a list of its own (`[5]`). Lists and structures stay as they are: only
 * where they are compared they end the job.
 */
export function canonicalJson(wrapped: FlinkSql): FlinkSql {
  return canonicalText(sql`SUBSTRING(${wrapped} FROM 2 FOR CHAR_LENGTH(${wrapped}) - 2)`)
}

function canonicalText(json: FlinkSql): FlinkSql {
  const inside = once(json)
  const first = sql`SUBSTRING(${inside} FROM 1 FOR 1)`
  const asItIs = sql`${first} IN ('"', 't', 'f', '[', '{') OR REGEXP(${inside}, ${text('^-?[0-9]+$')})`
  const double = once(sql`TRY_CAST(${inside} AS DOUBLE)`)
  const beyond = guard('a JSON number beyond doubles is met', inside, sql`STRING`)
  const isBeyond = ordering(sql`ABS(${double})`, '>', sql`1.7976931348623157E308`)
  const number = sql`CASE WHEN ${isBeyond} THEN ${beyond} ELSE ${canonicalOfDouble(double)} END`
  return sql`CASE WHEN ${inside} IS NULL OR ${inside} = 'null' THEN CAST(NULL AS STRING) WHEN ${asItIs} THEN ${decoded(inside)} ELSE ${number} END`
}

/**
 * Limit `flink.list.max.length` (characters): the JSON text of a list that LATERAL takes apart in Flink. Beyond it: the
 * statement is given back. Each of its strings is found with a look at all that is behind it.
 */
const MAX_LIST = 16_384

/** A quote that opens a string, in a text without quotes inside of strings: an odd number of them is behind it. */
const OPENING = '"(?=[^"]*+"[^"]*+(?:"[^"]*+"[^"]*+)*+$)'

/**
 * The items of a JSON list, as an array of texts; NULL for anything else. Flink gives texts as they are and all others as
 * JSON, and does not say which is which: so every string begins with an `s` of ours.
 */
export function itemsOf(json: FlinkSql): FlinkSql {
  const c = once(json)
  const long = guard(
    `the list of a LATERAL has more than ${MAX_LIST} characters (flink.list.max.length), and begins with`,
    sql`SUBSTRING(${c} FROM 1 FOR 100)`,
    sql`STRING`,
  )
  const bounded = sql`CASE WHEN ${ordering(sql`CHAR_LENGTH(${c})`, '>', sql`${MAX_LIST}`)} THEN ${long} ELSE ${c} END`
  const [backslash, quote] = [sql`${text('\\\\')}, ${text('\\u005c')}`, sql`${text('\\"')}, ${text('\\u0022')}`]
  const plain = sql`REPLACE(REPLACE(${once(bounded)}, ${backslash}), ${quote})`
  const marked = sql`REGEXP_REPLACE(${plain}, ${text(OPENING)}, '"s')`
  return sql`CASE WHEN SUBSTRING(${c} FROM 1 FOR 1) = '[' THEN JSON_QUERY(${marked}, '$' RETURNING ARRAY<STRING>) END`
}

/**
 * A number with as many places as its exponent says (`3.5e1`, as Java writes 12345679.0): Flink gives the digits alone,
 * which are those of a whole number.
 */
const HIDDEN_DOUBLE = text(
  `(^|[\\[:,])[ \\t\\r\\n]*-?[0-9]+([eE][+-]?0+|${Array.from({ length: 17 }, (_, i) => `[.][0-9]{${i + 1}}[eE][+]?0*${i + 1}`).join('|')})(?![0-9])`,
)

/** Half of a surrogate pair that is written as an escape, as of an emoji that was cut in two: Flink makes a `?` of it. */
const HALF = text(
  '\\\\u[dD][89aAbB][0-9a-fA-F]{2}(?!\\\\u[dD][c-fC-F])|(?<!\\\\u[dD][89aAbB][0-9a-fA-F]{2})\\\\u[dD][c-fC-F]',
)

/** How a statement looks at JSON. */
export interface JsonLook {
  /** It divides numbers, so that it matters how they are written. */
  readonly divides: boolean
  /** The names of members that it looks at. */
  readonly names: ReadonlySet<string>
}

/** Colons in a text. */
function colons(of: FlinkSql): FlinkSql {
  return sql`(CHAR_LENGTH(${of}) - CHAR_LENGTH(REPLACE(${of}, ':', '')))`
}

/**
 * Whether an object may have two members of one name, of which Flink takes the last and we the first: a name is there
 * twice, and what Flink has read has fewer names than the text. That costs a further reading, so only then.
 */
function isTwice(record: FlinkSql, names: ReadonlySet<string>): FlinkSql {
  const twice = [...names].map((each) => {
    const written = text(JSON.stringify(each))
    return sql`POSITION(${written} IN SUBSTRING(${record} FROM POSITION(${written} IN ${record}) + 1)) <> 0`
  })
  const kept = sql`JSON_QUERY(${record}, '$' WITH UNCONDITIONAL ARRAY WRAPPER)`
  return sql`(${list(twice, ' OR ')}) AND ${colons(record)} <> ${colons(kept)}`
}

/**
 * Whether a record is JSON. Java's takes no mark of the byte order, with which some producers begin: it ends the job. So
 * does half of a surrogate pair, a name that an object has twice, and a double that would come as a whole number, where
 * numbers are divided.
 */
export function isJsonRecord(record: FlinkSql, { divides, names }: JsonLook): FlinkSql {
  const first = sql`SUBSTRING(${record} FROM 1 FOR 100)`
  const hidden = guard('a number with an exponent is divided, perhaps', first, sql`BOOLEAN`)
  const half = guard('half of a surrogate pair is written in a JSON record', first, sql`BOOLEAN`)
  const twice = guard('an object of a JSON record has two members of one name, perhaps', first, sql`BOOLEAN`)
  const mayBeHalf = sql`(POSITION('\\ud' IN ${record}) <> 0 OR POSITION('\\uD' IN ${record}) <> 0)`
  const isHidden = divides ? sql` WHEN REGEXP(${record}, ${HIDDEN_DOUBLE}) THEN ${hidden}` : sql``
  const hasTwice = names.size > 0 ? sql` WHEN ${isTwice(record, names)} THEN ${twice}` : sql``
  const good = sql`CASE WHEN ${mayBeHalf} AND REGEXP(${record}, ${HALF}) THEN ${half}${hasTwice}${isHidden} ELSE TRUE END`
  const marked = guard('a JSON record begins with the mark of a byte order', first, sql`BOOLEAN`)
  const isMarked = sql`SUBSTRING(${record} FROM 1 FOR 1) = ${text('\ufeff')}`
  // Beyond these Flink reads nothing: 1,000 levels, numbers of 1,000 digits, names of 50,000 characters (Jackson's
  // StreamReadConstraints).
  const long = guard('JSON with more than Flink reads, or none', first, sql`BOOLEAN`)
  const levels = sql`CHAR_LENGTH(REGEXP_REPLACE(${record}, '[^\\[{]', ''))`
  const isLong = sql`(${ordering(levels, '>', sql`1000`)} OR ${ordering(sql`CHAR_LENGTH(${record})`, '>', sql`50000`)} OR REGEXP(${record}, '[0-9.eE+-]{1001}'))`
  return sql`CASE WHEN ${record} IS JSON THEN ${good} WHEN ${isMarked} THEN ${marked} WHEN ${isLong} THEN ${long} ELSE FALSE END`
}

/**
 * Whether nothing stands behind the value of a record: Flink reads one value and looks no further. Inside of a list and of
 * an object there would have to be other things behind it.
 */
export function isAlone(record: FlinkSql): FlinkSql {
  const listed = sql`CONCAT('[', ${record}, ']')`
  return sql`(${listed} IS JSON AND CONCAT('{"":', ${record}, '}') IS JSON)`
}

/** Whether a JSON number, in a list of its own (`[3.0]`), is written as a double. */
export function isDoubleWrapped(wrapped: FlinkSql): FlinkSql {
  return sql`REGEXP(${wrapped}, ${text('^.-?[0-9]+[.eE]')})`
}

/** Whether one of `itemsOf` is a number that is written as a double. */
export function isDoubleItem(item: FlinkSql): FlinkSql {
  return sql`REGEXP(${item}, ${text('^-?[0-9]+[.eE]')})`
}

/** The canonical text of one of `itemsOf`. A quote inside of a string has a backslash before it, an opening one has not. */
export function canonicalItem(item: FlinkSql): FlinkSql {
  const first = sql`SUBSTRING(${item} FROM 1 FOR 1)`
  const bare = sql`REGEXP_REPLACE(${item}, ${text('(?<!\\\\)"s')}, '"')`
  const said = sql`JSON_STRING(SUBSTRING(${item} FROM 2))`
  return sql`CASE ${first} WHEN 's' THEN ${said} WHEN '[' THEN ${bare} WHEN '{' THEN ${bare} ELSE ${canonicalText(item)} END`
}
