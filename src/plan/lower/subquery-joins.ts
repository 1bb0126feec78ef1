/** A subquery as a join of its rows with the outer ones, and what stands in its place above that join. */
import { BOOLEAN, type DataType } from '../../types.ts'
import { comparable, compare } from '../bind/expressions/coerce.ts'
import { allOf } from '../expressions/conjuncts.ts'
import { sourcesWithin } from './correlation.ts'
import { exprKey } from '../expressions/expr-key.ts'
import type { Aggregate, BoundExpr, Join, Plan, Subquery } from '../plan.ts'
import { mapChildren, visit } from '../expressions/children.ts'
import { printBound } from '../explain/print-bound.ts'
import { ifNull, orEmpty } from './rows-for-each.ts'
import { type Body, filter, uses } from './subquery-body.ts'

/** Gives numbers of sources that the statement does not have yet. */
export interface SourceNumbers {
  source(): number
}

/** The outer rows joined with those of a subquery. */
export interface Joined {
  readonly plan: Plan
  /** What stands in place of the subquery, over the joined rows. */
  readonly answer: BoundExpr
}

export function joinWith(left: Plan, s: Subquery, body: Body, work: SourceNumbers): Joined {
  if (body.aggregate !== undefined && body.aggregate.keys.length === 0)
    return withTotals(left, s, body, body.aggregate, work)
  return s.mode === 'scalar' ? withSingle(left, s, body, work) : withMark(left, s, body, work)
}

/** `then` where the outer row lets the subquery have rows at all. */
function gated(gate: readonly BoundExpr[], then: BoundExpr, otherwise: BoundExpr): BoundExpr {
  return gate.length === 0
    ? then
    : { kind: 'case', whens: [{ when: allOf(gate), then }], otherwise, type: then.type, span: then.span }
}

function truth(value: boolean | null, type: DataType = BOOLEAN): BoundExpr {
  return { kind: 'constant', value, type }
}

/**
 * The subquery's rows as a relation of its own: its value first, then what ties it, then what the residual terms look
 * at.
 */
interface Right {
  readonly plan: Plan
  readonly value: BoundExpr
  readonly keys: Join['keys']
  readonly residual: BoundExpr | undefined
}

/** `wanted`: whether the subquery's value is looked at, and in which order its rows come. */
function rightSide(
  body: Body,
  wanted: {
    readonly value: boolean
    readonly ordered: boolean
    readonly above?: (inner: (e: BoundExpr) => BoundExpr, value: BoundExpr) => BoundExpr
  },
  work: SourceNumbers,
): Right {
  const source = work.source()
  const { input, columns, keys } = grouped(body)
  const inner = new Map<string, BoundExpr>()
  const own = sourcesWithin(body.from)
  // A value that uses the outer query is computed above the join, where a mark says whether there is a row.
  const reaches = wanted.value && wanted.above !== undefined
  for (const term of reaches ? [...body.residual, columns[0].expr] : body.residual)
    visit(term, (e) => {
      if ('source' in e && own.has(e.source)) inner.set(exprKey(e), e)
    })
  const wants = wanted.value ? [reaches ? TRUE : columns[0].expr] : []
  const firstKey = wants.length
  const exprs = [...wants, ...keys, ...inner.values()]
  // Nothing to look at: that there is a row is enough.
  if (exprs.length === 0) exprs.push(TRUE)
  const column = (index: number): BoundExpr => ({
    kind: 'column',
    source,
    index,
    name: nameOf(exprs[index], index),
    type: exprs[index].type,
  })
  const places = new Map([...inner.keys()].map((key, i) => [key, column(firstKey + keys.length + i)]))
  const place = (e: BoundExpr): BoundExpr => places.get(exprKey(e)) ?? mapChildren(e, place)
  const sorted: Plan = wanted.ordered && body.sort !== undefined ? { ...body.sort, input } : input
  return {
    plan: {
      kind: 'project',
      source,
      input: sorted,
      columns: exprs.map((expr, i) => ({ name: nameOf(expr, i), expr })),
    },
    value: wanted.above === undefined ? column(0) : ifThere(column(0), wanted.above(place, columns[0].expr)),
    keys: body.keys.map((k, i) => ({ left: k.outer, right: column(firstKey + i), by: k.by })),
    residual: body.residual.length === 0 ? undefined : allOf(body.residual.map(place)),
  }
}

const TRUE: BoundExpr = { kind: 'constant', value: true, type: BOOLEAN }

function ifThere(mark: BoundExpr, then: BoundExpr): BoundExpr {
  return ifNull(mark, { kind: 'constant', value: null, type: then.type }, then)
}

function nameOf(e: BoundExpr, index: number): string {
  return e.kind === 'path' || e.kind === 'column' || e.kind === 'slot' ? printBound(e) : `_c${index}`
}

/** With GROUP BY the ties become further keys of the groups: the slots of the aggregates move behind them. */
function grouped(body: Body): { input: Plan; columns: Body['columns']; keys: readonly BoundExpr[] } {
  const { aggregate, columns } = body
  if (aggregate === undefined) return { input: body.from, columns, keys: body.keys.map((k) => k.inner) }
  const first = aggregate.keys.length
  const moved = (e: BoundExpr): BoundExpr =>
    e.kind === 'slot' ? { ...e, index: e.index < first ? e.index : e.index + body.keys.length } : mapChildren(e, moved)
  const input: Plan = { ...aggregate, input: body.from, keys: [...aggregate.keys, ...body.keys.map((k) => k.inner)] }
  return {
    input: body.having === undefined ? input : filter(input, [moved(body.having)]),
    columns: columns.map((c) => ({ ...c, expr: moved(c.expr) })),
    keys: body.keys.map((k, i) => ({ kind: 'slot', index: first + i, name: nameOf(k.inner, i), type: k.inner.type })),
  }
}

function withMark(left: Plan, s: Subquery, body: Body, work: SourceNumbers): Joined {
  const right = rightSide(body, { value: s.mode === 'in', ordered: false }, work)
  const { plan, answer } = marked(left, s, right, work)
  return { plan, answer: gated(body.gate, answer, truth(s.negated)) }
}

/** EXISTS and IN over the rows of the subquery. */
export function marked(left: Plan, s: Subquery, right: Right, work: SourceNumbers): Joined {
  const source = work.source()
  const operand = s.operand
  let value: NonNullable<Join['mark']>['value']
  if (operand !== undefined) {
    const { by, sides } = comparable([operand, right.value], s.span)
    value = { left: sides[0], right: sides[1], by }
  }
  const plan: Join = {
    kind: 'join',
    type: 'mark',
    left,
    right: right.plan,
    keys: right.keys,
    residual: right.residual,
    mark: { source, value },
  }
  const mark: BoundExpr = {
    kind: 'column',
    source,
    index: 0,
    name: s.mode === 'in' ? 'is in' : 'exists',
    type: BOOLEAN,
    span: s.span,
  }
  return { plan, answer: s.negated ? { kind: 'not', operand: mark, type: BOOLEAN, span: s.span } : mark }
}

/** One row at most for each outer row; a second is an error, or skipped with LIMIT 1. */
function withSingle(left: Plan, s: Subquery, body: Body, work: SourceNumbers): Joined {
  const first = body.limit?.count === 1
  const outer = new Set(s.outer.map((o) => exprKey(o.ref)))
  const above =
    body.aggregate === undefined && uses(body.columns[0].expr, outer)
      ? (inner: (e: BoundExpr) => BoundExpr, e: BoundExpr) => body.place(inner(e))
      : undefined
  const right = rightSide(body, { value: true, ordered: first, above }, work)
  const plan: Join = {
    kind: 'join',
    type: 'single',
    left,
    right: right.plan,
    keys: right.keys,
    residual: right.residual,
    first,
    span: s.span,
  }
  return { plan, answer: gated(body.gate, { ...right.value, span: s.span }, truth(null, right.value.type)) }
}

/**
 * An aggregate without GROUP BY has one row also where nothing matches: its groups are joined, and a missing one has
 * the values of an empty group.
 */
function withTotals(left: Plan, s: Subquery, body: Body, aggregate: Aggregate, work: SourceNumbers): Joined {
  const source = work.source()
  const n = body.keys.length
  const keys = body.keys.map((k) => k.inner)
  const slots = [
    ...aggregate.aggregates.map((a, i) => slot(n + i, a.text, a.type)),
    ...keys.map((k, i) => slot(i, nameOf(k, i), k.type)),
  ]
  const column = (index: number): BoundExpr => ({
    kind: 'column',
    source,
    index,
    name: slots[index].name,
    type: slots[index].type,
  })
  const right: Plan = {
    kind: 'project',
    source,
    input: { ...aggregate, input: body.from, keys },
    columns: slots.map((expr) => ({ name: expr.name, expr })),
  }
  const plan: Join = {
    kind: 'join',
    type: 'left',
    left,
    right,
    keys: body.keys.map((k, i) => ({ left: k.outer, right: column(aggregate.aggregates.length + i), by: k.by })),
  }
  const found = (e: BoundExpr): BoundExpr =>
    e.kind === 'slot' ? orEmpty(column(e.index), aggregate.aggregates[e.index]) : mapChildren(e, found)
  const empty = (e: BoundExpr): BoundExpr =>
    e.kind === 'slot'
      ? orEmpty(truth(null, aggregate.aggregates[e.index].type), aggregate.aggregates[e.index])
      : mapChildren(e, empty)
  // Outer names first: what they stand for may be slots of the outer query's own groups.
  const answer = (over: (e: BoundExpr) => BoundExpr): BoundExpr => {
    const above = (e: BoundExpr): BoundExpr => placedOver(e, s, over)
    return totalAnswer(s, above(body.columns[0].expr), body.having === undefined ? undefined : above(body.having))
  }
  return { plan, answer: body.gate.length === 0 ? answer(found) : gated(body.gate, answer(found), answer(empty)) }
}

/** Outer names become what they stand for, slots of the subquery what `over` makes of them. */
function placedOver(e: BoundExpr, s: Subquery, over: (e: BoundExpr) => BoundExpr): BoundExpr {
  const outer = 'source' in e ? s.outer.find((o) => exprKey(o.ref) === exprKey(e)) : undefined
  if (outer !== undefined) return outer.value
  return e.kind === 'slot' ? over(e) : mapChildren(e, (c) => placedOver(c, s, over))
}

function slot(index: number, name: string, type: DataType): Extract<BoundExpr, { kind: 'slot' }> {
  return { kind: 'slot', index, name, type }
}

/** HAVING decides whether the one row is there. */
function totalAnswer(s: Subquery, value: BoundExpr, having: BoundExpr | undefined): BoundExpr {
  const chosen = (then: BoundExpr, otherwise: BoundExpr): BoundExpr =>
    having === undefined
      ? then
      : { kind: 'case', whens: [{ when: having, then }], otherwise, type: then.type, span: s.span }
  if (s.mode === 'exists') return chosen(truth(!s.negated), truth(s.negated))
  if (s.operand === undefined)
    return chosen({ ...value, span: s.span }, { kind: 'constant', value: null, type: value.type })
  return chosen(compare(s.negated ? '!=' : '=', s.operand, value, s.span), truth(s.negated))
}
