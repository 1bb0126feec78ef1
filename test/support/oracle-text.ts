/**
 * The syntax tree as DuckDB's SQL, for the part of the dialect that both speak: whole numbers are HUGEINT, so that
 * nothing overflows where Sluice does not; fractions are DOUBLE; whole ÷ whole is `//`; NULLs are ordered in words;
 * metadata and nested fields are columns with names of their own. What it cannot say is an Error.
 */
import type { Expr, From, OrderItem, Query, QueryBody, Select } from '../../src/sql/ast.ts'
import { typeOf } from './random-expressions.ts'
import { DUCK_TYPES, duckString } from './random-tables.ts'

/** A query, without `;`. */
export function duckQuery(q: Query): string {
  const ctes =
    q.with.length === 0
      ? ''
      : `WITH ${q.with.map((w) => `${w.name.text} AS MATERIALIZED (${duckQuery(w.query)})`).join(', ')} `
  const orderBy = q.orderBy.length === 0 ? '' : ` ORDER BY ${q.orderBy.map(order).join(', ')}`
  const limit =
    q.limit === undefined
      ? ''
      : `${q.limit.count === undefined ? '' : ` LIMIT ${q.limit.count}`}${q.limit.skip === 0 ? '' : ` OFFSET ${q.limit.skip}`}`
  return `${ctes}${body(q.body)}${orderBy}${limit}`
}

function order(item: OrderItem): string {
  const nulls = item.nulls ?? (item.descending ? 'first' : 'last')
  return `${duckExpr(item.expr)} ${item.descending ? 'DESC' : 'ASC'} NULLS ${nulls.toUpperCase()}`
}

function body(b: QueryBody): string {
  if (b.kind === 'query') return `(${duckQuery(b)})`
  if (b.kind === 'select') return select(b)
  return `(${body(b.left)}) ${b.op.toUpperCase()}${b.all ? ' ALL' : ''} (${body(b.right)})`
}

function select(s: Select): string {
  const items = s.items.map((i) => {
    if (i.kind !== 'expr' || i.alias === undefined) throw new Error('a column without a name')
    return `${duckExpr(i.expr)} AS ${i.alias[0].text}`
  })
  return [
    `SELECT ${s.distinct ? 'DISTINCT ' : ''}${items.join(', ')}`,
    s.from === undefined ? '' : ` FROM ${source(s.from)}`,
    s.where === undefined ? '' : ` WHERE ${duckExpr(s.where)}`,
    s.groupBy.length === 0 ? '' : ` GROUP BY ${s.groupBy.map(duckExpr).join(', ')}`,
    s.having === undefined ? '' : ` HAVING ${duckExpr(s.having)}`,
  ].join('')
}

function source(from: From): string {
  switch (from.kind) {
    case 'table':
      return `${from.name.text}${from.alias === undefined ? '' : ` AS ${from.alias.text}`}`
    case 'derived':
      return `(${duckQuery(from.query)})${from.alias === undefined ? '' : ` AS ${from.alias.text}`}`
    case 'join':
      return `${source(from.left)} ${from.type.toUpperCase()} JOIN ${source(from.right)}${from.on === undefined ? '' : ` ON ${duckExpr(from.on)}`}`
    case 'lateral':
      throw new Error('LATERAL is not compared')
  }
}

/** `t._meta.offset`, `t._key`, `t.o.n`, `c7`. */
function columnText(parts: readonly string[]): string {
  const [head, ...rest] = parts
  if (rest.length === 0) return head
  const path = rest.join('.').replace(/^_meta\./, 'm_')
  return `${head}."${path === '_key' ? 'k' : path}"`
}

/** One expression, in parentheses where it has operators. */
export function duckExpr(e: Expr): string {
  const type = typeOf(e)
  switch (e.kind) {
    case 'null':
      return `CAST(NULL AS ${DUCK_TYPES[type ?? 'small']})`
    case 'boolean':
      return e.value ? 'TRUE' : 'FALSE'
    case 'number':
      return /^\d+$/.test(e.text) ? `CAST(${e.text} AS HUGEINT)` : `CAST(${e.text} AS DOUBLE)`
    case 'string':
      return type === 'timestamp'
        ? `TIMESTAMP ${duckString(e.value.replace('Z', ''))}`
        : type === 'date'
          ? `DATE ${duckString(e.value)}`
          : duckString(e.value)
    case 'column':
      return columnText(e.parts.map((p) => p.text))
    case 'unary':
      return e.op === 'not' ? `(NOT ${duckExpr(e.operand)})` : `(${e.op} ${duckExpr(e.operand)})`
    case 'binary':
      return binaryText(e)
    case 'between':
      return `(${duckExpr(e.operand)} ${e.negated ? 'NOT ' : ''}BETWEEN ${duckExpr(e.low)} AND ${duckExpr(e.high)})`
    case 'in':
      return `(${duckExpr(e.operand)} ${e.negated ? 'NOT ' : ''}IN (${e.query === undefined ? (e.items ?? []).map(duckExpr).join(', ') : duckQuery(e.query)}))`
    case 'like':
      return `(${duckExpr(e.operand)} ${e.negated ? 'NOT ' : ''}LIKE ${duckExpr(e.pattern)})`
    case 'isNull':
      return `(${duckExpr(e.operand)} IS ${e.negated ? 'NOT ' : ''}NULL)`
    case 'case':
      return caseText(e)
    case 'cast':
      return castText(e)
    case 'call':
      return callText(e)
    case 'exists':
      return `EXISTS (${duckQuery(e.query)})`
    case 'subquery':
      return `(${duckQuery(e.query)})`
    default:
      throw new Error(`${e.kind} is not compared`)
  }
}

type Of<K extends Expr['kind']> = Extract<Expr, { kind: K }>

function castText(e: Of<'cast'>): string {
  const to = {
    string: 'VARCHAR',
    double: 'DOUBLE',
    timestamp: 'TIMESTAMP',
    date: 'DATE',
    decimal: 'DECIMAL(18,2)',
    int: 'HUGEINT',
    long: 'HUGEINT',
  }[e.type.name]
  if (to === undefined) throw new Error(`CAST to ${e.type.name} is not compared`)
  if (e.operand.kind === 'string')
    return to === 'TIMESTAMP'
      ? `TIMESTAMP ${duckString(e.operand.value.replace('Z', ''))}`
      : `CAST(${duckExpr(e.operand)} AS ${to})`
  return `CAST(${duckExpr(e.operand)} AS ${to})`
}

function caseText(e: Of<'case'>): string {
  const whens = e.whens.map((w) => ` WHEN ${duckExpr(w.when)} THEN ${duckExpr(w.then)}`)
  return `(CASE${e.operand === undefined ? '' : ` ${duckExpr(e.operand)}`}${whens.join('')}${e.otherwise === undefined ? '' : ` ELSE ${duckExpr(e.otherwise)}`} END)`
}

const UNITS: Readonly<Record<string, string>> = { s: 'SECOND', m: 'MINUTE', h: 'HOUR', d: 'DAY' }

function binaryText(e: Of<'binary'>): string {
  const type = typeOf(e)
  const [left, right] = [duckExpr(e.left), duckExpr(e.right)]
  if (type === 'timestamp' && e.right.kind === 'string') {
    const [, count, unit] = /^(\d+)([smhd])$/.exec(e.right.value) ?? []
    return `(${left} ${e.op} INTERVAL ${count} ${UNITS[unit]})`
  }
  if (type === 'long' && typeOf(e.left) === 'timestamp')
    return `CAST(epoch_ms(${left}) - epoch_ms(${right}) AS HUGEINT)`
  if (e.op === '||') return `(${asText(e.left)} || ${asText(e.right)})`
  if (e.op === '/' && type !== 'double') return `(${left} // ${right})`
  return `(${left} ${e.op} ${right})`
}

function asText(e: Expr): string {
  return typeOf(e) === 'string' ? duckExpr(e) : `CAST(${duckExpr(e)} AS VARCHAR)`
}

/** Calls that are written differently there; `a` are the arguments as texts. */
const CALLS: Readonly<Record<string, (a: readonly string[]) => string>> = {
  length: ([s]) => `CAST(length(${s}) AS HUGEINT)`,
  len: ([s]) => `CAST(length(${s}) AS HUGEINT)`,
  indexof: ([s, x]) => `CAST(instr(${s}, ${x}) - 1 AS HUGEINT)`,
  floor: ([x]) => `CAST(floor(${x}) AS HUGEINT)`,
  ceil: ([x]) => `CAST(ceil(${x}) AS HUGEINT)`,
  round: ([x]) => `CAST(floor(${x} + CAST(0.5 AS DOUBLE)) AS HUGEINT)`,
  year: ([t]) => `CAST(year(${t}) AS HUGEINT)`,
  month: ([t]) => `CAST(month(${t}) AS HUGEINT)`,
  day: ([t]) => `CAST(day(${t}) AS HUGEINT)`,
  hour: ([t]) => `CAST(hour(${t}) AS HUGEINT)`,
  abs: ([x]) => `abs(${x})`,
  upper: ([s]) => `upper(${s})`,
  lower: ([s]) => `lower(${s})`,
  reverse: ([s]) => `reverse(${s})`,
  trim: ([s]) => `trim(${s})`,
  replace: ([s, x, y]) => `replace(${s}, ${x}, ${y})`,
  takeleft: ([s, n]) => `left(${s}, CAST(${n} AS BIGINT))`,
  takeright: ([s, n]) => `right(${s}, CAST(${n} AS BIGINT))`,
  substr: ([s, n]) => `substring(${s}, CAST(${n} AS BIGINT) + 1)`,
  contains: ([s, x]) => `contains(${s}, ${x})`,
  startswith: ([s, x]) => `starts_with(${s}, ${x})`,
  endswith: ([s, x]) => `ends_with(${s}, ${x})`,
  coalesce: (a) => `coalesce(${a.join(', ')})`,
  nullif: (a) => `nullif(${a.join(', ')})`,
}

function callText(e: Of<'call'>): string {
  const name = e.name.text.toLowerCase()
  const filter = e.filter === undefined ? '' : ` FILTER (WHERE ${duckExpr(e.filter)})`
  if (name === 'count')
    return `CAST(count(${e.distinct ? 'DISTINCT ' : ''}${e.star ? '*' : duckExpr(e.args[0])})${filter} AS HUGEINT)`
  if (name === 'sum' || name === 'avg' || name === 'min' || name === 'max')
    return `${name}(${e.distinct ? 'DISTINCT ' : ''}${duckExpr(e.args[0])})${filter}`
  if (name === 'concat') return `concat(${e.args.map(asText).join(', ')})`
  const written = CALLS[name]
  if (written === undefined) throw new Error(`${e.name.text} is not compared`)
  return written(e.args.map(duckExpr))
}
