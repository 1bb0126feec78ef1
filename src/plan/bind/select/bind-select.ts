/**
 * One SELECT over a bound FROM: stars expanded, aggregates separated, output columns named, DISTINCT, ORDER BY. It asks
 * nothing of the catalog and binds no query inside a query.
 */
import type * as ast from '../../../sql/ast.ts'
import { SqlError } from '../../../sql/error.ts'
import { META_FIELDS } from '../../../types.ts'
import type { ExpressionContext } from '../expressions/expression-context.ts'
import { bindExpr } from '../expressions/bind-expression.ts'
import { condition } from '../expressions/coerce.ts'
import type { BoundExpr, Output, OutputColumn, Plan } from '../../plan.ts'
import type { TableRelation } from '../names/relation.ts'
import { Scope } from '../names/scope.ts'
import { aliasesBefore, refuseAlias } from './select-aliases.ts'
import { asFilter } from '../expressions/truth.ts'
import type { Bound, BoundRelation, Subqueries } from './bound-query.ts'
import { besideOf, columnOf, facts, isBareStar, outputColumns, root, starColumns } from './output-columns.ts'
import { type SortKeys, bindOrders } from './order-by.ts'
import { bindGrouped, hasAggregate, numbered, usesAggregates, withHops } from './bind-grouped.ts'
import { columnsShape, outputPath } from './column-names.ts'

/** A relation as the result, with ORDER BY over its columns. */
export function orderedRows(
  of: BoundRelation,
  orderBy: readonly ast.OrderItem[],
  subqueries: Subqueries,
  outer?: Scope,
): Bound {
  const { relation, plan } = of
  const columns: OutputColumn[] = relation.columns.map((c, i) => ({
    path: c.name.split('.'),
    expr: columnOf(relation, i),
    spread: c.open,
  }))
  const output: Output = { kind: 'output', input: plan, metadata: false, shape: { kind: 'columns', columns } }
  const context: ExpressionContext = { scope: new Scope([relation], outer), clause: 'ORDER BY', subqueries }
  return { output, orders: bindOrders(orderBy, columns, (e) => bindExpr(e, context)) }
}

/** `input`: the rows of FROM; `scope`: the names in it. */
export function bindSelect(
  select: ast.Select,
  input: Plan,
  scope: Scope,
  orderBy: readonly ast.OrderItem[],
  subqueries: Subqueries,
  newSource: () => number,
): Bound {
  let plan = input
  if (select.where !== undefined) {
    const aliases = aliasesBefore(select, scope)
    const refuse = aliases.size === 0 ? undefined : (e: ast.ColumnRef): void => refuseAlias(e, aliases, hasAggregate)
    const predicate = asFilter(
      condition(bindExpr(select.where, { scope, clause: 'WHERE', subqueries, refuse }), 'WHERE'),
    )
    plan = { kind: 'filter', input: plan, predicate }
  }
  const grouped =
    select.groupBy.length > 0 ||
    select.having !== undefined ||
    usesAggregates(select) ||
    orderBy.some((o) => hasAggregate(o.expr))
  const bound = grouped
    ? bindGrouped(select, withHops(select, scope, plan, orderBy, subqueries, newSource), orderBy, subqueries)
    : bindPlain(select, scope, plan, orderBy, subqueries)
  return select.distinct ? distinct(bound, select) : bound
}

/** DISTINCT is a GROUP BY of all output columns. */
function distinct(bound: Bound, select: ast.Select): Bound {
  const columns = outputColumns(bound.output.shape)
  const keys = columns.map((c) => c.expr)
  const slots = numbered(keys)
  const slot = (e: BoundExpr, index: number): BoundExpr => ({
    kind: 'slot',
    index,
    name: columns[index].path.join('.'),
    type: e.type,
  })
  const orders = bound.orders.map((o) => {
    const at = slots.of(o.expr)
    if (at === undefined)
      throw new SqlError(
        'GROUPING',
        'With DISTINCT, ORDER BY can name output columns only.',
        o.expr.span ?? select.span,
      )
    return { ...o, expr: slot(o.expr, at) }
  })
  const input: Plan = { kind: 'aggregate', input: bound.output.input, keys, aggregates: [] }
  return {
    output: {
      kind: 'output',
      input,
      metadata: false,
      shape: { kind: 'columns', columns: columns.map((c, i) => ({ ...c, expr: slot(c.expr, i) })) },
    },
    orders,
  }
}

// ---------------------------------------------------------------------------------------------- SELECT without
// aggregates

function bindPlain(
  select: ast.Select,
  scope: Scope,
  input: Plan,
  orderBy: readonly ast.OrderItem[],
  subqueries: Subqueries,
): Bound {
  const record = recordOf(scope)
  const scan = scope.relations.length === 1 ? record : undefined
  const context: ExpressionContext = { scope, clause: 'SELECT', subqueries }
  const orders = (columns: readonly OutputColumn[]): SortKeys =>
    withTieBreakers(
      bindOrders(orderBy, columns, (e) => bindExpr(e, { ...context, clause: 'ORDER BY' })),
      select.distinct ? undefined : scan,
    )
  const only = select.items.length === 1 ? select.items[0] : undefined
  const frame = {
    kind: 'output',
    input,
    metadata: record !== undefined,
    facts: record && facts(record),
    beside: besideOf(select, scope, record),
  } as const
  if (scan !== undefined && only?.kind === 'star' && isBareStar(only, scan))
    return {
      output: { ...frame, shape: { kind: 'record', key: root(scan, 'key'), value: root(scan, 'value') } },
      orders: orders([]),
    }
  const columns: OutputColumn[] = []
  select.items.forEach((item, i) => {
    if (item.kind === 'star') columns.push(...starColumns(item, scope))
    else columns.push({ path: outputPath(item, i), expr: bindExpr(item.expr, context) })
  })
  const star = record !== undefined && select.items.some((i) => i.kind === 'star' && isBareStar(i, record))
  return {
    output: { ...frame, shape: columnsShape(columns, star ? root(record, 'key') : undefined) },
    orders: orders(columns),
  }
}

/** The topic whose records the rows are, each one record: alone in FROM, or with items of its arrays. */
function recordOf({ relations: [first, ...rest] }: Scope): TableRelation | undefined {
  return first?.kind === 'table' && rest.every((r) => r.kind === 'rows' && r.item === true) ? first : undefined
}

/**
 * Newest first over one topic leaves no ties open: among equal times the later offset comes first, among equal offsets
 * the lower partition.
 */
function withTieBreakers(orders: SortKeys, scan: TableRelation | undefined): SortKeys {
  const first = orders[0]?.expr
  if (scan === undefined || first?.kind !== 'path' || first.path.facet !== 'meta' || !orders[0].descending)
    return orders
  if (first.path.steps[0] !== 'offset' && first.path.steps[0] !== 'timestamp') return orders
  const missing = (['offset', 'partition'] as const).filter(
    (field) =>
      !orders.some((o) => o.expr.kind === 'path' && o.expr.path.facet === 'meta' && o.expr.path.steps[0] === field),
  )
  return [
    ...orders,
    ...missing.map((field) => ({
      expr: {
        kind: 'path',
        source: scan.source,
        path: { facet: 'meta', steps: [field] },
        type: META_FIELDS[field],
      } as const,
      descending: field === 'offset',
      nullsFirst: false,
    })),
  ]
}
