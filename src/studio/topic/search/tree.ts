/**
 * Parts of the syntax tree for statements that the page makes itself: they are printed, so that every name and every
 * value is written as the parser reads it, whatever stands in it.
 */
import type { BinaryOp, Expr, Name, Query, Select, Statement } from '../../../sql/ast.ts'

const NOWHERE = { start: 0, end: 0 } as const

export function name(text: string): Name {
  return { text, quoted: false, span: NOWHERE }
}
/** `a.b` as steps. */
export function column(steps: readonly string[]): Expr {
  return { kind: 'column', parts: steps.map(name), span: NOWHERE }
}
export function text(value: string): Expr {
  return { kind: 'string', value, span: NOWHERE }
}
export function truth(value: boolean): Expr {
  return { kind: 'boolean', value, span: NOWHERE }
}
export const NULL: Expr = { kind: 'null', span: NOWHERE }

const NUMBER = /^([+-]?)(\d+\.?\d*(?:e[+-]?\d+)?|\.\d+(?:e[+-]?\d+)?)$/i

/** The number with exactly these digits; undefined for what is no number. */
export function number(digits: string): Expr | undefined {
  const [, sign, unsigned] = NUMBER.exec(digits.trim()) ?? []
  if (unsigned === undefined) return undefined
  const literal: Expr = { kind: 'number', text: unsigned, span: NOWHERE }
  return sign === '-' ? { kind: 'unary', op: '-', operand: literal, span: NOWHERE } : literal
}
/** A whole number from 0 on. */
export function whole(value: number | bigint): Expr {
  return { kind: 'number', text: String(value), span: NOWHERE }
}
export function binary(left: Expr, op: BinaryOp, right: Expr): Expr {
  return { kind: 'binary', op, left, right, opSpan: NOWHERE, span: NOWHERE }
}
export function call(of: string, args: readonly Expr[]): Expr {
  return { kind: 'call', name: name(of), args, star: false, distinct: false, span: NOWHERE }
}
export function cast(operand: Expr, to: string): Expr {
  return { kind: 'cast', operand, type: { name: to, arrayDepth: 0, span: NOWHERE }, span: NOWHERE }
}
export function isNull(operand: Expr, negated: boolean): Expr {
  return { kind: 'isNull', operand, negated, span: NOWHERE }
}
export function isIn(operand: Expr, items: readonly Expr[], negated: boolean): Expr {
  return { kind: 'in', operand, items, negated, span: NOWHERE }
}
export function array(items: readonly Expr[]): Expr {
  return { kind: 'array', items, span: NOWHERE }
}
export function struct(fields: readonly (readonly [string, Expr])[]): Expr {
  return { kind: 'struct', fields: fields.map(([of, value]) => ({ name: name(of), value })), span: NOWHERE }
}
/** All of them; undefined for none. */
export function all(conditions: readonly Expr[]): Expr | undefined {
  return conditions.length === 0 ? undefined : conditions.reduce((left, right) => binary(left, 'and', right))
}
/** Any of them. */
export function any(conditions: readonly Expr[]): Expr {
  return conditions.reduce((left, right) => binary(left, 'or', right))
}

interface Parts {
  /** Without it, everything. */
  readonly items?: readonly Expr[]
  readonly from: string
  readonly where?: Expr
  readonly newestFirst?: boolean
  readonly limit?: number
}

/** `SELECT … FROM … WHERE … ORDER BY _meta.timestamp DESC LIMIT …`. */
export function select({ items, from, where, newestFirst = false, limit }: Parts): Query {
  const body: Select = {
    kind: 'select',
    distinct: false,
    items:
      items === undefined
        ? [{ kind: 'star', path: [], span: NOWHERE }]
        : items.map((expr) => ({ kind: 'expr', expr, span: NOWHERE })),
    from: { kind: 'table', name: name(from), span: NOWHERE },
    where,
    groupBy: [],
    span: NOWHERE,
  }
  return {
    kind: 'query',
    with: [],
    body,
    orderBy: newestFirst ? [{ expr: column(['_meta', 'timestamp']), descending: true, span: NOWHERE }] : [],
    ...(limit === undefined ? {} : { limit: { skip: 0, count: limit, span: NOWHERE } }),
    span: NOWHERE,
  }
}

/** A query as a statement. */
export function statement(query: Query): Statement {
  return { kind: 'selectStatement', query, span: NOWHERE }
}

/** `INSERT INTO table (targets) VALUES (row)`, or with a query. */
export function insert(
  into: string,
  targets: readonly (readonly string[])[] | undefined,
  from: { readonly row: readonly Expr[] } | { readonly query: Query },
): Statement {
  return {
    kind: 'insert',
    table: name(into),
    ...(targets === undefined ? {} : { targets: targets.map((path) => path.map(name)) }),
    ...('row' in from ? { rows: [from.row] } : { query: from.query }),
    span: NOWHERE,
  }
}
