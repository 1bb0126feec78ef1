/**
 * Makes a failing random query smaller: parts are left out or replaced by parts of the same type, rows are left out, as
 * long as it still fails. It tries; it does not promise the smallest.
 */
import { parts } from '../../src/plan/bind/walk.ts'
import type { Expr, From, Query, QueryBody, Select } from '../../src/sql/ast.ts'
import { literal, nullOf, typed, typeOf } from './random-expressions.ts'
import { Random, type RandomTable } from './random-tables.ts'

/** Every query that is one step smaller, the boldest steps first. */
export function* smallerQueries(q: Query): Generator<Query> {
  if (q.body.kind === 'query') yield q.body
  if (q.limit !== undefined) yield { ...q, limit: undefined }
  if (q.orderBy.length > 0) yield { ...q, orderBy: [], limit: undefined }
  for (const [i] of q.with.entries()) yield { ...q, with: q.with.filter((_, at) => at !== i) }
  // Only what is not ordered may lose columns: ORDER BY names them.
  for (const body of smallerBodies(q.body, q.orderBy.length > 0)) yield { ...q, body }
  for (const [i, w] of q.with.entries())
    for (const query of smallerQueries(w.query))
      yield { ...q, with: q.with.map((x, at) => (at === i ? { ...w, query } : x)) }
  for (const [i, o] of q.orderBy.entries()) {
    if (o.descending || o.nulls !== undefined)
      yield { ...q, orderBy: q.orderBy.map((x, at) => (at === i ? { ...o, descending: false, nulls: undefined } : x)) }
    for (const expr of smallerExprs(o.expr))
      yield { ...q, orderBy: q.orderBy.map((x, at) => (at === i ? { ...o, expr } : x)) }
  }
}

function* smallerBodies(b: QueryBody, fixed: boolean): Generator<QueryBody> {
  if (b.kind === 'query') {
    for (const query of smallerQueries(b)) yield query
  } else if (b.kind === 'setOperation') {
    yield b.left
    if (!fixed) yield b.right
    if (b.all) yield { ...b, all: false }
    for (const left of smallerBodies(b.left, true)) yield { ...b, left }
    for (const right of smallerBodies(b.right, true)) yield { ...b, right }
  } else for (const select of smallerSelects(b, fixed)) yield select
}

function* smallerSelects(s: Select, fixed: boolean): Generator<Select> {
  if (s.where !== undefined) yield { ...s, where: undefined }
  if (s.having !== undefined) yield { ...s, having: undefined }
  if (s.distinct) yield { ...s, distinct: false }
  if (!fixed && s.items.length > 1)
    for (const [i] of s.items.entries()) yield { ...s, items: s.items.filter((_, at) => at !== i) }
  for (const [i] of s.groupBy.entries()) yield { ...s, groupBy: s.groupBy.filter((_, at) => at !== i) }
  if (s.from !== undefined) for (const from of smallerFroms(s.from)) yield { ...s, from }
  if (s.where !== undefined) for (const where of smallerExprs(s.where)) yield { ...s, where }
  if (s.having !== undefined) for (const having of smallerExprs(s.having)) yield { ...s, having }
  for (const [i, item] of s.items.entries()) {
    if (item.kind === 'expr') for (const expr of smallerExprs(item.expr)) yield replaced(s, i, expr)
  }
  for (const [i, key] of s.groupBy.entries()) {
    for (const expr of smallerExprs(key))
      if (expr.kind === 'column' || parts(expr).length > 0)
        yield { ...s, groupBy: s.groupBy.map((x, at) => (at === i ? expr : x)) }
  }
}

function replaced(s: Select, i: number, expr: Expr): Select {
  return { ...s, items: s.items.map((x, at) => (at === i && x.kind === 'expr' ? { ...x, expr } : x)) }
}

function* smallerFroms(f: From): Generator<From> {
  if (f.kind === 'join') {
    yield f.left
    yield f.right
    if (f.type !== 'inner' && f.type !== 'cross') yield { ...f, type: 'inner' }
    for (const left of smallerFroms(f.left)) yield { ...f, left }
    for (const right of smallerFroms(f.right)) yield { ...f, right }
    if (f.on !== undefined) for (const on of smallerExprs(f.on)) yield { ...f, on }
  } else if (f.kind === 'derived') for (const query of smallerQueries(f.query)) yield { ...f, query }
}

/** Parts of the same type in its place, then NULL or a literal, then the same one level down. */
export function* smallerExprs(e: Expr): Generator<Expr> {
  const type = typeOf(e)
  if (type === undefined || e.kind === 'null') return
  for (const part of parts(e)) if (typeOf(part) === type) yield part
  if (
    e.kind !== 'column' &&
    e.kind !== 'string' &&
    e.kind !== 'number' &&
    e.kind !== 'boolean' &&
    parts(e).length > 0
  ) {
    yield nullOf(type)
    if (e.kind !== 'cast' || e.operand.kind !== 'string') yield literal(type, new Random(1))
  }
  const made = (of: Expr): Expr => typed(of, type)
  if ((e.kind === 'exists' || e.kind === 'subquery') && e.query !== undefined)
    for (const query of smallerQueries(e.query)) yield made({ ...e, query })
  if (e.kind === 'in' && e.query !== undefined) for (const query of smallerQueries(e.query)) yield made({ ...e, query })
  yield* inside(e, made)
}

function* inside(e: Expr, made: (of: Expr) => Expr): Generator<Expr> {
  switch (e.kind) {
    case 'unary':
    case 'cast':
    case 'isNull':
      for (const operand of smallerExprs(e.operand)) yield made({ ...e, operand })
      return
    case 'binary':
      for (const left of smallerExprs(e.left)) yield made({ ...e, left })
      for (const right of smallerExprs(e.right)) yield made({ ...e, right })
      return
    case 'between':
      for (const operand of smallerExprs(e.operand)) yield made({ ...e, operand })
      for (const low of smallerExprs(e.low)) yield made({ ...e, low })
      for (const high of smallerExprs(e.high)) yield made({ ...e, high })
      return
    case 'in':
      for (const operand of smallerExprs(e.operand)) yield made({ ...e, operand })
      if (e.items !== undefined && e.items.length > 1)
        for (const [i] of e.items.entries()) yield made({ ...e, items: e.items.filter((_, at) => at !== i) })
      for (const [i, item] of (e.items ?? []).entries())
        for (const x of smallerExprs(item))
          yield made({ ...e, items: (e.items ?? []).map((y, at) => (at === i ? x : y)) })
      return
    case 'like':
      for (const operand of smallerExprs(e.operand)) yield made({ ...e, operand })
      return
    case 'case':
      if (e.whens.length > 1)
        for (const [i] of e.whens.entries()) yield made({ ...e, whens: e.whens.filter((_, at) => at !== i) })
      for (const [i, w] of e.whens.entries()) {
        for (const when of smallerExprs(w.when))
          yield made({ ...e, whens: e.whens.map((x, at) => (at === i ? { ...w, when } : x)) })
        for (const then of smallerExprs(w.then))
          yield made({ ...e, whens: e.whens.map((x, at) => (at === i ? { ...w, then } : x)) })
      }
      if (e.otherwise !== undefined) for (const otherwise of smallerExprs(e.otherwise)) yield made({ ...e, otherwise })
      return
    case 'call':
      if (e.filter !== undefined) yield made({ ...e, filter: undefined })
      if (e.filter !== undefined) for (const filter of smallerExprs(e.filter)) yield made({ ...e, filter })
      for (const [i, arg] of e.args.entries())
        for (const x of smallerExprs(arg)) yield made({ ...e, args: e.args.map((y, at) => (at === i ? x : y)) })
      return
    default:
  }
}

/** Takes one step after another as long as `fails` says that what is left still fails; stops after `most` attempts. */
export async function shrink(
  query: Query,
  tables: readonly RandomTable[],
  fails: (query: Query, tables: readonly RandomTable[]) => Promise<boolean>,
  most = 600,
) {
  let [q, t] = [query, tables]
  let left = most
  const step = async <T>(candidates: Iterable<T>, ok: (candidate: T) => Promise<boolean>): Promise<T | undefined> => {
    for (const candidate of candidates) {
      if (left-- <= 0) return undefined
      if (await ok(candidate)) return candidate
    }
    return undefined
  }
  for (let next: Query | undefined = q; next !== undefined; ) {
    next = await step(smallerQueries(q), (c) => fails(c, t))
    if (next !== undefined) q = next
  }
  left = Math.max(left, 200)
  for (let next: readonly RandomTable[] | undefined = t; next !== undefined; ) {
    next = await step(smallerTables(t), (c) => fails(q, c))
    if (next !== undefined) t = next
  }
  return { query: q, tables: t }
}

/** Halves of the rows, then single rows left out. */
function* smallerTables(tables: readonly RandomTable[]): Generator<readonly RandomTable[]> {
  for (const [i, table] of tables.entries()) {
    const n = table.rows.length
    for (let size = n; size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
      for (let at = 0; at < n; at += size)
        yield tables.map((x, j) =>
          j === i ? { ...table, rows: table.rows.filter((_, k) => k < at || k >= at + size) } : x,
        )
    }
  }
}
