/**
 * Syntax tree → canonical text, on one line: keywords in upper case, every alias with AS, only the parentheses that are
 * needed. Parsing the text gives the same tree again, spans aside. Left-deep chains (a AND b AND …, joins,
 * UNIONs) are printed in a loop: they may be thousands of links long.
 */
import type {
  ExplainStatement,
  CreateTable,
  Expr,
  From,
  InsertStatement,
  Limit,
  Name,
  OrderItem,
  Query,
  QueryBody,
  Select,
  SelectItem,
  SetOperation,
  Statement,
  TypeName,
} from './ast.ts'
import { isReserved } from './keywords.ts'
import { bareNameEnd, isBareWord } from './lex.ts'
import { BINARY_PRECEDENCE, PRECEDENCE } from './precedence.ts'

// ---------------------------------------------------------------------------------------------- statements

function explained({ code, flink }: ExplainStatement): string {
  if (code) return 'CODE '
  return flink === undefined ? '' : `FLINK ${flink === 'streaming' ? 'STREAMING ' : ''}`
}

/** One statement, without `;`. */
export function printStatement(s: Statement): string {
  switch (s.kind) {
    case 'set':
      return `SET ${rawName(s.name)} = ${rawValue(s.value)}`
    case 'use':
      return `USE ${tableName(s.name)}`
    case 'selectStatement':
      return printQuery(s.query)
    case 'explain':
      return `EXPLAIN ${explained(s)}${printStatement(s.statement)}`
    case 'insert':
      return insert(s)
    case 'createTable':
      return createTable(s)
    case 'createView':
      return `CREATE VIEW ${tableName(s.name)} AS ${s.text}`
    case 'createSynonym':
      return `CREATE SYNONYM ${tableName(s.name)} FOR ${tableName(s.target)}`
    case 'drop':
      return `DROP ${s.what.toUpperCase()} ${s.ifExists ? 'IF EXISTS ' : ''}${tableName(s.name)}`
    case 'truncate':
      return `TRUNCATE TABLE ${tableName(s.table)}`
    case 'delete':
      return `DELETE FROM ${tableName(s.table)}${clause('WHERE', s.where)}`
    case 'show': {
      const name = s.name === undefined ? '' : ` ${tableName(s.name)}`
      return `SHOW ${s.what.toUpperCase()}${name}${s.like === undefined ? '' : ` LIKE ${printString(s.like)}`}`
    }
    case 'describe':
      return `DESCRIBE ${s.formatted ? 'FORMATTED' : 'TABLE'} ${tableName(s.table)}`
    case 'kill':
      return `KILL QUERY ${rawValue(s.id)}`
  }
}

function insert(s: InsertStatement): string {
  const targets =
    s.targets === undefined ? '' : ` (${s.targets.map((target, i) => targetPath(target, i === 0)).join(', ')})`
  const into = `INSERT INTO ${tableName(s.table)}${targets}`
  if (s.query !== undefined) return `${into} ${printQuery(s.query)}`
  return `${into} VALUES ${(s.rows ?? []).map((row) => `(${row.map(printExpr).join(', ')})`).join(', ')}`
}

/** Only the first target can be mistaken for the beginning of a query. */
function targetPath(target: readonly Name[], first: boolean): string {
  const [head, ...rest] = target
  const text = first && head.text.toUpperCase() === 'SELECT' ? backticked(head.text) : word(head)
  return [text, ...rest.map(word)].join('.')
}

function createTable(s: CreateTable): string {
  const columns = s.columns.map(
    (column) => `${column.path.map(word).join('.')} ${printType(column.type)}${column.nullable ? ' NULL' : ''}`,
  )
  const properties = s.properties.map((property) => `${rawName(property.name)} = ${rawValue(property.value)}`)
  return [
    `CREATE TABLE ${s.ifNotExists ? 'IF NOT EXISTS ' : ''}${tableName(s.name)}`,
    ...(columns.length === 0 ? [] : [`(${columns.join(', ')})`]),
    `FORMAT (${word(s.keyFormat)}, ${word(s.valueFormat)})`,
    ...(properties.length === 0 ? [] : [`PROPERTIES (${properties.join(', ')})`]),
  ].join(' ')
}

// ---------------------------------------------------------------------------------------------- queries

/** One query, without parentheses around it. */
export function printQuery(q: Query): string {
  const ctes =
    q.with.length === 0
      ? ''
      : `WITH ${q.with.map((cte) => `${tableName(cte.name)} AS (${printQuery(cte.query)})`).join(', ')} `
  const orderBy = q.orderBy.length === 0 ? '' : ` ORDER BY ${q.orderBy.map(orderItem).join(', ')}`
  return ctes + printBody(q.body) + orderBy + limitClause(q.limit)
}

function orderItem(item: OrderItem): string {
  const nulls = item.nulls === undefined ? '' : ` NULLS ${item.nulls.toUpperCase()}`
  return `${printExpr(item.expr)}${item.descending ? ' DESC' : ''}${nulls}`
}

function limitClause(limit: Limit | undefined): string {
  if (limit === undefined) return ''
  if (limit.count === undefined) return ` OFFSET ${limit.skip}`
  return ` LIMIT ${limit.count}${limit.skip === 0 ? '' : ` OFFSET ${limit.skip}`}`
}

function setPrecedence(op: SetOperation['op']): number {
  return op === 'intersect' ? 2 : 1
}

function printBody(body: QueryBody): string {
  const right: string[] = []
  let left = body
  while (left.kind === 'setOperation') {
    const level = setPrecedence(left.op)
    right.push(` ${left.op.toUpperCase()}${left.all ? ' ALL' : ''} ${bodyOperand(left.right, level + 1)}`)
    if (left.left.kind !== 'setOperation' || setPrecedence(left.left.op) < level)
      return bodyOperand(left.left, level) + right.reverse().join('')
    left = left.left
  }
  return bodyOperand(left, 1) + right.reverse().join('')
}

function bodyOperand(body: QueryBody, min: number): string {
  if (body.kind === 'select') return printSelect(body)
  if (body.kind === 'query') return `(${printQuery(body)})`
  return setPrecedence(body.op) < min ? `(${printBody(body)})` : printBody(body)
}

function printSelect(s: Select): string {
  const last = s.items.length - 1
  const items = s.items.map((item, i) => selectItem(item, s.from === undefined && i === last))
  return [
    `SELECT ${s.distinct ? 'DISTINCT ' : ''}${items.join(', ')}`,
    s.from === undefined ? '' : ` FROM ${printFrom(s.from)}`,
    clause('WHERE', s.where),
    s.groupBy.length === 0 ? '' : ` GROUP BY ${s.groupBy.map(printExpr).join(', ')}`,
    clause('HAVING', s.having),
  ].join('')
}

/** `exposed`: nothing behind the alias shows that it is a name. */
function selectItem(item: SelectItem, exposed: boolean): string {
  if (item.kind === 'star') return [...item.path.map(word), '*'].join('.')
  if (item.alias === undefined) return printExpr(item.expr)
  const [head, ...rest] = item.alias
  const first = exposed && rest.length === 0 ? nameUnlessReserved(head) : word(head)
  return `${printExpr(item.expr)} AS ${[first, ...rest.map(word)].join('.')}`
}

function clause(keyword: string, expr: Expr | undefined): string {
  return expr === undefined ? '' : ` ${keyword} ${printExpr(expr)}`
}

function printFrom(from: From): string {
  const right: string[] = []
  let left = from
  while (left.kind === 'join' || left.kind === 'lateral') {
    if (left.kind === 'lateral') {
      right.push(` LATERAL ${printExpr(left.array)} AS ${nameUnlessReserved(left.alias)}`)
      left = left.input
    } else {
      right.push(` ${left.type.toUpperCase()} JOIN ${sourceOperand(left.right)}${clause('ON', left.on)}`)
      left = left.left
    }
  }
  return source(left) + right.reverse().join('')
}

function sourceOperand(from: From): string {
  return from.kind === 'join' || from.kind === 'lateral' ? `(${printFrom(from)})` : source(from)
}

function source(from: Exclude<From, { kind: 'join' | 'lateral' }>): string {
  const text =
    from.kind === 'table'
      ? from.latest === true
        ? `LATEST(${tableName(from.name)})`
        : tableName(from.name)
      : `(${printQuery(from.query)})`
  return from.alias === undefined ? text : `${text} AS ${nameUnlessReserved(from.alias)}`
}

// ---------------------------------------------------------------------------------------------- expressions

/** Tighter than any operator. */
const PRIMARY = PRECEDENCE.postfix + 1

function precedence(e: Expr): number {
  switch (e.kind) {
    case 'binary':
      return BINARY_PRECEDENCE[e.op]
    case 'unary':
      return e.op === 'not' ? PRECEDENCE.not : PRECEDENCE.sign
    case 'between':
    case 'in':
    case 'like':
    case 'isNull':
    case 'isTruth':
    case 'isDistinct':
      return PRECEDENCE.comparison
    case 'index':
    case 'member':
      return PRECEDENCE.postfix
    default:
      return PRIMARY
  }
}

/** An operand, in parentheses when it binds more loosely than `min`. */
function operand(e: Expr, min: number): string {
  return precedence(e) < min ? `(${printExpr(e)})` : printExpr(e)
}

/** One expression, without parentheses around it. */
export function printExpr(e: Expr): string {
  switch (e.kind) {
    case 'null':
      return 'NULL'
    case 'boolean':
      return e.value ? 'TRUE' : 'FALSE'
    case 'number':
      return e.text
    case 'string':
      return printString(e.value)
    case 'array':
      return `[${e.items.map(printExpr).join(', ')}]`
    case 'struct':
      return `{${e.fields.map((field) => `${word(field.name)}: ${printExpr(field.value)}`).join(', ')}}`
    case 'column':
      return [nameUnlessReserved(e.parts[0]), ...e.parts.slice(1).map(word)].join('.')
    case 'index':
    case 'member':
      return postfix(e)
    case 'unary':
      return unary(e)
    case 'binary':
      return binary(e)
    case 'case':
      return caseWhen(e)
    case 'cast':
      return `CAST(${printExpr(e.operand)} AS ${printType(e.type)})`
    case 'call':
      return call(e)
    case 'moment':
      return e.word
    case 'exists':
      return `EXISTS (${printQuery(e.query)})`
    case 'subquery':
      return `(${printQuery(e.query)})`
    default:
      return wordComparison(e)
  }
}

type Of<K extends Expr['kind']> = Extract<Expr, { kind: K }>

function wordComparison(e: Of<'between' | 'in' | 'like' | 'isNull' | 'isTruth' | 'isDistinct'>): string {
  const left = operand(e.operand, PRECEDENCE.concat)
  const not = e.negated ? 'NOT ' : ''
  switch (e.kind) {
    case 'between':
      return `${left} ${not}BETWEEN ${operand(e.low, PRECEDENCE.concat)} AND ${operand(e.high, PRECEDENCE.concat)}`
    case 'like':
      return `${left} ${not}LIKE ${operand(e.pattern, PRECEDENCE.concat)}`
    case 'isNull':
      return `${left} IS ${not}NULL`
    case 'isTruth':
      return `${left} IS ${not}${e.truth.toUpperCase()}`
    case 'isDistinct':
      return `${left} IS ${not}DISTINCT FROM ${operand(e.from, PRECEDENCE.concat)}`
    case 'in': {
      const items = e.query === undefined ? (e.items ?? []).map(printExpr).join(', ') : printQuery(e.query)
      return `${left} ${not}IN (${items})`
    }
  }
}

function unary(e: Of<'unary'>): string {
  if (e.op === 'not') return `NOT ${operand(e.operand, PRECEDENCE.not)}`
  // `--` would be a comment: a sign below a sign gets parentheses.
  return e.op + operand(e.operand, e.operand.kind === 'unary' ? PRIMARY : PRECEDENCE.sign)
}

/** All operators are left-associative; comparisons do not chain, so both of their sides bind more tightly. */
function binary(e: Of<'binary'>): string {
  const right: string[] = []
  let node = e
  for (;;) {
    const level = BINARY_PRECEDENCE[node.op]
    right.push(` ${node.op.toUpperCase()} ${operand(node.right, level + 1)}`)
    const min = level === PRECEDENCE.comparison ? level + 1 : level
    if (node.left.kind !== 'binary' || precedence(node.left) < min)
      return operand(node.left, min) + right.reverse().join('')
    node = node.left
  }
}

function postfix(e: Of<'index' | 'member'>): string {
  const right: string[] = []
  let node: Expr = e
  let outer: Expr = e
  while (node.kind === 'index' || node.kind === 'member') {
    right.push(node.kind === 'index' ? `[${printExpr(node.index)}]` : `.${word(node.name)}`)
    outer = node
    node = node.base
  }
  // `(a.b).c` is not the path `a.b.c`, and `1.e5` would be a number.
  const bracketed = outer.kind === 'member' && (node.kind === 'column' || node.kind === 'number')
  return (bracketed ? `(${printExpr(node)})` : operand(node, PRECEDENCE.postfix)) + right.reverse().join('')
}

function caseWhen(e: Of<'case'>): string {
  const whens = e.whens.map((branch) => ` WHEN ${printExpr(branch.when)} THEN ${printExpr(branch.then)}`)
  const otherwise = e.otherwise === undefined ? '' : ` ELSE ${printExpr(e.otherwise)}`
  return `CASE${e.operand === undefined ? '' : ` ${printExpr(e.operand)}`}${whens.join('')}${otherwise} END`
}

function call(e: Of<'call'>): string {
  // POSITION(x IN y) has a meaning of its own, so a condition as its first argument gets parentheses.
  const position = e.name.text.toUpperCase() === 'POSITION'
  const list = e.args.map((arg, i) => (position && i === 0 ? operand(arg, PRECEDENCE.concat) : printExpr(arg)))
  const args = e.star ? '*' : `${e.distinct ? 'DISTINCT ' : e.all === true ? 'ALL ' : ''}${list.join(', ')}`
  const filter = e.filter === undefined ? '' : ` FILTER (WHERE ${printExpr(e.filter)})`
  return `${nameUnlessReserved(e.name)}(${args})${filter}`
}

/** A type as it is written in CAST and CREATE TABLE: `decimal(10, 2)[]`. */
export function printType(t: TypeName): string {
  const numbers = t.precision === undefined ? '' : `(${t.precision}${t.scale === undefined ? '' : `, ${t.scale}`})`
  return t.name + numbers + '[]'.repeat(t.arrayDepth)
}

// ---------------------------------------------------------------------------------------------- words

/** A string literal in single quotes. */
export function printString(value: string): string {
  const escaped = value
    .replaceAll('\\', '\\\\')
    .replaceAll("'", "''")
    .replaceAll('\n', '\\n')
    .replaceAll('\t', '\\t')
    .replaceAll('\r', '\\r')
  return `'${escaped}'`
}

/** A name where any word may stand: after a dot, after AS, before `:`. */
export function printName(text: string): string {
  return isBareWord(text) ? text : backticked(text)
}

function backticked(text: string): string {
  return `\`${text.replaceAll('`', '``')}\``
}

function word(name: Name): string {
  return name.quoted ? backticked(name.text) : printName(name.text)
}

/** A name where reserved words would be read as syntax. */
function nameUnlessReserved(name: Name): string {
  return isReserved(name.text) ? backticked(name.text) : word(name)
}

function tableName(name: Name): string {
  const bare = !name.quoted && bareNameEnd(name.text, 0) === name.text.length && !isReserved(name.text)
  return bare ? name.text : backticked(name.text)
}

function rawName(name: string): string {
  return isBareWord(name.slice(0, 1)) && bareNameEnd(name, 0) === name.length ? name : backticked(name)
}

function rawValue(value: string): string {
  return /^[\w.+-]+$/.test(value) && !value.includes('--') ? value : printString(value)
}
